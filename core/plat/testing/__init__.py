"""What authors of plug-ins test with: conformance suites, fakes of all contexts, the simulated world.

It knows the whole core, and nothing of it knows this. Needs the extra `plat-core[testing]`. The simulated world is in
`plat.testing.simulation`, which is imported by those who need it.
"""

from __future__ import annotations

from plat.testing.contexts import generator_context, provider_context, render_context
from plat.testing.damage import damaged
from plat.testing.libraries import FakeEval, FakeRender
from plat.testing.programs import FakeExec, FakePrograms
from plat.testing.suites import (
    ClusterProviderSuite,
    DialectSuite,
    EventSuite,
    GeneratorExample,
    GeneratorSuite,
    HealthCheckSuite,
    PluginSuite,
    RendererSuite,
    RenderExample,
    ToolSuite,
    event,
)
from plat.testing.surroundings import FakeClock, FakeLog
from plat.testing.trees import FakeTree, Link
from plat.testing.web import FakeHttp, FakeReply
from plat.testing.world import FakeCluster, FakeGit, FakeLookup

__all__ = [
    "ClusterProviderSuite",
    "DialectSuite",
    "EventSuite",
    "FakeClock",
    "FakeCluster",
    "FakeEval",
    "FakeExec",
    "FakeGit",
    "FakeHttp",
    "FakeLog",
    "FakeLookup",
    "FakePrograms",
    "FakeRender",
    "FakeReply",
    "FakeTree",
    "GeneratorExample",
    "GeneratorSuite",
    "HealthCheckSuite",
    "Link",
    "PluginSuite",
    "RenderExample",
    "RendererSuite",
    "ToolSuite",
    "damaged",
    "event",
    "generator_context",
    "provider_context",
    "render_context",
]
