"""What stands between the reflectors of one cluster and its cache: phases of kinds, listeners, namespaced mode.

Only `watches.py` uses this; everybody else uses that.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from plat.api import Kind, Manifest, PlatError, UnavailableError
from plat.kube.cache import Cache, Change, Extract, Facts, Live, live_of
from plat.kube.client import Client
from plat.kube.reflector import Pace, Reflector

_LOG = logging.getLogger("plat.kube")


class Phase(StrEnum):
    """Where the watch of a kind stands."""

    STARTING = "starting"
    SYNCED = "synced"
    BROKEN = "broken"
    """It fails and is tried again; the cache holds what was seen last."""
    VANISHED = "vanished"
    """The cluster does not serve the kind; it is looked for now and then."""
    UNWATCHED = "unwatched"
    """Cluster-scoped, and the cluster is used by namespaces only (spec/cluster §10)."""


@dataclass(frozen=True)
class State:
    """Where the watch of a kind stands; `problem` is the last error while it is broken."""

    phase: Phase
    problem: PlatError | None = None


@dataclass(frozen=True)
class Scope:
    """What of a cluster is watched: everything, or only some namespaces."""

    namespaces: frozenset[str] = frozenset()
    cluster_resources: bool = True
    """Whether cluster-scoped kinds are watched; with no `namespaces` they always are."""


class Hub:
    """What all kinds of one cluster share."""

    def __init__(self, client: Client, *, extract: Extract, scope: Scope, pace: Pace) -> None:
        self.client, self.scope, self.pace = client, scope, pace
        self.cache = Cache()
        self._extract = extract
        self._tasks: set[asyncio.Task[None]] = set()
        self._listeners: dict[object, Callable[[Change], None]] = {}
        self._state_listeners: dict[object, Callable[[Kind, State], None]] = {}

    async def aclose(self) -> None:
        """End all that was started."""
        tasks, self._tasks = self._tasks, set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something until `aclose`."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def record(self, manifest: Manifest, raw: bytes = b"") -> Live:
        """Return what is kept of an object. A fault of the extracting function costs only its facts."""
        try:
            return live_of(manifest, extract=self._extract, raw=raw)
        except Exception:  # noqa: BLE001  # foreign code: its fault must not end the watch of everybody
            _LOG.exception("no facts of an object of cluster %s", self.client.name)
            return live_of(manifest, extract=lambda _: Facts(), raw=raw)

    def tell(self, change: Change | None) -> None:
        """Hand a change to whoever listens."""
        if change is not None:
            self._call(tuple(self._listeners.values()), change)

    def announce(self, kind: Kind, state: State) -> None:
        """Hand a new phase to whoever listens."""
        self._call(tuple(self._state_listeners.values()), kind, state)

    def listen(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Add a listener; returns what removes it."""
        return _add(self._listeners, listener)

    def listen_to_states(self, listener: Callable[[Kind, State], None]) -> Callable[[], None]:
        """Add a listener; returns what removes it."""
        return _add(self._state_listeners, listener)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("a watch of cluster %s died", self.client.name, exc_info=error)

    def _call(self, listeners: Iterable[Callable[..., None]], *facts: object) -> None:
        for listener in listeners:
            try:
                listener(*facts)
            except Exception:  # noqa: BLE001  # one listener's fault must not stop the others, nor the watch
                _LOG.exception("a listener to cluster %s failed", self.client.name)


class Watched:
    """One kind, with its one reflector, or one for each namespace."""

    def __init__(self, kind: Kind, hub: Hub) -> None:
        self.kind, self._hub = kind, hub
        self.state = State(Phase.STARTING)
        self._feeds: list[Feed] = []
        self._changed = asyncio.Event()

    async def begin(self) -> None:
        """Start the reflectors that the scope asks for."""
        for namespace in await self._namespaces():
            feed = Feed(self, self._hub, namespace)
            self._feeds.append(feed)
            self._hub.start(feed.reflector.run())
        self.update()

    def poke(self) -> None:
        """Look again for a kind that vanished."""
        for feed in self._feeds:
            feed.again()

    @property
    def settled(self) -> bool:
        """Whether it is complete and works, so that there is nothing to wait for."""
        return self.state.phase in (Phase.SYNCED, Phase.VANISHED, Phase.UNWATCHED)

    async def ready(self) -> None:
        """Wait for the first complete list; raise what prevents it."""
        while self.state.phase is Phase.STARTING:
            await self._changed.wait()
        if self.state.problem is not None and not (self._feeds and all(feed.complete for feed in self._feeds)):
            raise self.state.problem

    def update(self) -> None:
        """Sum up the feeds: the worst of them."""
        states = [feed.state for feed in self._feeds]
        for phase in (Phase.BROKEN, Phase.STARTING, Phase.VANISHED, Phase.SYNCED):
            worst = next((state for state in states if state.phase is phase), None)
            if worst is not None:
                self._set(worst)
                return
        self._set(State(Phase.UNWATCHED))

    async def _namespaces(self) -> Collection[str]:
        scope = self._hub.scope
        if not scope.namespaces:
            return ("",)
        while True:
            try:
                resource = await self._hub.client.resource(self.kind)
            except UnavailableError as error:
                self._set(State(Phase.BROKEN, error))
                await asyncio.sleep(self._hub.pace.first.total_seconds())
            except PlatError:
                return sorted(scope.namespaces)  # not served yet: a namespaced kind is the likelier one
            else:
                if resource.namespaced:
                    return sorted(scope.namespaces)
                return ("",) if scope.cluster_resources else ()

    def _set(self, state: State) -> None:
        if state == self.state:
            return
        moved = state.phase is not self.state.phase
        self.state = state
        self._changed.set()
        self._changed = asyncio.Event()
        if moved:
            self._hub.announce(self.kind, state)


class Feed:
    """Takes what one reflector delivers into the cache (the reflector's Sink)."""

    def __init__(self, watched: Watched, hub: Hub, namespace: str) -> None:
        self._watched, self._hub, self._namespace = watched, hub, namespace
        self.state = State(Phase.STARTING)
        self.complete = False
        self.reflector = Reflector(
            watched.kind,
            self,
            transport=hub.client.transport,
            discoverer=hub.client.discoverer,
            namespace=namespace,
            pace=hub.pace,
        )

    def again(self) -> None:
        """Try now."""
        self._set(State(Phase.STARTING))
        self.reflector.poke()

    def record(self, item: Mapping[str, Any], raw: bytes) -> Live:
        """Return what is kept of an object."""
        return self._hub.record(item, raw)

    def listed(self, items: list[Live], *, version: str) -> None:
        """Take in a whole list."""
        self.complete = True
        changes = self._hub.cache.replace(self._watched.kind, items, version=version, namespace=self._namespace)
        for change in changes:
            self._hub.tell(change)
        self._set(State(Phase.SYNCED))

    def changed(self, item: Live, *, gone: bool) -> None:
        """Take in one event."""
        cache = self._hub.cache
        self._hub.tell(cache.drop(item.ref, version=item.version) if gone else cache.put(item))

    def failed(self, error: PlatError) -> None:
        """Mark the kind, keep its objects."""
        self._set(State(Phase.BROKEN, error))

    def working(self) -> None:
        """Take the mark away."""
        self._set(State(Phase.SYNCED if self.complete else Phase.STARTING))

    def vanished(self) -> None:
        """Drop all objects of the kind."""
        self.complete = True
        for change in self._hub.cache.forget(self._watched.kind):
            self._hub.tell(change)
        self._set(State(Phase.VANISHED))

    def _set(self, state: State) -> None:
        self.state = state
        self._watched.update()


def _add(listeners: dict[object, Any], listener: Any) -> Callable[[], None]:
    key = object()
    listeners[key] = listener

    def remove() -> None:
        listeners.pop(key, None)

    return remove
