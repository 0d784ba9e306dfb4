"""Comparing an application's targets with what is live.

Judged on the fields that we own (DESIGN §9): live is cut down to the fields of the target. Only where that differs and
nothing is remembered does one server-side dry run decide. Verdicts are kept by content, so an unchanged object costs
neither a projection nor a request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from plat.api import JSON, Application, Manifest, PlatError, Ref, UnavailableError
from plat.cluster.comparison.fields import APPLY, managers_of, owned_paths
from plat.cluster.comparison.memory import Verdict, Verdicts
from plat.cluster.comparison.normal import alike, applicable, normal, without
from plat.cluster.comparison.paths import shown, value_at, without_paths
from plat.cluster.comparison.respecting import Path, adopted, of_manager, of_pointer, paired
from plat.cluster.migration import dropped
from plat.cluster.rendering.targets import Target, digest
from plat.cluster.sync.annotations import option
from plat.kube import InvalidError

Status = Literal["Synced", "OutOfSync", "Unknown"]


class Live(Protocol):
    """One live object of the watch cache."""

    @property
    def ref(self) -> Ref:
        """Its address."""
        ...

    @property
    def uid(self) -> str:
        """The server's identity of this very object."""
        ...

    @property
    def version(self) -> str:
        """Its resource version."""
        ...

    @property
    def deleting(self) -> bool:
        """Whether its deletion has been asked for."""
        ...

    def body(self) -> Manifest:
        """The object itself, parsed when asked for."""
        ...


class Projection(Protocol):
    """A live object cut down to the fields of the desired one."""

    @property
    def equal(self) -> bool:
        """Whether it equals the desired one."""
        ...

    @property
    def live(self) -> JSON:
        """The projection itself."""
        ...

    @property
    def differing(self) -> Sequence[str]:
        """The paths that differ."""
        ...

    @property
    def extra(self) -> Sequence[str]:
        """The paths that our manager has applied and the desired object no longer has."""
        ...


class Server(Protocol):
    """What a comparison may ask of one cluster."""

    @property
    def name(self) -> str:
        """The cluster's name; verdicts are kept by it."""
        ...

    async def project(self, pairs: Sequence[tuple[Manifest, Manifest]], manager: str) -> Sequence[Projection]:
        """Cut live objects down to the fields of the desired ones: pairs of (desired, live)."""
        ...

    async def dry_run(self, manifest: Manifest, manager: str) -> Manifest:
        """Return what a server-side apply would make of it."""
        ...

    async def jq_paths(self, expression: str, manifest: Manifest) -> JSON:
        """Return the paths that a jq expression names, as lists of keys and indexes; None if it fails."""
        ...

    async def jq_delete(self, expressions: Sequence[str], manifest: Manifest) -> Manifest:
        """Remove what jq expressions name; one that fails is skipped."""
        ...


@dataclass(frozen=True)
class FieldChange:
    """One field that differs. Values are masked where they are secret."""

    path: str
    git: JSON
    live: JSON


@dataclass(frozen=True)
class Compared:
    """One object of an application: what is wanted, what is there, and what follows."""

    ref: Ref
    version: str
    status: Status
    target: Target | None = field(default=None, repr=False)
    live: Live | None = field(default=None, repr=False)
    changes: tuple[FieldChange, ...] = ()
    error: str = ""
    wish_changed: bool = False
    """The target is not the one that was applied last."""

    @property
    def extra(self) -> bool:
        """Live, ours, and no longer wanted."""
        return self.target is None


class Comparer:
    """Compares on one cluster; remembers verdicts across runs."""

    DRY_RUNS = 8

    def __init__(self, server: Server, verdicts: Verdicts) -> None:
        self._server, self._verdicts = server, verdicts
        self._dry_runs = asyncio.Semaphore(self.DRY_RUNS)
        self._details: dict[str, tuple[str, Compared]] = {}

    def applied(self, app: Application, target: Target, live: Manifest) -> None:
        """Remember what the server made of a target that was just applied: that is in sync by definition."""
        metadata = live["metadata"]
        verdict = Verdict(self._mark(app, target), metadata["resourceVersion"], "", synced=True)
        self._verdicts.put(self._server.name, metadata["uid"], verdict)

    async def compare(self, app: Application, pairs: Sequence[tuple[Target, Live | None]]) -> list[Compared]:
        """Compare targets with live objects of the same address, in order."""
        done: dict[int, Compared] = {}
        open_: list[tuple[int, Target, Live]] = []
        for index, (target, live) in enumerate(pairs):
            known = _missing(target) if live is None else self._known(app, target, live)
            if known is not None:
                done[index] = known
            elif live is not None:
                open_.append((index, target, live))
        if open_:
            judged = await self._judge(app, [(target, live) for _, target, live in open_])
            done |= {index: compared for (index, _, _), compared in zip(open_, judged, strict=True)}
        found = [done[index] for index in range(len(pairs))]
        if app.option("RespectIgnoreDifferences") == "true":
            return [await self._respected(app, item) for item in found]
        return found

    async def _respected(self, app: Application, item: Compared) -> Compared:
        """Let ignored fields keep their live values when the object is applied."""
        rules = applicable(app, item.ref)
        if not rules or item.target is None or item.live is None:
            return item
        target, live = item.target.manifest, item.live.body()
        paths: list[tuple[Path, Path]] = []
        for rule in rules:
            same = [*map(of_pointer, rule.json_pointers)]
            same += map(of_manager, owned_paths(live, frozenset(rule.managers)) if rule.managers else ())
            paths += [(path, path) for path in same]
            for expression in rule.jq:
                paths += paired(*[await self._server.jq_paths(expression, side) for side in (target, live)])
        manifest = adopted(target, live, paths)
        return replace(item, target=Target(manifest, item.ref, digest(manifest)))

    def _known(self, app: Application, target: Target, live: Live) -> Compared | None:
        verdict = self._verdicts.get(self._server.name, live.uid)
        if verdict is None or (verdict.target, verdict.version) != (self._mark(app, target), live.version):
            return None
        if verdict.synced:
            return _compared(target, live, "Synced")
        mark, detail = self._details.get(live.uid, ("", None))
        return detail if detail is not None and mark == verdict.target + verdict.version else None

    @staticmethod
    def _mark(app: Application, target: Target) -> str:
        """What a verdict is valid for: the wish, and the ignore rules under which it was compared."""
        rules = applicable(app, target.ref)
        return target.digest if not rules else target.digest + digest([rule.model_dump() for rule in rules])

    async def _judge(self, app: Application, pairs: Sequence[tuple[Target, Live]]) -> list[Compared]:
        sides = [await self._sides(app, target, live) for target, live in pairs]
        projections = await self._server.project(sides, app.camp.field_manager)
        found = zip(pairs, sides, projections, strict=True)
        return list(await asyncio.gather(*(self._verdict(app, *one) for one in found)))

    async def _sides(self, app: Application, target: Target, live: Live) -> tuple[Manifest, Manifest]:
        body = live.body()
        sides: list[Manifest] = [alike(target.manifest), alike(body)]
        for rule in applicable(app, target.ref):
            owned = owned_paths(body, frozenset(rule.managers)) if rule.managers else ()
            sides = [without_paths(without(side, rule.json_pointers), owned) for side in sides]
            if rule.jq:
                sides = [await self._server.jq_delete(rule.jq, side) for side in sides]
        return sides[0], sides[1]

    async def _verdict(
        self,
        app: Application,
        pair: tuple[Target, Live],
        side: tuple[Manifest, Manifest],
        projection: Projection,
    ) -> Compared:
        target, live = pair
        mark = self._mark(app, target)
        known = self._verdicts.get(self._server.name, live.uid)
        seen = digest(projection.live)
        gone = [path for path in self._unwanted(app, side, projection) if value_at(side[1], path) is not None]
        synced = not gone and (projection.equal or self._remembered(known, mark, seen, live))
        undecided = known is None or known.target != mark or not known.projection
        if not synced and not gone and undecided and not self._taken(app, known, mark, side[1], projection):
            try:
                synced = await self._dry_run_agrees(app, target, side[1])
            except UnavailableError:
                raise
            except PlatError as error:
                if not (isinstance(error, InvalidError) and _forced(app, target, live)):
                    return _compared(target, live, "Unknown", error=str(error))
        self._verdicts.put(self._server.name, live.uid, Verdict(mark, live.version, seen, synced=synced))
        if synced:
            return _compared(target, live, "Synced")
        paths = sorted({*projection.differing, *gone})
        changes = tuple(FieldChange(p, shown(side[0], p), shown(live.body(), p)) for p in paths)
        changed = known is not None and known.target != mark
        compared = _compared(target, live, "OutOfSync", changes=changes, wish_changed=changed)
        self._details[live.uid] = (mark + live.version, compared)
        return compared

    @staticmethod
    def _unwanted(app: Application, side: tuple[Manifest, Manifest], projection: Projection) -> set[str]:
        """Return the fields that were applied once and that the target no longer has, whoever applied them."""
        desired, live = side
        if app.option("ClientSideApplyMigration") == "false":
            return set(projection.extra)
        return {*projection.extra, *dropped(live, desired, app.camp.field_manager)}

    @staticmethod
    def _remembered(known: Verdict | None, mark: str, seen: str, live: Live) -> bool:
        """Whether the server's own rewriting of this very wish explains the difference."""
        if known is None or known.target != mark or not known.synced:
            return False
        return known.projection == seen or (not known.projection and known.version == live.version)

    @staticmethod
    def _taken(app: Application, known: Verdict | None, mark: str, live: Manifest, projection: Projection) -> bool:
        """Whether somebody else has taken a field that differs since we applied this very wish.

        The server's own rewriting leaves a field to whom it was applied by, so nobody has to be asked.
        """
        if known is None or known.target != mark or not known.synced:
            return False
        manager = app.camp.field_manager
        owners = (managers_of(live, path) for path in projection.differing)
        return any(not any(o.name == manager and o.operation == APPLY for o in found) for found in owners)

    async def _dry_run_agrees(self, app: Application, target: Target, live: Manifest) -> bool:
        async with self._dry_runs:
            answer = await self._server.dry_run(target.manifest, app.camp.field_manager)
        result: Manifest = normal(answer)
        for rule in applicable(app, target.ref):
            result = without(result, rule.json_pointers)
            if rule.jq:
                result = await self._server.jq_delete(rule.jq, result)
        return digest(result) == digest(normal(live))


def _forced(app: Application, target: Target, live: Live) -> bool:
    """Say whether an object is recreated where it cannot be changed, so that a refused change is just a difference."""
    return option(app, "Force", target.manifest, live.body()) == "true"


def _missing(target: Target) -> Compared:
    version = str(target.manifest.get("apiVersion", "")).rpartition("/")[2]
    return Compared(target.ref, version, "OutOfSync", target)


def extra(live: Live) -> Compared:
    """Return the verdict on an object that is ours and no longer wanted."""
    version = str(live.body().get("apiVersion", "")).rpartition("/")[2]
    return Compared(live.ref, version, "OutOfSync", None, live)


def _compared(
    target: Target,
    live: Live,
    status: Status,
    *,
    changes: tuple[FieldChange, ...] = (),
    error: str = "",
    wish_changed: bool = False,
) -> Compared:
    version = str(target.manifest.get("apiVersion", "")).rpartition("/")[2]
    return Compared(target.ref, version, status, target, live, changes, error, wish_changed)
