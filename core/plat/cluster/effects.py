"""The effects of the cluster tier, as data, and what carries them out on a cluster."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar, Final, Literal

from plat.api import JSON, Application, ApplicationState, Kind, Manifest, Ref, RefusedError, editable, ref_of
from plat.cluster.catalog import Catalog
from plat.cluster.comparison.compare import Comparer
from plat.cluster.fleet import Fleet, Member
from plat.cluster.migration import migrated
from plat.cluster.rendering.targets import Target
from plat.engine import Effect, Reach, Repeat
from plat.kube import InvalidError
from plat.store import Ledger, Row

SEEN_WITHIN: Final = 5.0
"""Seconds that a deletion waits for its own event; a watch that is late or lost holds nothing up for longer."""
Propagation = Literal["foreground", "background", "orphan"]


@dataclass(frozen=True, kw_only=True)
class ApplyObject(Effect):
    """Bring one object to a manifest. `how` is how: server-side apply, or put as a whole."""

    deadline: ClassVar[timedelta] = timedelta(seconds=60)
    cluster: str
    app: Application = field(repr=False, compare=False)
    target: Target
    how: Literal["apply", "replace", "create"] = "apply"
    recreate: bool = False
    """Delete and create where the server refuses the change (sync option Force)."""
    validate: bool = True
    dry_run: bool = False
    takes_over: tuple[str, ...] = ()
    """Managers whose fields of client-side applies become ours first."""


@dataclass(frozen=True, kw_only=True)
class DeleteObject(Effect):
    """Delete one object, the very one that was seen."""

    deadline: ClassVar[timedelta] = timedelta(seconds=60)
    cluster: str
    ref: Ref
    uid: str = ""
    propagation: Propagation = "foreground"


@dataclass(frozen=True, kw_only=True)
class DropFinalizer(Effect):
    """Take one finalizer off an object; one that is gone, or has it not, is fine."""

    cluster: str
    ref: Ref
    finalizer: str


@dataclass(frozen=True, kw_only=True)
class SaveState(Effect):
    """Write the status of an application."""

    reach: ClassVar[Reach] = Reach.LOCAL
    app: str
    state: ApplicationState


@dataclass(frozen=True, kw_only=True)
class ForgetApplication(Effect):
    """Drop an application that is gone for good."""

    reach: ClassVar[Reach] = Reach.LOCAL
    app: str


@dataclass(frozen=True, kw_only=True)
class Record(Effect):
    """Add one row to the ledger; its id makes it the same row on every attempt."""

    reach: ClassVar[Reach] = Reach.LOCAL
    repeat: ClassVar[Repeat] = Repeat.CONVERGING
    type: str
    subject: str
    by: str
    because: str
    facts: Mapping[str, JSON] = field(default_factory=dict, hash=False)


async def _anywhere(_: str) -> None:
    """Let every write through: for what holds no lock, such as a test."""


class Hands:
    """Carries effects out."""

    def __init__(
        self,
        fleet: Fleet,
        catalog: Catalog,
        ledger: Ledger,
        comparer: Callable[[str], Comparer],
        recorded: Callable[[Row], None],
    ) -> None:
        self._fleet, self._catalog, self._ledger, self._comparer = fleet, catalog, ledger, comparer
        self._recorded = recorded
        self.changed = 0
        """How many objects were created, configured or deleted."""
        self.permit: Callable[[str], Awaitable[None]] = _anywhere
        """Asked before every write to a cluster, by its name; raises what forbids it."""

    def performers(self) -> Mapping[type[Effect], Callable[[Any], Any]]:
        """Return who carries out which type."""
        return {
            ApplyObject: self.apply,
            DeleteObject: self.delete,
            DropFinalizer: self.drop_finalizer,
            SaveState: self.save,
            ForgetApplication: self.forget,
            Record: self.record,
        }

    async def apply(self, effect: ApplyObject) -> JSON:
        """Apply, replace or create; returns `created`, `configured`, `unchanged` or, for a dry run, nothing."""
        member = self._member(effect.cluster)
        if not effect.dry_run:
            await self.permit(effect.cluster)
        before = member.watches.get(effect.target.ref)
        await member.served(Kind(group=effect.target.ref.group, kind=effect.target.ref.kind))
        if effect.takes_over and not effect.dry_run:
            await self._take_over(member, effect)
        live = await self._put(member, effect)
        if effect.dry_run:
            return None
        member.watches.learn(live)
        if effect.how == "apply":
            self._comparer(effect.cluster).applied(effect.app, effect.target, live)
        if live.get("kind") == "CustomResourceDefinition":
            await member.refresh()
        verb = "created" if before is None or before.uid != live["metadata"]["uid"] else "configured"
        if before is not None and before.version == live["metadata"]["resourceVersion"]:
            return "unchanged"
        self.changed += 1
        return verb

    async def delete(self, effect: DeleteObject) -> JSON:
        """Delete; an object that is gone, or another of the same name, is fine."""
        client = self._member(effect.cluster).client
        await self.permit(effect.cluster)
        try:
            deleted = await client.delete(effect.ref, propagation=effect.propagation, uid=effect.uid)
        except RefusedError as error:
            if error.code == "conflict":
                return False
            raise
        self.changed += deleted
        if deleted:
            await _seen(self._member(effect.cluster), effect)
        return deleted

    async def drop_finalizer(self, effect: DropFinalizer) -> JSON:
        """Take a finalizer off, under the resource version that has it."""
        member = self._member(effect.cluster)
        live = await member.client.get(effect.ref)
        finalizers = ((live or {}).get("metadata") or {}).get("finalizers") or []
        if live is None or effect.finalizer not in finalizers:
            return None
        await self.permit(effect.cluster)
        kept = [name for name in finalizers if name != effect.finalizer]
        metadata = {"finalizers": kept, "resourceVersion": live["metadata"]["resourceVersion"]}
        patched = await member.client.patch(effect.ref, {"metadata": metadata}, manager="plat")
        if not patched["metadata"].get("deletionTimestamp"):
            member.watches.learn(patched)
        return None

    async def save(self, effect: SaveState) -> JSON:
        """Write a status."""
        await self._catalog.save(effect.app, effect.state)

    async def forget(self, effect: ForgetApplication) -> JSON:
        """Drop an application."""
        await self._catalog.forget(effect.app)

    async def record(self, effect: Record) -> JSON:
        """Add a row to the ledger; returns its number."""
        known = await self._ledger.query(type=effect.type, subject=effect.subject, limit=5)
        if any(row.facts.get("key") == effect.facts.get("key") for row in known):
            return None
        row = Row(type=effect.type, subject=effect.subject, by=effect.by, because=effect.because, facts=effect.facts)
        row = await self._ledger.append(row)
        self._recorded(row)
        return row.seq

    def _member(self, name: str) -> Member:
        return self._fleet.named(name)

    @staticmethod
    async def _take_over(member: Member, effect: ApplyObject) -> None:
        """Move what somebody owns by client-side apply to us, under the resource version that says so."""
        ref, manager = effect.target.ref, effect.app.camp.field_manager
        live = await member.client.get(ref)
        fields = migrated(live, manager, effect.takes_over) if live is not None else None
        if live is not None and fields is not None:
            metadata = {"managedFields": fields, "resourceVersion": live["metadata"]["resourceVersion"]}
            await member.client.patch(ref, {"metadata": metadata}, manager=manager)

    async def _put(self, member: Member, effect: ApplyObject) -> Manifest:
        manifest, manager = effect.target.manifest, effect.app.camp.field_manager
        client = member.client
        try:
            if effect.how == "create" or (effect.how == "replace" and member.watches.get(effect.target.ref) is None):
                return await client.create(manifest, manager=manager, dry_run=effect.dry_run)
            if effect.how == "replace":
                return await self._replace(member, manifest, manager, dry_run=effect.dry_run)
            return await client.apply(
                manifest, manager=manager, dry_run=effect.dry_run, validate=effect.validate, force=True
            )
        except InvalidError:
            if not effect.recreate or effect.dry_run:
                raise
        await self._remove(member, effect.target.ref)
        return await client.apply(manifest, manager=manager, validate=effect.validate)

    @staticmethod
    async def _replace(member: Member, manifest: Manifest, manager: str, *, dry_run: bool) -> Manifest:
        body = editable(manifest)
        live = member.watches.get(ref_of(body))
        body["metadata"]["resourceVersion"] = live.version if live else ""
        return await member.client.replace(body, manager=manager, dry_run=dry_run)

    @staticmethod
    async def _remove(member: Member, ref: Ref) -> None:
        await member.watches.synced(Kind(group=ref.group, kind=ref.kind))
        await member.client.delete(ref, propagation="background")


async def _seen(member: Member, effect: DeleteObject) -> None:
    """Wait until the watch shows that an object goes: what is decided next must not take it for one that stays."""
    end = time.monotonic() + SEEN_WITHIN
    while time.monotonic() < end:
        live = member.watches.get(effect.ref)
        if live is None or live.deleting or (effect.uid and live.uid != effect.uid):
            return
        await asyncio.sleep(0.01)
