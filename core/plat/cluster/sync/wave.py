"""The effects of one wave, and of the checks before the first (spec/cluster §4.4.2, §4.5, §4.6). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final, Literal

from plat.api import Application, Manifest, OperationState, Ref
from plat.cluster.comparison.fields import applied_by
from plat.cluster.effects import ApplyObject, DeleteObject, DropFinalizer, Propagation
from plat.cluster.migration import appliers
from plat.cluster.rendering.targets import digest
from plat.cluster.sync.annotations import (
    HOOK_FINALIZER,
    Phase,
    Policy,
    delete_policies,
    has_finalizer,
    option,
)
from plat.cluster.sync.tasks import RUNNING, SUCCEEDED, Task, with_finalizer
from plat.engine import Batch, Effect

DEFINITION: Final = "CustomResourceDefinition"
UPDATED_IN_PLACE: Final = (DEFINITION, "Namespace")
"""Kinds that are never recreated for `Replace=true`: all that lives in them would go with them."""


@dataclass(frozen=True)
class Wave:
    """The next wave. `settled` are tasks that are decided without an effect."""

    phase: Phase
    number: int
    batches: tuple[Batch, ...] = ()
    settled: tuple[Task, ...] = ()
    pruning: tuple[Task, ...] = ()
    unconfirmed: tuple[Ref, ...] = ()
    """Objects whose pruning a person has to confirm first."""
    leaving: tuple[Ref, ...] = ()
    """Hooks of an earlier sync that have to be gone first."""
    unchanged: bool = False
    """Some tasks need no write; their health is still to be judged."""


@dataclass(frozen=True)
class Acting:
    """Whose sync it is, and where; makes the effects of its tasks.

    The options of the operation count, not those that the application has by now.
    """

    app: Application
    cluster: str
    operation: OperationState
    confirmed: bool = False
    mark: str = ""
    """What tells the effects of this try from those of any other operation."""

    @classmethod
    def of(cls, app: Application, cluster: str, operation: OperationState, *, confirmed: bool) -> Acting:
        """Return the acting side of an operation."""
        if app.options != operation.options:
            app = app.model_copy(update={"options": operation.options})
        return cls(app, cluster, operation, confirmed, _mark(operation))

    def id(self, verb: str, task: Task) -> str:
        """Return the id of a task's effect: the same on every attempt, another for every operation and retry."""
        return f"{verb} {task.id} {self.mark}"

    def apply(self, task: Task) -> ApplyObject:
        """Return how a task's object is applied: by the options of the target, the live object, the operation."""
        target = task.target
        assert target is not None  # noqa: S101  # callers pass no prunes
        live = _body(task)
        how: Literal["apply", "replace", "create"] = "apply"
        if option(self.app, "Replace", target.manifest, live) == "true":
            how = "replace"
        forced = self.operation.force or option(self.app, "Force", target.manifest, live) == "true"
        in_place = how == "replace" and task.ref.kind in UPDATED_IN_PLACE
        return ApplyObject(
            id=self.id("apply", task),
            cluster=self.cluster,
            app=self.app,
            target=with_finalizer(target) if task.hook else target,
            how=how,
            recreate=forced and not in_place,
            validate=option(self.app, "Validate", target.manifest) != "false",
            takes_over=self._taken_over(live) if how == "apply" else (),
        )

    def check(self, task: Task) -> ApplyObject:
        """Return the dry run of a task."""
        return replace(self.apply(task), id=self.id("dry-run", task), dry_run=True)

    def prune(self, task: Task) -> DeleteObject:
        """Return how an object is deleted that is no longer wanted."""
        return self._delete("delete", task, propagation(self.app))

    def clear(self, task: Task) -> DeleteObject:
        """Return how what an earlier sync left of a hook is deleted."""
        return self._delete("clear", task, propagation(self.app))

    def delete_hook(self, task: Task) -> DeleteObject:
        """Return how a hook is deleted that has ended."""
        return self._delete("delete-hook", task, propagation(self.app))

    def drop_finalizer(self, task: Task, verb: str = "finalizer") -> DropFinalizer:
        """Return how a hook is let go."""
        return DropFinalizer(id=self.id(verb, task), cluster=self.cluster, ref=task.ref, finalizer=HOOK_FINALIZER)

    def _taken_over(self, live: Manifest | None) -> tuple[str, ...]:
        migrates = self.app.option("ClientSideApplyMigration") != "false"
        return appliers(live, self.app.camp.field_manager) if migrates else ()

    def _delete(self, verb: str, task: Task, how: Propagation) -> DeleteObject:
        uid = task.live.uid if task.live else ""
        return DeleteObject(id=self.id(verb, task), cluster=self.cluster, ref=task.ref, uid=uid, propagation=how)

    def unchanged(self, task: Task) -> bool:
        """Say whether an object is as wanted, and by our own apply: then it gets no write (DESIGN §9)."""
        if task.modified or task.hook or task.live is None or task.target is None:
            return False
        effect = self.apply(task)
        plain = effect.how == "apply" and not effect.recreate and not effect.takes_over
        return plain and applied_by(task.live.body(), self.app.camp.field_manager)

    def why_kept(self, task: Task) -> str:
        """Return why an object that is no longer wanted is not pruned; empty: it is."""
        if not self.operation.prune:
            return "ignored (requires pruning)"
        return "ignored (no prune)" if option(self.app, "Prune", _body(task)) == "false" else ""

    def asks(self, task: Task) -> bool:
        """Say whether a person has to confirm that an object is pruned, and has not."""
        return not self.confirmed and option(self.app, "Prune", _body(task)) == "confirm"


def checks(acting: Acting, tasks: Iterable[Task]) -> tuple[tuple[Effect, ...], tuple[Effect, ...]]:
    """Return the planned namespace, really created, and a dry run of all else, side by side.

    Left out: prunes, and objects whose place is taken by something that goes first, so that a dry run would only
    refuse what the sync itself is about to clear away.
    """
    planned: list[Effect] = []
    dry_runs: list[Effect] = []
    for task in tasks:
        if task.namespace_creation and not acting.operation.dry_run:
            planned.append(acting.apply(task))
        elif _checkable(acting, task):
            dry_runs.append(acting.check(task))
    return tuple(planned), tuple(dry_runs)


def next_wave(acting: Acting, pending: Sequence[Task]) -> Wave:
    """Return the effects of the first (phase, wave) of the pending tasks, which are in order.

    A failed prune or hook deletion ends the wave; a failed apply does not keep later kinds of it from being applied.
    """
    head = pending[0]
    return wave_of_tasks(acting, [t for t in pending if (t.phase, t.wave) == (head.phase, head.wave)])


def wave_of_tasks(acting: Acting, tasks: Sequence[Task]) -> Wave:
    """Return the effects of tasks that run together."""
    head, kept = tasks[0], tuple(_kept(task, acting.why_kept(task)) for task in tasks if _is_kept(acting, task))
    prunes = [task for task in tasks if task.prunes and not acting.why_kept(task)]
    unsure = tuple(task.ref for task in prunes if acting.asks(task))
    if unsure:
        return Wave(head.phase, head.wave, settled=kept, unconfirmed=unsure)
    going = [task for task in prunes if _is_deleting(task)]
    settled = (*kept, *(replace(t, status="Pruned", state=SUCCEEDED, message="pruned") for t in going))
    leftovers = [task for task in tasks if is_leftover(task)]
    deleted = tuple(task for task in prunes if not _is_deleting(task))
    first = [
        Batch(tuple(effects))
        for effects in (
            [acting.drop_finalizer(task, "strip") for task in leftovers if _has_finalizer(task)],
            [acting.prune(task) for task in deleted],
            [acting.clear(task) for task in leftovers if task.live and not task.live.deleting],
        )
        if effects
    ]
    if leftovers:
        refs = tuple(task.ref for task in leftovers)
        return Wave(head.phase, head.wave, tuple(first), settled, deleted, leaving=refs)
    same = {task.id for task in tasks if acting.unchanged(task)}
    settled = (*settled, *(_unchanged(task) for task in tasks if task.id in same))
    applies = _up_to_definitions([task for task in tasks if not task.prunes and task.id not in same])
    groups = groupby(applies, key=lambda task: (task.ref.group, task.ref.kind))
    rest = [Batch(tuple(acting.apply(task) for task in group), go_on=True) for _, group in groups]
    return Wave(head.phase, head.wave, (*first, *rest), settled, deleted, unchanged=bool(same))


def is_leftover(task: Task) -> bool:
    """Say whether a hook's place is taken by what an earlier sync left of it, which has to go first (§4.5.3)."""
    if not (task.hook and task.pending and task.live is not None and task.target is not None):
        return False
    return task.live.deleting or Policy.BEFORE_CREATION in delete_policies(task.target.manifest)


def propagation(app: Application) -> Propagation:
    """Return how deletions propagate: `PrunePropagationPolicy`, foreground by default."""
    given = app.option("PrunePropagationPolicy", "foreground")
    return given if given in ("foreground", "background", "orphan") else "foreground"  # type: ignore[return-value]  # just checked


def _mark(operation: OperationState) -> str:
    """Times have seconds only, and a heal may follow a sync within one: what else differs is part of the mark."""
    who = (operation.by, operation.automated, operation.heals, operation.prune, operation.force, operation.dry_run)
    what = (operation.hooks, sorted(operation.options), sorted(map(str, operation.resources)), operation.revisions)
    return f"{operation.started_at}#{operation.retry_count}-{digest([*who, *what])[:8]}"


def _checkable(acting: Acting, task: Task) -> bool:
    if task.prunes or is_leftover(task) or acting.unchanged(task):
        return False
    return task.live is None or not acting.apply(task).recreate


def _up_to_definitions(tasks: Sequence[Task]) -> Sequence[Task]:
    """Stop after definitions: what comes later in the wave waits until they are established (§4.5.5)."""
    last = max((index for index, task in enumerate(tasks) if task.ref.kind == DEFINITION), default=-1)
    return tasks if last < 0 else tasks[: last + 1]


def _is_kept(acting: Acting, task: Task) -> bool:
    return task.prunes and bool(acting.why_kept(task))


def _is_deleting(task: Task) -> bool:
    return task.live is not None and task.live.deleting


def _kept(task: Task, why: str) -> Task:
    return replace(task, status="PruneSkipped", state=SUCCEEDED, message=why)


def _unchanged(task: Task) -> Task:
    return replace(task, status="Synced", state=RUNNING, message=f"{described(task)} unchanged")


def described(task: Task) -> str:
    """Return `deployment.apps/web`, as kubectl names what it has changed."""
    group = f".{task.ref.group}" if task.ref.group else ""
    return f"{task.ref.kind.lower()}{group}/{task.ref.name}"


def _body(task: Task) -> Manifest | None:
    return task.live.body() if task.live is not None else None


def _has_finalizer(task: Task) -> bool:
    return task.live is not None and has_finalizer(task.live.body())
