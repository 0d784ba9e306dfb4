"""pytest finds this by its entry point: fixtures for authors of plug-ins, and readable failures of the suites.

Everything is imported when a fixture is used, so that a test run without plug-ins pays nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from plat.api import GeneratorContext, ProviderContext, RenderContext
    from plat.testing import FakeClock, FakeLog, FakeTree
    from plat.testing.trees import Files

pytest.register_assert_rewrite("plat.testing.suites")


@pytest.fixture
def plat_tree(tmp_path: Path) -> Callable[[Files], FakeTree]:
    """Return a function that makes a tree of {path: content}; it can be exported to disk."""
    from plat.testing import FakeTree  # noqa: PLC0415  # see the module's docstring

    return lambda files: FakeTree(files, scratch=tmp_path / "exports")


@pytest.fixture
def plat_log() -> FakeLog:
    """Return a log that keeps its lines; the contexts of the same test use it."""
    from plat.testing import FakeLog  # noqa: PLC0415  # see the module's docstring

    return FakeLog()


@pytest.fixture
def plat_clock() -> FakeClock:
    """Return a clock that stands still; the contexts of the same test use it."""
    from plat.testing import FakeClock  # noqa: PLC0415  # see the module's docstring

    return FakeClock()


@pytest.fixture
def plat_render_context(plat_log: FakeLog, plat_clock: FakeClock, tmp_path: Path) -> Callable[..., RenderContext]:
    """Return a function (files, path=".", plugin=None, **fields) that makes the context of a renderer."""
    from plat.testing import FakeTree, render_context  # noqa: PLC0415  # see the module's docstring

    def make(files: Files | FakeTree, path: str = ".", **given: Any) -> RenderContext:
        tree = files if isinstance(files, FakeTree) else FakeTree(files, scratch=tmp_path / "exports")
        return render_context(tree, path, **{**_both(plat_log, plat_clock), **given})

    return make


@pytest.fixture
def plat_generator_context(plat_log: FakeLog, plat_clock: FakeClock) -> Callable[..., GeneratorContext]:
    """Return a function (plugin=None, **fields) that makes the context of a generator."""
    from plat.testing import generator_context  # noqa: PLC0415  # see the module's docstring

    return lambda **given: generator_context(**{**_both(plat_log, plat_clock), **given})


@pytest.fixture
def plat_provider_context(plat_log: FakeLog, plat_clock: FakeClock, tmp_path: Path) -> Callable[..., ProviderContext]:
    """Return a function (name="test", plugin=None, **fields) that makes the context of a cluster provider."""
    from plat.testing import provider_context  # noqa: PLC0415  # see the module's docstring

    return lambda name="test", **given: provider_context(tmp_path, name, **{**_both(plat_log, plat_clock), **given})


def _both(log: FakeLog, clock: FakeClock) -> dict[str, Any]:
    return {"log": log, "progress": log.progress, "clock": clock}
