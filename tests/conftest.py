"""A real control plane for tests, booted by the plug-in that users have, with the programs that users get.

One for each worker, started when the first test asks for it. Where the programs cannot be had, the test fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from plat.api import JSON, Connection, ProviderContext, UserError
from plat.tools import Toolbox, cache_folder
from plat_local import Local
from plat_local.plugin import plat_tools


@dataclass(frozen=True, kw_only=True)
class RunningControlPlane:
    """A local cluster, for tests. All tests of a worker share it: use a namespace of your own."""

    name: str
    server: str
    kubeconfig: Mapping[str, JSON] = field(repr=False)
    kubeconfig_path: Path
    kubectl: Path


class _Log:
    def debug(self, text: str, /, **facts: JSON) -> None: ...
    def info(self, text: str, /, **facts: JSON) -> None: ...
    def warning(self, text: str, /, **facts: JSON) -> None: ...


class _Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class _Refused:
    """A capability that the provider does not ask for."""

    def __getattr__(self, name: str) -> Any:
        pytest.fail(f"the provider used {name} of a capability that it does not need")

    async def __call__(self, *argv: str, **_: Any) -> Any:
        pytest.fail(f"the provider ran {argv}")


def provider_context(work: Path, name: str, programs: Toolbox) -> ProviderContext:
    """Return a context with what the local provider needs and nothing else."""
    refused = _Refused()
    return ProviderContext(
        log=_Log(),
        clock=_Clock(),
        progress=print,
        key=name,
        http=refused,
        exec=refused,
        programs=programs,
        work=work,
        name=name,
    )


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build the programs before the first test that needs them: a test's time-out is no time for a build.

    Where they cannot be had, the tests that need them fail and say why.
    """
    if any({"control_plane", "toolbox"} & set(getattr(item, "fixturenames", ())) for item in session.items):
        with contextlib.suppress(UserError):
            asyncio.run(_toolbox().paths([tool.program for tool in plat_tools()], progress=print))


def _toolbox() -> Toolbox:
    return Toolbox(plat_tools(), cache=cache_folder(os.environ), environ=os.environ)


@pytest.fixture(scope="session")
def toolbox() -> Toolbox:
    """Return the real toolbox over the user's real cache."""
    return _toolbox()


@pytest.fixture(scope="session")
def control_plane(toolbox: Toolbox, worker_id: str) -> Iterator[RunningControlPlane]:
    """Yield a running control plane, and end it after the last test of this worker."""
    yield from _running(toolbox, f"test-{worker_id}")


@pytest.fixture(scope="session")
def second_control_plane(toolbox: Toolbox, worker_id: str) -> Iterator[RunningControlPlane]:
    """Yield another one, for what takes several clusters."""
    yield from _running(toolbox, f"test-{worker_id}-second")


def _running(toolbox: Toolbox, name: str) -> Iterator[RunningControlPlane]:
    work = Path(tempfile.mkdtemp(prefix="plat-test-"))
    context = provider_context(work, name, toolbox)
    provider = Local()
    try:
        yield asyncio.run(_boot(provider, context, toolbox))
    finally:
        asyncio.run(provider.delete(context))
        shutil.rmtree(work, ignore_errors=True)


async def _boot(provider: Local, context: ProviderContext, toolbox: Toolbox) -> RunningControlPlane:
    kubectl = await toolbox.path("kubectl", progress=print)
    await provider.create(context)
    connection: Connection = await provider.connect(context)
    path = context.work / "kubeconfig-for-tests"
    path.touch(mode=0o600)
    path.write_text(json.dumps(connection.kubeconfig), encoding="utf-8")
    return RunningControlPlane(
        name=context.name,
        server=str(connection.kubeconfig["clusters"][0]["cluster"]["server"]),
        kubeconfig=connection.kubeconfig,
        kubeconfig_path=path,
        kubectl=kubectl,
    )
