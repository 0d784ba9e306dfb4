"""Contexts for tests: everything faked, and refusing what the plug-in does not name in `needs`, as the core does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from plat.api import (
    Application,
    Destination,
    GeneratorContext,
    Plugin,
    ProviderContext,
    RenderContext,
    Source,
)
from plat.denied import Denied
from plat.testing.libraries import FakeEval, FakeRender
from plat.testing.programs import FakeExec, FakePrograms
from plat.testing.surroundings import FakeClock, FakeLog
from plat.testing.trees import COMMIT, URL, FakeTree, Files
from plat.testing.web import FakeHttp
from plat.testing.world import FakeGit

APPLICATION: Final = Application(
    name="web",
    namespace="argocd",
    sources=(Source(url=URL),),
    destination=Destination(name="in-cluster", namespace="shop"),
)
ENVIRONMENT: Final[Mapping[str, str]] = {
    "ARGOCD_APP_NAME": "web",
    "ARGOCD_APP_NAMESPACE": "shop",
    "ARGOCD_APP_REVISION": COMMIT,
}
PlugIn = Plugin | type[Plugin]


def render_context(
    tree: FakeTree | Files, path: str = ".", *, plugin: PlugIn | None = None, **given: Any
) -> RenderContext:
    """Return the context of a renderer. Any field may be given; capabilities outside `plugin.needs` refuse."""
    defaults: dict[str, Any] = {
        "tree": tree if isinstance(tree, FakeTree) else FakeTree(tree),
        "path": path,
        "refs": {},
        "app": APPLICATION,
        "env": ENVIRONMENT,
        "kube_version": "1.35",
        "api_versions": ("apps/v1", "v1"),
        **_allowed(plugin, given, render=FakeRender, exec=FakeExec, http=FakeHttp),
    }
    return RenderContext(**{**_everywhere(), **defaults, **given})


def generator_context(*, plugin: PlugIn | None = None, **given: Any) -> GeneratorContext:
    """Return the context of a generator. Any field may be given; capabilities outside `plugin.needs` refuse."""
    defaults: dict[str, Any] = {
        "clusters": (),
        "go_template": False,
        "go_template_options": (),
        **_allowed(plugin, given, git=FakeGit, http=FakeHttp, render=FakeRender, eval=FakeEval),
    }
    return GeneratorContext(**{**_everywhere(), **defaults, **given})


def provider_context(work: Path, name: str = "test", *, plugin: PlugIn | None = None, **given: Any) -> ProviderContext:
    """Return the context of a cluster provider. Any field may be given; capabilities outside `plugin.needs` refuse."""
    defaults: dict[str, Any] = {
        "work": work,
        "name": name,
        **_allowed(plugin, given, exec=FakeExec, http=FakeHttp, programs=FakePrograms),
    }
    return ProviderContext(**{**_everywhere(), **defaults, **given})


def _everywhere() -> dict[str, Any]:
    log = FakeLog()
    return {"log": log, "clock": FakeClock(), "progress": log.progress, "key": "0123456789abcdef"}


def _allowed(plugin: PlugIn | None, given: dict[str, Any], **fakes: type) -> dict[str, Any]:
    """Return the capabilities; one that the plug-in does not need refuses, also where the test gives one."""
    allowed: dict[str, Any] = {}
    for name, fake in fakes.items():
        value = given.pop(name, None)
        denied = plugin is not None and name not in plugin.needs
        allowed[name] = Denied(name, plugin.kind) if denied and plugin is not None else value or fake()
    return allowed
