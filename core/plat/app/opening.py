"""Opening a stack: everything a command works with, built in order and closed in reverse."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from plat.api import Generator, Tool, UserError
from plat.app.clusters import specs
from plat.app.contexts import Contexts
from plat.app.dialects import dialects
from plat.app.http import HttpPool
from plat.app.logins import logins
from plat.app.settings import RunSettings, data_folder
from plat.cluster.checking import set_problems
from plat.cluster.fleet import Fleet
from plat.cluster.inventory import DialectOf, Inventory, take_inventory
from plat.cluster.manifests import Document, Found, Manifests, read_manifests
from plat.cluster.tracking import ownership
from plat.engine import Clock, ScaledClock, SystemClock
from plat.git import Repositories
from plat.gobridge import Bridge, yaml
from plat.host import Host
from plat.kube import Client, Watches
from plat.stack import FILE, Stack, implicit, line_of, load
from plat.tools import Toolbox, cache_folder


@dataclass(frozen=True)
class Opened:
    """A stack that has been read, with the parts that every command needs. Nothing is connected yet."""

    stack: Stack
    settings: RunSettings
    host: Host
    bridge: Bridge
    clock: Clock
    cache: Path
    repositories: Repositories
    contexts: Contexts
    manifests: Manifests
    inventory: Inventory
    dialect_of: DialectOf
    fleet: Fleet
    problems: tuple[UserError, ...] = field(default=())
    """What is wrong with files; it stops nothing else, and the command exits with 1."""


@asynccontextmanager
async def open_stack(settings: RunSettings) -> AsyncIterator[Opened]:
    """Read a stack and build what belongs to it; close all of it at the end.

    Raises UserError where plat.yaml is missing or wrong.
    """
    cache = cache_folder(settings.environ)
    async with AsyncExitStack() as closing:
        host = Host.discover(environ=settings.environ, cache=cache)
        closing.callback(host.close)
        closing.push_async_callback(host.settle)
        bridge = await closing.enter_async_context(Bridge())
        stack = await _stack(settings, bridge)
        dialect_of = dialects(stack, host)
        read = await read_manifests(stack.root, stack.file.manifests, _reader(bridge))
        inventory = take_inventory(read.manifests, dialect_of, _line_of(stack.root))
        clock = _clock(settings)
        repositories = await closing.enter_async_context(_repositories(stack, cache, inventory, settings))
        programs = toolbox(host, cache, settings)
        http = await closing.enter_async_context(HttpPool())
        contexts = Contexts(
            bridge, http, clock, host.caller, repositories, programs, data_folder(settings.environ) / "clusters"
        )
        found = specs(stack, host, contexts, inventory.clusters, cache / "openapi")
        fleet = Fleet(found, _watching(inventory))
        closing.push_async_callback(fleet.close)
        yield Opened(
            stack=stack,
            settings=settings,
            host=host,
            bridge=bridge,
            clock=clock,
            cache=cache,
            repositories=repositories,
            contexts=contexts,
            manifests=read.manifests,
            inventory=inventory,
            dialect_of=dialect_of,
            fleet=fleet,
            problems=(*read.problems, *inventory.problems, *_set_problems(stack, host, inventory, read.manifests)),
        )


def _set_problems(stack: Stack, host: Host, inventory: Inventory, manifests: Manifests) -> Sequence[UserError]:
    if not inventory.sets:
        return ()
    kinds = host.registry("plat_generators", Generator).kinds()
    return set_problems(inventory, manifests, kinds, _line_of(stack.root))


def _clock(settings: RunSettings) -> Clock:
    clock = SystemClock()
    return clock if settings.time_scale == 1 else ScaledClock(clock, settings.time_scale)


def core_version() -> str:
    """Return the version of plat, which is part of every cache key."""
    return version("plat-core")


async def _stack(settings: RunSettings, bridge: Bridge) -> Stack:
    if settings.context and not _has_file(settings.directory):
        return implicit(settings.directory, context=settings.context, kubeconfig=settings.kubeconfig)

    async def read(text: bytes, *, where: str) -> Sequence[Document]:
        return await yaml.documents(bridge, text, where=where)

    stack = await load(settings.directory, read)
    return stack.reached_by(settings.context, settings.kubeconfig) if settings.context else stack


def _has_file(directory: Path) -> bool:
    return (directory / FILE).is_file()


def _reader(bridge: Bridge) -> Any:
    async def read(texts: Sequence[tuple[bytes, str]]) -> Sequence[Sequence[Document] | UserError]:
        return await yaml.many(bridge, [(where, text) for text, where in texts])

    return read


def _line_of(root: Path) -> Any:
    def line(found: Found, path: Sequence[str]) -> int:
        return line_of((root / found.path).read_text(encoding="utf-8"), path, start=found.line)

    return line


def _repositories(stack: Stack, cache: Path, inventory: Inventory, settings: RunSettings) -> Repositories:
    return Repositories(
        cache / "git",
        instead_of=stack.file.sources.instead_of,
        credentials=logins(inventory.repositories),
        base=stack.root,
        environ=settings.environ,
    )


def toolbox(host: Host, cache: Path, settings: RunSettings) -> Toolbox:
    """Return the helper programs that plug-ins name."""
    tools = [entry.cls for entry in host.registry("plat_tools", Tool).entries()]
    return Toolbox(tools, cache=cache, environ=settings.environ)


def _watching(inventory: Inventory) -> Callable[[Client], Watches]:
    extract = ownership(inventory.camps)
    return lambda client: Watches(client, extract=extract)
