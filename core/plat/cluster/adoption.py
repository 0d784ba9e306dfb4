"""Finding what an application has in a cluster beside what git says now, when plat sees it for the first time.

Usually the kinds of an application's targets and of its last status are all that can hold its objects. Neither tells of
an object that git dropped while nobody looked, or that another controller left behind and that is of a kind of its own.
So everything in the cluster is looked at once, metadata only, and the kinds that hold tracked objects are written down.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final, TypeAlias

from plat.api import Kind, PlatError, RefusedError, UnavailableError, UserError
from plat.cluster.fleet import Member
from plat.cluster.rendering.targets import excluded
from plat.kube import Client, Extract, Resource
from plat.store import ObjectStore

RECORD: Final = "Adoption"
"""The kind of the records in the store; a record has the name of its cluster."""
LISTS: Final = 16
"""Lists at one time."""

Kinds: TypeAlias = Mapping[str, frozenset[Kind]]
"""Which kinds hold objects of whom, by the instance name of the application."""

_NEVER: Final = frozenset({("", "Event"), ("events.k8s.io", "Event"), ("", "Node")})
"""Kinds with many objects that nobody declares."""


class Adoption:
    """What a look at each cluster of a stack has found, kept in the store so that the next run need not look again."""

    def __init__(self, store: ObjectStore, extract: Extract) -> None:
        self._store, self._extract = store, extract
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._known: dict[str, Kinds] = {}
        self._looked: set[str] = set()

    async def kinds(self, member: Member, instance: str, *, anew: bool = False) -> frozenset[Kind]:
        """Return the kinds that hold objects of an application.

        `anew`: something there says that the application is older than what is written down, so look once more in
        this run. Raises UnavailableError where the cluster does not answer.
        """
        async with self._locks[member.name]:
            if member.name not in self._known:
                await self._recall(member.name)
            if member.name not in self._known or (anew and member.name not in self._looked):
                await self._look(member)
            return self._known[member.name].get(instance, frozenset())

    async def _recall(self, cluster: str) -> None:
        stored = await self._store.get(RECORD, cluster)
        if stored is not None:
            self._known[cluster] = {
                name: frozenset(map(_kind, kinds)) for name, kinds in stored.spec.get("kinds", {}).items()
            }

    async def _look(self, member: Member) -> None:
        found, whole = await tracked_kinds(member.client, self._extract)
        self._known[member.name] = found
        self._looked.add(member.name)
        if whole:
            await self._record(member.name, found)

    async def _record(self, cluster: str, found: Kinds) -> None:
        spec = {"kinds": {name: sorted(map(str, kinds)) for name, kinds in sorted(found.items())}}
        stored = await self._store.get(RECORD, cluster)
        with suppress(RefusedError):  # somebody else was quicker, and has seen the same
            if stored is None:
                await self._store.create(RECORD, cluster, spec=spec)
            elif stored.spec != spec:
                await self._store.update(replace(stored, spec=spec))


async def tracked_kinds(client: Client, extract: Extract) -> tuple[Kinds, bool]:
    """Return the kinds that hold objects of anybody, and whether all could be looked at.

    Left out: what is never managed, what may not be listed, and objects that belong to another object. Raises
    UnavailableError where nothing could be listed.
    """
    discovery = await client.resources()
    wanted = [resource for resource in discovery.kinds() if _holds_declared(resource)]
    gate = asyncio.Semaphore(LISTS)

    async def owners(resource: Resource) -> set[str] | PlatError:
        async with gate:
            try:
                items = await client.metadata(resource)
            except PlatError as error:
                return error
        return {extract(item).owner for item in items if not item["metadata"].get("ownerReferences")}

    answers = await asyncio.gather(*(owners(resource) for resource in wanted))
    lost = [answer for answer in answers if isinstance(answer, PlatError) and not isinstance(answer, UserError)]
    if lost and len(lost) == len(answers):
        raise UnavailableError(f"cluster {client.name} cannot be looked through: {lost[0]}")
    found: defaultdict[str, set[Kind]] = defaultdict(set)
    for resource, answer in zip(wanted, answers, strict=True):
        for owner in () if isinstance(answer, PlatError) else filter(None, answer):
            found[owner].add(Kind(group=resource.group, kind=resource.kind))
    return {owner: frozenset(kinds) for owner, kinds in found.items()}, not lost


def _holds_declared(resource: Resource) -> bool:
    place = (resource.group, resource.kind)
    return resource.watchable and place not in _NEVER and not excluded(*place)


def _kind(text: str) -> Kind:
    group, _, kind = text.rpartition("/")
    return Kind(group=group, kind=kind)
