"""The shared watches of one cluster: at most one a kind (and namespace), feeding one cache that everybody reads.

Nothing here decides what is watched: `ensure` is called for each kind in use. A broken watch never hides its last
state, it is marked; a kind that vanishes is empty, not an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Self

from plat.api import Kind, Manifest, PlatError, Ref
from plat.kube.cache import Change, Extract, Facts, Live
from plat.kube.client import Client
from plat.kube.feeds import Hub, Phase, Scope, State, Watched
from plat.kube.reflector import Pace


class Watches:
    """Live objects of one cluster. `async with` it, or call `aclose`, which ends all watches."""

    def __init__(
        self,
        client: Client,
        *,
        extract: Extract = lambda _: Facts(),
        scope: Scope = Scope(),  # noqa: B008  # frozen, so safe to share
        pace: Pace = Pace(),  # noqa: B008  # as above
    ) -> None:
        self._hub = Hub(client, extract=extract, scope=scope, pace=pace)
        self._kinds: dict[Kind, Watched] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End all watches."""
        await self._hub.aclose()

    def ensure(self, kind: Kind) -> None:
        """Watch a kind from now on. Asking again is free; for a kind that was not served, it looks again now."""
        key = Kind(group=kind.group, kind=kind.kind)
        watched = self._kinds.get(key)
        if watched is None:
            watched = self._kinds[key] = Watched(key, self._hub)
            self._hub.start(watched.begin())
        elif watched.state.phase is Phase.VANISHED:
            watched.poke()

    def kinds(self) -> tuple[Kind, ...]:
        """Return all kinds that are watched."""
        return tuple(self._kinds)

    async def synced(self, *kinds: Kind) -> None:
        """Wait until these kinds (default: all watched ones) are complete; a vanished one is complete and empty.

        Raises the error of a kind that could not be read even once; its watch goes on trying.
        """
        for kind in kinds or self.kinds():
            self.ensure(kind)
        missing = [watched for kind in kinds or self.kinds() if not (watched := self._watched(kind)).settled]
        if missing:
            await asyncio.gather(*(watched.ready() for watched in missing))

    def state(self, kind: Kind) -> State:
        """Return where the watch of a kind stands; STARTING if nobody asked for it."""
        watched = self._kinds.get(Kind(group=kind.group, kind=kind.kind))
        return watched.state if watched else State(Phase.STARTING)

    def problems(self) -> Mapping[Kind, PlatError]:
        """Return the last error of every kind whose watch is broken now."""
        return {kind: w.state.problem for kind, w in self._kinds.items() if w.state.problem is not None}

    def get(self, ref: Ref) -> Live | None:
        """Return one live object; None if it is not there, or its kind not watched."""
        return self._hub.cache.get(ref)

    def by_uid(self, uid: str) -> Live | None:
        """Return the live object that has this uid."""
        return self._hub.cache.by_uid(uid)

    def of(self, kind: Kind, *, namespace: str = "") -> list[Live]:
        """Return all live objects of a kind, of one namespace if given."""
        return self._hub.cache.of(kind, namespace=namespace)

    def owned(self, owner: str) -> list[Live]:
        """Return the live objects whose facts name this owner."""
        return self._hub.cache.owned(owner)

    def owners(self) -> tuple[str, ...]:
        """Return every owner that has live objects."""
        return self._hub.cache.owners()

    def children(self, uid: str) -> list[Live]:
        """Return the live objects that have an owner reference to this uid."""
        return self._hub.cache.children(uid)

    def root(self, live: Live) -> Live:
        """Return the topmost known ancestor of an object by its owner references: itself, if it has none."""
        seen = {live.uid}
        while (parent := self._hub.cache.by_uid(live.parent)) is not None and parent.uid not in seen:
            seen.add(parent.uid)
            live = parent
        return live

    def __len__(self) -> int:
        return len(self._hub.cache)

    def learn(self, manifest: Manifest) -> None:
        """Take in what a write returned, so that nobody decides on what was there before it."""
        live = self._hub.record(manifest)
        if Kind(group=live.ref.group, kind=live.ref.kind) in self._kinds and live.version:
            self._hub.tell(self._hub.cache.learn(live))

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call `listener` at every change, in order; it must be quick and not wait. Returns what ends it."""
        return self._hub.listen(listener)

    def on_state(self, listener: Callable[[Kind, State], None]) -> Callable[[], None]:
        """Call `listener` whenever the watch of a kind gets another phase. Returns what ends it."""
        return self._hub.listen_to_states(listener)

    def _watched(self, kind: Kind) -> Watched:
        return self._kinds[Kind(group=kind.group, kind=kind.kind)]
