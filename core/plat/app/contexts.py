"""Building the context of each hook: what a class has not named in `needs` is there, and refuses."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from plat.api import (
    ClusterProvider,
    Generator,
    GeneratorContext,
    Manifest,
    Plugin,
    Programs,
    ProviderContext,
    RenderContext,
    Renderer,
)
from plat.app.capabilities import BridgeEval, BridgeRender, PluginClock, PluginLog
from plat.app.http import HttpPool
from plat.cluster.fleet import Fleet
from plat.cluster.rendering.pipeline import RenderInput, SourceTree
from plat.denied import Denied
from plat.engine import Clock
from plat.git import Repositories
from plat.gobridge import Bridge
from plat.host import Caller


@dataclass(frozen=True)
class Contexts:
    """Everything that contexts are made of."""

    bridge: Bridge
    http: HttpPool
    clock: Clock
    caller: Caller
    repositories: Repositories
    programs: Programs
    work: Path

    async def render(
        self, renderer: Renderer, tree: SourceTree, given: RenderInput
    ) -> tuple[Sequence[Manifest], Sequence[str]]:
        """Call a renderer."""
        needed = _needed(renderer, render=BridgeRender(self.bridge), exec=None, http=None)
        ctx = RenderContext(
            **_base(renderer, f"{given.source.url}@{tree.commit}:{given.path}", self.clock),
            **needed,
            tree=tree,
            path=given.path,
            refs=given.refs,
            app=given.app,
            env=given.env,
            kube_version=given.facts.kube_version if "kube_version" in renderer.needs else "",
            api_versions=given.facts.api_versions if "kube_version" in renderer.needs else (),
        )
        rendered = await self.caller.call(renderer, "render", ctx)
        return rendered.objects, rendered.warnings

    async def generate(
        self, generator: Generator, fleet: Fleet, *, go_template: bool, options: Sequence[str]
    ) -> Sequence[Mapping[str, Any]]:
        """Call a generator."""
        needed = _needed(
            generator,
            git=self.repositories,
            http=self.http,
            render=BridgeRender(self.bridge),
            eval=BridgeEval(self.bridge),
        )
        ctx = GeneratorContext(
            **_base(generator, repr(generator), self.clock),
            **needed,
            clusters=fleet.members(),
            go_template=go_template,
            go_template_options=tuple(options),
        )
        return cast("Sequence[Mapping[str, Any]]", await self.caller.call(generator, "generate", ctx))

    def provider(self, provider: ClusterProvider, name: str) -> ProviderContext:
        """Return the context of a cluster provider."""
        return provider_context(provider, name, self.clock, self.programs, self.work)


def provider_context(
    provider: ClusterProvider, name: str, clock: Clock, programs: Programs, work: Path
) -> ProviderContext:
    """Return the context of a cluster provider, which needs no stack."""
    needed = _needed(provider, http=None, exec=None, programs=programs)
    return ProviderContext(**_base(provider, name, clock), **needed, work=work / provider.kind, name=name)


def _base(plugin: Plugin, subject: str, clock: Clock) -> dict[str, Any]:
    key = hashlib.sha256(f"{plugin.kind}:{subject}".encode()).hexdigest()[:16]
    log = PluginLog(plugin.kind)
    return {"log": log, "clock": PluginClock(clock), "progress": log.info, "key": key}


def _needed(plugin: Plugin, **capabilities: Any) -> dict[str, Any]:
    return {
        name: Denied(name, plugin.kind, offered=value is not None)
        if value is None or name not in plugin.needs
        else value
        for name, value in capabilities.items()
    }


def _denied(plugin: Plugin, name: str, value: Any) -> Denied:
    return Denied(name, plugin.kind, offered=value is not None)
