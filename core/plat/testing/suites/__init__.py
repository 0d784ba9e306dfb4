"""One conformance suite for each hook: inherit it, say what to test, and the promises of API.md are tests of yours.

    class TestAcme(RendererSuite):
        plugin = Acme
        examples = (RenderExample({"acme.yaml": "..."}, objects=("ConfigMap shop/web",)),)

Each test's docstring says what the core relies on and how to mend a failure.
"""

from __future__ import annotations

from plat.testing.suites.cluster_provider import ClusterProviderSuite
from plat.testing.suites.dialect import DialectSuite
from plat.testing.suites.events import EventSuite, event
from plat.testing.suites.generator import GeneratorExample, GeneratorSuite
from plat.testing.suites.health_check import HealthCheckSuite
from plat.testing.suites.plugin import PluginSuite
from plat.testing.suites.renderer import RendererSuite, RenderExample
from plat.testing.suites.tool import ToolSuite

__all__ = [
    "ClusterProviderSuite",
    "DialectSuite",
    "EventSuite",
    "GeneratorExample",
    "GeneratorSuite",
    "HealthCheckSuite",
    "PluginSuite",
    "RenderExample",
    "RendererSuite",
    "ToolSuite",
    "event",
]
