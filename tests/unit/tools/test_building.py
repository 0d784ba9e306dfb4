from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plat.api import Tool, UserError
from plat.tools import _building
from plat.tools._recipe import batches, read_recipe

Make = Callable[..., type[Tool]]


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not done():  # noqa: ASYNC110  # the other side is another process
            await asyncio.sleep(0.02)


async def test_a_program_is_built_once(machine: Any, make_tool: Make, said: list[str]) -> None:
    tool = make_tool("tool")
    path = await machine.toolbox(tool).path("tool", progress=said.append)
    process = await asyncio.create_subprocess_exec(path, stdout=subprocess.PIPE)
    assert (await process.communicate())[0] == b"made by go\n"
    assert await machine.toolbox(tool).path("tool", progress=said.append) == path
    assert len(machine.built) == 1
    assert path.name == "tool"
    assert path.parent.name.startswith("tool-v1.2.3-")


async def test_what_will_be_built_is_said_first_and_once(machine: Any, make_tool: Make, said: list[str]) -> None:
    tools = [
        make_tool("one", minutes=3, megabytes=100),
        make_tool("two", minutes=4, megabytes=200),
        make_tool("other", module="other", minutes=2, megabytes=10),
    ]
    await machine.toolbox(*tools).paths(["one", "two", "other"], progress=said.append)
    assert "building one, two, other from source" in said[0]
    assert "about 6 min" in said[0]
    assert "310 MB" in said[0]
    assert sum("from source" in line for line in said) == 1


async def test_programs_of_one_module_are_built_together(machine: Any, make_tool: Make) -> None:
    tools = [make_tool("one"), make_tool("two"), make_tool("other", module="other")]
    paths = await machine.toolbox(*tools).paths(["one", "two", "other"])
    assert [path.name for path in paths.values()] == ["one", "two", "other"]
    assert len(machine.built) == 2
    assert all(path.is_file() for path in paths.values())


async def test_other_flags_are_another_build(machine: Any, make_tool: Make) -> None:
    tools = [make_tool("one", ldflags="-X a=b"), make_tool("two", tags="netgo")]
    await machine.toolbox(*tools).paths(["one", "two"])
    assert len(machine.built) == 2
    assert any("-ldflags=-X a=b" in line and "-trimpath" in line for line in machine.built)
    assert any("-tags=netgo" in line for line in machine.built)


@pytest.mark.parametrize(
    ("package", "file"),
    [
        ("go.etcd.io/etcd/server/v3", "server"),
        ("k8s.io/kubernetes/cmd/kubectl", "kubectl"),
        ("./cmd/tool", "tool"),
        ("example.com/v1", "v1"),
        ("example.com/tool/v12", "tool"),
    ],
)
def test_the_file_that_go_makes_is_known(make_tool: Make, package: str, file: str) -> None:
    (batch,) = batches([read_recipe(make_tool("prog", package=package), "linux-amd64")])
    assert list(batch.outputs()) == [file]


async def test_a_program_may_have_another_name_than_its_package(machine: Any, make_tool: Make) -> None:
    path = await machine.toolbox(make_tool("etcd", package="example.com/server/v3")).path("etcd")
    assert path.name == "etcd"


async def test_two_programs_of_packages_with_one_name(machine: Any, make_tool: Make) -> None:
    tools = [make_tool("one", package="example.com/a/cmd"), make_tool("two", package="example.com/b/cmd")]
    paths = await machine.toolbox(*tools).paths(["one", "two"])
    assert len(machine.built) == 2
    assert all(path.is_file() for path in paths.values())


@pytest.mark.parametrize("change", ["module", "sum", "flags"])
async def test_another_recipe_is_another_program(machine: Any, make_tool: Make, change: str) -> None:
    tool = make_tool("tool")
    before = await machine.toolbox(tool).path("tool")
    folder = machine.root / "modules" / "m"
    if change == "module":
        (folder / "go.mod").write_text("module m // changed\n")
    elif change == "sum":
        (folder / "go.sum").write_text("x")
    else:
        tool = make_tool("tool", ldflags="-s")
    after = await machine.toolbox(tool).path("tool")
    assert after != before
    assert before.exists()


async def test_an_interrupted_build_leaves_nothing_and_the_next_goes_on(
    machine: Any, make_tool: Make, said: list[str]
) -> None:
    machine.environ["FAKE_GO_SLEEPS"] = "30"
    tool = make_tool("tool")
    task = asyncio.create_task(machine.toolbox(tool).path("tool", progress=said.append))
    await until(lambda: bool(machine.built))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert machine.visible() == []
    assert any("interrupted" in line for line in said)
    del machine.environ["FAKE_GO_SLEEPS"]
    assert (await machine.toolbox(tool).path("tool")).is_file()


async def test_two_at_once_build_once(machine: Any, make_tool: Make, said: list[str]) -> None:
    machine.environ["FAKE_GO_SLEEPS"] = "0.5"
    tool = make_tool("tool")
    one, two = machine.toolbox(tool), machine.toolbox(tool)
    paths = await asyncio.gather(*(toolbox.path("tool", progress=said.append) for toolbox in (one, two)))
    assert paths[0] == paths[1]
    assert len(machine.built) == 1
    assert any(f"pid {os.getpid()}" in line and "building tool" in line for line in said if "waiting for" in line)


async def test_one_of_two_that_gives_up_leaves_the_build_to_the_other(machine: Any, make_tool: Make) -> None:
    machine.environ["FAKE_GO_SLEEPS"] = "0.5"
    toolbox = machine.toolbox(make_tool("tool"))
    one, two = (asyncio.create_task(toolbox.path("tool")) for _ in range(2))
    await until(lambda: bool(machine.built))
    one.cancel()
    assert (await two).is_file()


async def test_a_killed_builder_is_waited_for_and_replaced(machine: Any, make_tool: Make, said: list[str]) -> None:
    machine.environ["FAKE_GO_SLEEPS"] = "1"
    tool = make_tool("tool")
    program = (
        "import asyncio, os, sys\n"
        "from pathlib import Path\n"
        "from plat.api import GoBuild, Tool\n"
        "from plat.tools import Toolbox\n"
        "class It(Tool):\n"
        "    kind = program = 'tool'; version = 'v1.2.3'\n"
        "    def build(self):\n"
        f"        return GoBuild(module=Path({str(machine.root / 'modules' / 'm')!r}), package='example.com/tool',"
        " megabytes=1)\n"
        f"asyncio.run(Toolbox([It], cache=Path({str(machine.cache)!r}), environ=os.environ).path('tool'))\n"
    )
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", program, env=machine.environ)
    await until(lambda: bool(machine.built))
    other.kill()
    await other.wait()
    assert (await machine.toolbox(tool).path("tool", progress=said.append)).is_file()
    assert any(line.startswith("waiting for") and f"pid {other.pid}" in line for line in said)
    assert len(machine.visible()) == 1


@pytest.mark.parametrize(
    ("output", "message", "remedy"),
    [
        ("write /tmp/x: no space left on device", "the disk is full", "free some space"),
        ("dial tcp: lookup proxy.golang.org: no such host", "a download did not work", "check the network"),
        ("module lookup disabled by GOPROXY=off", "a download did not work", "GOPROXY"),
        ("main.go:3: undefined: x", "exit code 1", "KUBEBUILDER_ASSETS"),
    ],
)
async def test_a_failing_build_is_one_clear_error(
    machine: Any, make_tool: Make, output: str, message: str, remedy: str
) -> None:
    machine.environ["FAKE_GO_FAILS"] = output
    with pytest.raises(UserError) as error:
        await machine.toolbox(make_tool("tool")).path("tool")
    assert message in str(error.value)
    assert remedy in error.value.remedy
    assert "PATH (not there)" in str(error.value)
    assert machine.visible() == []


async def test_after_a_failure_it_is_tried_again(machine: Any, make_tool: Make) -> None:
    machine.environ["FAKE_GO_FAILS"] = "undefined: x"
    toolbox = machine.toolbox(make_tool("one"), make_tool("two"))
    for _ in range(2):
        answers = await asyncio.gather(toolbox.path("one"), toolbox.path("two"), return_exceptions=True)
        assert all(isinstance(answer, UserError) and "undefined: x" in str(answer) for answer in answers)
    assert len(machine.built) == 2


async def test_a_full_disk_is_seen_before_the_build(
    machine: Any, make_tool: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(machine.root)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(UserError, match="the disk is full: 0 MB free") as error:
        await machine.toolbox(make_tool("tool")).path("tool")
    assert "PLAT_CACHE" in error.value.remedy
    assert machine.built == []


async def test_a_cache_that_cannot_be_written(machine: Any, make_tool: Make) -> None:
    machine.cache.write_text("a file, where a folder should be")
    with pytest.raises(UserError, match="getting tool failed") as error:
        await machine.toolbox(make_tool("tool")).path("tool")
    assert "PLAT_CACHE" in error.value.remedy


async def test_a_package_that_is_no_program(machine: Any, make_tool: Make) -> None:
    with pytest.raises(UserError, match="made no thing"):
        await machine.toolbox(make_tool("tool", package="elsewhere.org/thing")).path("tool")
    assert machine.visible() == []


async def test_without_any_way_to_get_it(machine: Any, make_tool: Make) -> None:
    with pytest.raises(UserError, match="no way to fetch or build") as error:
        await machine.toolbox(make_tool("tool", package="")).path("tool")
    assert "put it on PATH" in error.value.remedy


def test_progress_says_how_far(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    times = iter(range(0, 1000, 2))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(times)))
    progress = _building._Progress("tool", said.append, total=200)
    for number in range(4):
        progress(f"example.com/{number}")
    assert said == ["tool: 2 of at most 200 packages (1%), 4 s", "tool: 4 of at most 200 packages (2%), 8 s"]


def test_the_log_is_kept(machine: Any, make_tool: Make) -> None:
    machine.environ["FAKE_GO_FAILS"] = "undefined: x"
    with pytest.raises(UserError) as error:
        asyncio.run(machine.toolbox(make_tool("tool")).path("tool"))
    (log,) = Path(machine.cache / "logs").iterdir()
    assert str(log) in str(error.value)
    assert "undefined: x" in log.read_text()
