"""The clusters of a stack as specifications: those of plat.yaml by their providers, those that Secrets register."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from plat.api import ClusterEntry, ClusterProvider, Connection, ProviderContext, Tool, checked
from plat.app.contexts import Contexts, provider_context
from plat.app.settings import data_folder
from plat.cluster.fleet import ClusterSpec
from plat.engine import SystemClock
from plat.host import Caller, Host, PluginError
from plat.kube import Access, Client, from_argocd
from plat.stack import ClusterUse, Stack
from plat.tools import Toolbox, cache_folder


def provider(host: Host, name: str, use: ClusterUse) -> ClusterProvider:
    """Return the provider of one cluster of the stack file, made from its own fields."""
    where = f"plat.yaml: clusters.{name}"
    cls = host.one("plat_clusters", ClusterProvider, use.use, where=f"{where}.use")
    return checked(cls, use.config, where=where)


def lone_provider(
    name: str, use: str, *, progress: Callable[[str], None], environ: Mapping[str, str]
) -> tuple[ClusterProvider, ProviderContext, Caller]:
    """Return a provider with its context, for `plat cluster`, which needs no stack."""
    cache = cache_folder(environ)
    host = Host.discover(environ=environ, cache=cache)
    plugin = checked(host.one("plat_clusters", ClusterProvider, use), {}, where=use)
    tools = [entry.cls for entry in host.registry("plat_tools", Tool).entries()]
    programs = Toolbox(tools, cache=cache, environ=environ)
    ctx = provider_context(plugin, name, SystemClock(), programs, data_folder(environ) / "clusters")
    return plugin, replace(ctx, progress=progress), host.caller


def specs(
    stack: Stack, host: Host, contexts: Contexts, entries: Iterable[ClusterEntry], cache: Path
) -> list[ClusterSpec]:
    """Return every cluster of a stack, not connected."""
    found = [_of_stack(name, use, host, contexts, cache) for name, use in stack.file.clusters.items()]
    return found + [_of_entry(entry, cache) for entry in entries]


def _of_stack(name: str, use: ClusterUse, host: Host, contexts: Contexts, cache: Path) -> ClusterSpec:
    plugin = provider(host, name, use)

    async def connect() -> Client:
        connection = await contexts.caller.call(plugin, "connect", contexts.provider(plugin, name))
        if not isinstance(connection, Connection):
            problem = f"{plugin.kind}.connect returned {type(connection).__name__}, which is no Connection"
            raise PluginError(problem, plugin=host.owner_of(type(plugin)))
        return Client.from_connection(connection, name=name, cache=cache)

    return ClusterSpec(
        name=name, connect=connect, labels=use.labels, annotations=use.annotations, in_cluster=use.inCluster
    )


def _of_entry(entry: ClusterEntry, cache: Path) -> ClusterSpec:
    async def connect(access: Access) -> Client:
        return Client(access, name=entry.name, cache=cache)

    return ClusterSpec(
        name=entry.name,
        connect=functools.partial(connect, from_argocd(entry.server, entry.connection)),
        server=entry.server,
        labels=entry.labels,
        annotations=entry.annotations,
        project=entry.project,
    )
