from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import provider_context

from plat.api import ProviderContext, UnavailableError, UserError
from plat.tools import Toolbox
from plat_local import Local
from plat_local._api import Api
from plat_local._components import PROGRAMS
from plat_local._control_plane import ControlPlane
from plat_local._home import Home
from plat_local._processes import running

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


@pytest.fixture
async def context(tmp_path: Path, toolbox: Toolbox) -> AsyncIterator[Callable[[str], ProviderContext]]:
    """Make contexts over one folder of clusters; all of them are gone at the end."""
    yield lambda name: provider_context(tmp_path, name, toolbox)
    for name in ("one", "two"):
        await Local().delete(provider_context(tmp_path, name, toolbox))
    assert not ours(tmp_path)


def ours(work: Path) -> list[str]:
    """Return the command lines of all processes that belong to clusters of a folder."""
    listed = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if f"={work}/" in line]


def api(context: ProviderContext) -> Api:
    home = Home.of(context.work, context.name)
    record = home.read()
    assert record is not None
    return Api(home, record.ports.api)


def note(context: ProviderContext, name: str) -> None:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
    api(context).create("/api/v1/namespaces/default/configmaps", manifest)


def noted(context: ProviderContext, name: str) -> bool:
    return api(context).get(f"/api/v1/namespaces/default/configmaps/{name}") is not None


def kill(context: ProviderContext, program: str) -> None:
    pid = running(Home.of(context.work, context.name), program)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


async def test_two_clusters_boot_side_by_side_and_know_nothing_of_each_other(context: Any) -> None:
    one, two = context("one"), context("two")
    await asyncio.gather(Local().create(one), Local(nodes=3).create(two))
    assert Local().names(one) == ("one", "two")
    servers = {(await Local().connect(c)).kubeconfig["clusters"][0]["cluster"]["server"] for c in (one, two)}
    assert len(servers) == 2
    assert len(api(one).get("/api/v1/nodes")["items"]) == 1
    assert len(api(two).get("/api/v1/nodes")["items"]) == 3
    note(one, "here")
    assert noted(one, "here")
    assert not noted(two, "here")


async def test_a_stopped_cluster_starts_again_with_its_data_and_its_address(context: Any) -> None:
    one = context("one")
    with pytest.raises(UnavailableError, match="plat cluster create one"):
        await Local().connect(one)
    await Local().create(one)
    before = await Local().connect(one)
    note(one, "kept")
    plane = ControlPlane(Home.of(one.work, "one"))
    await plane.stop()
    assert not ours(one.work)
    with pytest.raises(UnavailableError):
        await Local().connect(one)
    await Local().create(one)
    assert await Local().connect(one) == before
    assert noted(one, "kept")


@pytest.mark.parametrize("program", PROGRAMS)
async def test_a_cluster_that_lost_a_program_is_mended(context: Any, program: str) -> None:
    one = context("one")
    await Local().create(one)
    note(one, "kept")
    kill(one, program)
    await Local().create(one)
    assert ControlPlane(Home.of(one.work, "one")).runs()
    assert noted(one, "kept")


async def test_creating_what_runs_changes_nothing(context: Any) -> None:
    one = context("one")
    await Local().create(one)
    home = Home.of(one.work, "one")
    before = [running(home, program) for program in PROGRAMS]
    await asyncio.gather(Local().create(one), Local().create(one))
    assert [running(home, program) for program in PROGRAMS] == before


@pytest.mark.parametrize("seconds", [0.5, 1.5, 3.0])
async def test_after_a_kill_in_the_middle_the_next_one_succeeds(context: Any, toolbox: Toolbox, seconds: float) -> None:
    one = context("one")
    paths = {name: str(path) for name, path in (await toolbox.paths(PROGRAMS)).items()}
    script = (
        "import asyncio; from datetime import datetime, UTC; from pathlib import Path;"
        "from plat_local._home import Home; from plat_local._control_plane import ControlPlane;"
        f"home = Home(Path({str(one.work / 'one')!r}));"
        f"programs = {{name: Path(path) for name, path in {paths!r}.items()}};"
        "asyncio.run(ControlPlane(home).up(programs, nodes=1, now=datetime.now(UTC), say=print))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=subprocess.DEVNULL)
    await asyncio.sleep(seconds)
    process.kill()
    await process.wait()
    await Local().create(one)
    note(one, "works")
    assert noted(one, "works")
    assert len(ours(one.work)) == len(PROGRAMS)


async def test_ctrl_c_leaves_nothing_running(context: Any) -> None:
    one = context("one")
    task = asyncio.create_task(Local().create(one))
    await asyncio.sleep(1.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not ours(one.work)


async def test_a_program_that_does_not_start_is_one_clear_error(context: Any, toolbox: Toolbox, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho unknown flag: --x >&2\nexit 1\n")
    broken.chmod(0o755)
    one = context("one")
    programs = {**await toolbox.paths(PROGRAMS), "kube-apiserver": broken}
    plane = ControlPlane(Home.of(one.work, "one"))
    with pytest.raises(UserError, match="kube-apiserver ended at once\nunknown flag: --x"):
        await plane.up(programs, nodes=1, now=one.clock.now(), say=print)
    assert not ours(one.work)
    await Local().create(one)


async def test_a_port_that_someone_took_is_replaced(context: Any) -> None:
    one = context("one")
    await Local().create(one)
    note(one, "kept")
    home = Home.of(one.work, "one")
    record = home.read()
    assert record is not None
    await ControlPlane(home).stop()
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", record.ports.api)
    async with server:
        await Local().create(one)
        after = home.read()
        assert after is not None
        assert after.ports.api != record.ports.api
        assert noted(one, "kept")


async def test_deleting_twice_is_fine(context: Any) -> None:
    one = context("one")
    await Local().create(one)
    for _ in range(2):
        await Local().delete(one)
        assert Local().names(one) == ()
        assert not (one.work / "one").exists()
