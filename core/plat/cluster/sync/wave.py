"""The effects of one wave, and of the dry run before the first (spec/cluster §4.4.2, §4.5, §4.6). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final, Literal

from plat.api import Application, OperationState, Ref
from plat.cluster.effects import ApplyObject, DeleteObject, DropFinalizer, Propagation
from plat.cluster.sync.annotations import HOOK_FINALIZER, Phase, Policy, delete_policies, option
from plat.cluster.sync.tasks import SUCCEEDED, Task, with_finalizer
from plat.engine import Batch, Effect

DEFINITION: Final = "CustomResourceDefinition"
_UPDATED_IN_PLACE: Final = (DEFINITION, "Namespace")


@dataclass(frozen=True)
class Wave:
    """The next wave. `settled` are tasks that are decided without an effect."""

    phase: Phase
    number: int
    batches: tuple[Batch, ...] = ()
    settled: tuple[Task, ...] = ()
    unconfirmed: tuple[Ref, ...] = ()


def effect_id(verb: str, operation: OperationState, task: Task) -> str:
    """Return the id of a task's effect: the same on every attempt, another for every operation and retry."""
    return f"{verb} {task.id} {operation.started_at}#{operation.retry_count}"


def dry_runs(
    app: Application, cluster: str, operation: OperationState, tasks: Iterable[Task], *, skip: Collection[Ref]
) -> tuple[Batch, ...]:
    """Return the planned namespace, really created, then a dry run of all else, side by side."""
    tasks = list(tasks)
    spaces = [_apply(app, cluster, operation, task) for task in tasks if task.namespace_creation]
    spaces = [replace(effect, id=effect.id.replace("apply ", "namespace ", 1)) for effect in spaces]
    checks = [
        replace(_apply(app, cluster, operation, task), id=effect_id("dry-run", operation, task), dry_run=True)
        for task in tasks
        if not task.prunes and not task.namespace_creation and task.ref not in skip
    ]
    return tuple(Batch(tuple(effects), go_on=True) for effects in (spaces, checks) if effects)


def next_wave(
    app: Application, cluster: str, operation: OperationState, pending: Sequence[Task], *, confirmed: bool
) -> Wave:
    """Return the effects of the first (phase, wave) of the pending tasks, which are in order."""
    head = pending[0]
    tasks = [task for task in pending if (task.phase, task.wave) == (head.phase, head.wave)]
    prunes = [task for task in tasks if task.prunes]
    skipped = [_skipped(task) for task in prunes if not _may_prune(app, operation, task)]
    prunes = [task for task in prunes if _may_prune(app, operation, task)]
    unsure = tuple(task.ref for task in prunes if _asks(app, task) and not confirmed)
    if unsure:
        return Wave(head.phase, head.wave, settled=tuple(skipped), unconfirmed=unsure)
    leftovers = _leftovers(cluster, operation, tasks)
    if leftovers:
        return Wave(head.phase, head.wave, leftovers, tuple(skipped))
    deletions = [_delete(app, cluster, operation, task) for task in prunes]
    applies = _up_to_definitions([task for task in tasks if not task.prunes])
    batches = [Batch(tuple(deletions))] if deletions else []
    for _, group in groupby(applies, key=lambda task: (task.ref.group, task.ref.kind)):
        batches.append(Batch(tuple(_apply(app, cluster, operation, task) for task in group), go_on=True))
    return Wave(head.phase, head.wave, tuple(batches), tuple(skipped))


def _up_to_definitions(tasks: Sequence[Task]) -> Sequence[Task]:
    """Stop after definitions: what comes later in the wave waits until they are established (§4.5.5)."""
    last = max((index for index, task in enumerate(tasks) if task.ref.kind == DEFINITION), default=-1)
    return tasks if last < 0 else tasks[: last + 1]


def _leftovers(cluster: str, operation: OperationState, tasks: Sequence[Task]) -> tuple[Batch, ...]:
    """Clear hooks of an earlier sync away: first their finalizer, then the object (§4.5.1, §4.5.3)."""
    old = [task for task in tasks if task.hook and task.live is not None and task.target is not None]
    old = [t for t in old if t.target and Policy.BEFORE_CREATION in delete_policies(t.target.manifest)]
    strips: list[Effect] = []
    deletes: list[Effect] = []
    for task in old:
        if task.live is None:
            continue
        finalizers = (task.live.body().get("metadata") or {}).get("finalizers") or []
        if HOOK_FINALIZER in finalizers:
            name = effect_id("strip", operation, task)
            strips.append(DropFinalizer(id=name, cluster=cluster, ref=task.ref, finalizer=HOOK_FINALIZER))
        if not task.live.deleting:
            name = effect_id("clear", operation, task)
            delete = DeleteObject(id=name, cluster=cluster, ref=task.ref, uid=task.live.uid, propagation="background")
            deletes.append(delete)
    return tuple(Batch(tuple(effects)) for effects in (strips, deletes) if effects)


def _apply(app: Application, cluster: str, operation: OperationState, task: Task) -> ApplyObject:
    target = task.target
    assert target is not None  # noqa: S101  # callers pass no prunes
    live = task.live.body() if task.live is not None else None
    how: Literal["apply", "replace", "create"] = "apply"
    if option(app, "Replace", target.manifest, live) == "true" and task.ref.kind not in _UPDATED_IN_PLACE:
        how = "replace"
    forced = option(app, "Force", target.manifest, live) == "true"
    return ApplyObject(
        id=effect_id("apply", operation, task),
        cluster=cluster,
        app=app,
        target=with_finalizer(target) if task.hook else target,
        how=how,
        recreate=forced,
        validate=option(app, "Validate", target.manifest) != "false",
    )


def _delete(app: Application, cluster: str, operation: OperationState, task: Task) -> DeleteObject:
    uid = task.live.uid if task.live else ""
    name = effect_id("delete", operation, task)
    return DeleteObject(id=name, cluster=cluster, ref=task.ref, uid=uid, propagation=propagation(app))


def propagation(app: Application) -> Propagation:
    """Return how deletions propagate: `PrunePropagationPolicy`, foreground by default."""
    given = app.option("PrunePropagationPolicy", "foreground")
    return given if given in ("foreground", "background", "orphan") else "foreground"  # type: ignore[return-value]  # just checked


def _may_prune(app: Application, operation: OperationState, task: Task) -> bool:
    body = task.live.body() if task.live else None
    return operation.prune and option(app, "Prune", body) != "false"


def _asks(app: Application, task: Task) -> bool:
    return option(app, "Prune", task.live.body() if task.live else None) == "confirm"


def _skipped(task: Task) -> Task:
    return replace(task, status="PruneSkipped", state=SUCCEEDED, message="ignored (requires pruning)")
