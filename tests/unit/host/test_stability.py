"""Promises of the public API: each name is marked, and what is stable is frozen by `stable.json`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.unit.host.shapes import breaches, shape

import plat.api
from plat.api import Hooks, Plugin, Rendered, Renderer
from plat.api._stability import STABLE, Stability, stability
from plat.cli.scaffold import VARIANTS
from plat.plugging import HOOKS
from plat.testing import suites

ROOT = Path(__file__).resolve().parents[3]
FROZEN = json.loads((Path(__file__).parent / "stable.json").read_text())
HOOK_NAMES = sorted(name for name in vars(Hooks) if name.startswith("plat_"))
PUBLIC = {name: getattr(plat.api, name) for name in plat.api.__all__} | {n: vars(Hooks)[n] for n in HOOK_NAMES}


def test_only_names_that_exist_are_marked():
    assert set(STABLE) <= set(PUBLIC)
    assert {stability(name) for name in PUBLIC} <= set(Stability)


def test_what_is_stable_is_frozen_and_nothing_else():
    assert set(FROZEN) == set(STABLE), "write the shapes of new stable names into stable.json; remove none"


@pytest.mark.parametrize("name", sorted(STABLE))
def test_what_is_frozen_is_kept(name):
    assert breaches(FROZEN[name], shape(PUBLIC[name])) == []


@dataclass(frozen=True)
class Before:
    a: int
    b: str = ""


@dataclass(frozen=True)
class OptionalField:
    a: int
    b: str = ""
    c: int = 0


@dataclass(frozen=True)
class RequiredField:
    a: int
    c: int
    b: str = ""


@dataclass(frozen=True)
class OtherType:
    a: str
    b: str = ""


@dataclass(frozen=True)
class Fewer:
    a: int


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (Before, []),
        (OptionalField, []),
        (RequiredField, ["c is required now"]),
        (OtherType, ["a was int, is str"]),
        (Fewer, ["b was str, is gone"]),
    ],
)
def test_a_breach_is_found(after, expected):
    assert breaches(shape(Before), shape(after)) == expected


def test_methods_and_their_parameters_are_promises():
    class Longer(Plugin):
        kind = "x"

        def render(self, ctx, more): ...

    assert shape(Renderer)["required"] == ["render"]
    assert set(shape(Rendered)["members"]) >= {"objects", "warnings"}
    assert any("render was" in breach for breach in breaches(shape(Renderer), shape(Longer)))


@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_every_hook_has_documentation_a_suite_a_template_and_a_user(hook):
    page = (ROOT / "docs" / "reference" / "hooks.md").read_text()
    assert f"\n## {hook}\n" in page
    suite = next(name for name in suites.__all__ if getattr(getattr(suites, name), "hook", "") == hook)
    assert hook in VARIANTS.values()
    tests = [*ROOT.glob("plugins/*/tests/test_conformance.py"), *(ROOT / "tests/unit/testing").glob("*.py")]
    assert any(re.search(rf"^class Test\w+\({suite}\)", path.read_text(), re.MULTILINE) for path in tests)


def test_every_hook_returns_the_class_that_the_host_expects():
    registered = [name for name in HOOK_NAMES if name != "plat_event"]
    assert sorted(HOOKS) == registered
    assert all(HOOKS[name].__name__ in str(vars(Hooks)[name].__annotations__["return"]) for name in registered)


def test_every_hook_says_what_it_is_for():
    assert all((vars(Hooks)[name].__doc__ or "").strip().endswith(".") for name in HOOK_NAMES)
