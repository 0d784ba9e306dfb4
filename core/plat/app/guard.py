"""What a run must have before it writes to a cluster: no other controller that does the same work, and a lease.

`Guard.enter` asks for both in every cluster that is connected; a cluster that connects later is asked at the first
write to it. Reading, previewing and dry runs ask nobody.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from plat.api import PlatError, Rival, UnavailableError, UserError
from plat.app.running import Running
from plat.cluster.fleet import Member
from plat.cluster.rivals import Sighting, sighted
from plat.engine import SystemClock
from plat.kube import Leases
from plat.store import Held

LOOK_AGAIN: Final = 30.0
"""Seconds for which a cluster that was refused stays refused without being asked again."""


class Guard:
    """Says whether a run may write to a cluster: each is asked once, then only its lease is looked at.

    From when it is made, no write of the run goes past it.
    """

    def __init__(self, run: Running, held: Held) -> None:
        self._run, self._held = run, held
        self._clock = SystemClock()  # leases are for others to read: they never run faster
        self._admitted: set[str] = set()
        self._refused: dict[str, tuple[float, PlatError]] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        run.hands.permit = self.permit

    async def enter(self) -> None:
        """Ask every connected cluster, before anything is written to any of them.

        Raises UserError that names the controllers that run, and RefusedError(code="held") that names who holds the
        stack in a cluster. A cluster that does not answer is left out: only writes to it are refused.
        """
        members = [member for member in self._run.opened.fleet.members() if member.connected]
        looks = await asyncio.gather(*(self._look(member) for member in members))
        found = [(member, seen) for member, seen in zip(members, looks, strict=True) if isinstance(seen, Sighting)]
        if found:
            raise self._refusal(found)
        asked = (member for member, seen in zip(members, looks, strict=True) if seen is None)
        for member in sorted(asked, key=lambda member: member.name):  # everybody in one order, so one of two gets all
            await self._hold(member)

    async def permit(self, cluster: str) -> None:
        """Raise what keeps this run from writing to a cluster; UnavailableError, where that may pass."""
        if cluster not in self._admitted:
            async with self._locks[cluster]:
                if cluster not in self._admitted:
                    await self._admit(next(m for m in self._run.opened.fleet.members() if m.name == cluster))
        self._held.check(cluster)

    async def _admit(self, member: Member) -> None:
        at, error = self._refused.get(member.name, (0.0, None))
        if error is not None and self._clock.monotonic() - at < LOOK_AGAIN:
            raise error
        try:
            seen = await sighted(member.client, self._rivals())
            if seen is not None:
                raise self._refusal([(member, seen)])
            await self._hold(member)
        except UnavailableError:
            raise
        except PlatError as error:
            self._refused[member.name] = (self._clock.monotonic(), error)
            raise

    async def _hold(self, member: Member) -> None:
        await self._held.add(member.name, Leases(member.client, self._clock))
        self._admitted.add(member.name)

    async def _look(self, member: Member) -> Sighting | UnavailableError | None:
        try:
            return await sighted(member.client, self._rivals())
        except UnavailableError as error:
            return error

    def _rivals(self) -> Sequence[Rival]:
        """Return the controllers that act on what this stack declares; those of other camps hinder nobody."""
        sets = self._run.opened.inventory.sets.values()
        dialects = [entry.dialect for entry in self._run.kept.catalog.entries()] + [item.dialect for item in sets]
        return list(dict.fromkeys(rival for dialect in dialects for rival in dialect.rivals))

    def _refusal(self, found: Iterable[tuple[Member, Sighting]]) -> UserError:
        pairs = list(found)
        context = self._run.opened.settings.context
        preview = f"plat preview --context {context}" if context else "plat preview"
        texts = (f"{seen.rival.name} runs in cluster {member.name}: {seen.sign}" for member, seen in pairs)
        remedies = dict.fromkeys(seen.remedy for _, seen in pairs)
        return UserError(
            f"{'; '.join(texts)}. Two controllers would undo each other's work, so nothing was written",
            remedy=f"{'; '.join(remedies)}, then run this again; `{preview}` is always allowed",
        )
