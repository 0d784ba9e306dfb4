"""The reconciler of application sets: generate, compare with what there is, declare what differs.

Source: spec/cluster §8.1.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Final

from plat.api import ApplicationSet, Manifest, PlatError, UnavailableError, UserError
from plat.cluster.appset import Generated, Step, Verb, name_of, plan
from plat.cluster.catalog import Catalog
from plat.cluster.inventory import Declared, DialectOf, declare, kind_name
from plat.cluster.manifests import Manifests
from plat.engine import Batch, Decision, Effect, Past, Reach, Reason, Standing

RETRY: Final = timedelta(minutes=3)
"""After a failing generator (spec/cluster §8.1.4), and between two looks without a push (§8.3)."""

SetOf = Callable[[str], Declared[ApplicationSet] | None]
"""The set of an id, or None where it is gone."""

GenerateOf = Callable[[ApplicationSet], Awaitable[Generated]]
"""Generate a set; the composition root knows generators and template engines."""


@dataclass(frozen=True)
class SetObserved:
    """Everything that decides about one set."""

    declared: Declared[ApplicationSet]
    generated: Generated | None
    existing: tuple[Manifest, ...]
    first: bool = False
    """Nobody has looked at the set in this run; its applications wait for that."""
    error: str = ""
    unavailable: bool = False


@dataclass(frozen=True, kw_only=True)
class ChangeApplications(Effect):
    """Create, update and delete the applications of one set, in order."""

    reach: ClassVar[Reach] = Reach.LOCAL
    set: str
    steps: tuple[Step, ...] = field(repr=False)


class SetReconciler:
    """Keeps the applications of a set as its generators say."""

    def __init__(self, sets: SetOf, catalog: Catalog, generate: GenerateOf) -> None:
        self._sets, self._catalog, self._generate = sets, catalog, generate

    async def observe(self, key: str, past: Past) -> SetObserved | None:
        """Generate, and see which applications of its namespace there are."""
        del past
        declared = self._sets(key)
        if declared is None:
            return None
        namespace = declared.object.namespace
        entries = [entry for entry in self._catalog.entries() if entry.application.namespace == namespace]
        existing = tuple(entry.manifest for entry in entries if not entry.removing)
        first = not self._catalog.looked_at(key)
        try:
            generated = await self._generate(declared.object)
        except PlatError as error:
            unavailable = isinstance(error, UnavailableError)
            return SetObserved(declared, None, existing, first, error=str(error), unavailable=unavailable)
        return SetObserved(declared, generated, existing, first)

    def decide(self, observed: SetObserved, now: datetime) -> Decision:
        """Plan the changes; a failing generator changes nothing."""
        name = observed.declared.object.name
        if observed.generated is None:
            text = f"{name}: {observed.error}; no application of it is created, changed or deleted"
            standing = Standing.WAITING if observed.unavailable else Standing.FAILED
            because = Reason("generator-failed", {"set": name, "error": observed.error}, text)
            return Decision(_change(observed, ()), wake_at=now + RETRY, because=because, standing=standing)
        planned = plan(observed.declared.object, observed.existing, observed.generated)
        problems = [f"{problem.name}: {problem.message}".removeprefix(": ") for problem in planned.problems]
        return Decision(
            batches=_change(observed, planned.steps),
            wake_at=now + RETRY,
            because=_because(name, len(observed.generated.applications), planned.steps, problems),
            standing=Standing.FAILED if problems else Standing.SETTLED,
        )


class SetHands:
    """Carries out what a set decides, on the catalog."""

    def __init__(self, sets: SetOf, catalog: Catalog, others: Manifests, dialect_of: DialectOf) -> None:
        self._sets, self._catalog, self._others, self._dialect_of = sets, catalog, others, dialect_of

    async def change(self, effect: ChangeApplications) -> int:
        """Declare and retire applications; returns how many."""
        declared = self._sets(effect.set)
        if declared is None:
            return 0
        for step in effect.steps:
            if step.verb is Verb.DELETE:
                await self._catalog.retire(_id(declared.object, step.name))
            elif step.after is not None:
                await self._declare(declared, step.after)
        self._catalog.look_at(effect.set)
        return len(effect.steps)

    async def _declare(self, declared: Declared[ApplicationSet], manifest: Manifest) -> None:
        dialect = self._dialect_of(kind_name(manifest))
        if dialect is None:
            raise UserError(f"nothing reads {kind_name(manifest)}", where=declared.where, remedy="install its plug-in")
        try:
            items = declare(manifest, dialect, self._others, where=declared.where)
        except UserError as error:
            text = f"application {name_of(manifest)} of set {declared.object.name}: {error.where}: {error.args[0]}"
            raise UserError(text, where=declared.where, remedy=error.remedy) from None
        for item in items:
            await self._catalog.put(item, owner=declared.object.id)


def _change(observed: SetObserved, steps: tuple[Step, ...]) -> tuple[Batch, ...]:
    if not (steps or observed.first):
        return ()
    return (Batch((ChangeApplications(id="change", set=observed.declared.object.id, steps=steps),)),)


def _id(applications: ApplicationSet, name: str) -> str:
    return f"{applications.namespace}/{name}" if applications.namespace else name


def _because(name: str, count: int, steps: tuple[Step, ...], problems: list[str]) -> Reason:
    facts = {"set": name, "applications": count, "steps": [f"{s.verb.value} {s.name}" for s in steps]}
    if problems:
        return Reason("bad-results", {**facts, "problems": problems}, f"{name}: {'; '.join(problems)}")
    if steps:
        return Reason("applications-change", facts, f"{name}: {', '.join(f'{s.verb.value} {s.name}' for s in steps)}")
    return Reason("generated", facts, f"{name} generates {count} applications, and they are as it says")
