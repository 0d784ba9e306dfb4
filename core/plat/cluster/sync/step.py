"""One step of a sync operation (spec/cluster §4.4): judge what runs, wait, or carry out the next wave. Pure.

Nothing sleeps and nothing is held: whatever is waited for wakes the application when it changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from plat.api import Application, Health, HealthStatus, OperationState, Ref
from plat.cluster.effects import DeleteObject, DropFinalizer
from plat.cluster.sync.annotations import HOOK_FINALIZER, Phase, Policy, delete_policies
from plat.cluster.sync.tasks import ERROR, FAILED, RUNNING, SUCCEEDED, Task
from plat.cluster.sync.wave import Wave, dry_runs, effect_id, next_wave
from plat.engine import Batch, Effect, Outcome, Result

UNSUCCESSFUL = "one or more synchronization tasks completed unsuccessfully"


@dataclass(frozen=True)
class SyncInput:
    """Everything that decides about one step."""

    app: Application
    cluster: str
    operation: OperationState
    tasks: tuple[Task, ...]
    """In order (`in_order`), with their results so far."""
    health: Mapping[Ref, Health | None] = field(default_factory=dict)
    """Of live objects, hooks included; None: no rule."""
    invalid: Mapping[Ref, str] = field(default_factory=dict)
    """Objects that may not or cannot be applied, and why: a kind not served, a project that forbids it."""
    unservable: frozenset[Ref] = frozenset()
    """Objects that cannot be dry-run yet: their kind or namespace comes with this very sync."""
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    confirmed: bool = False
    """Deletions that ask for confirmation were approved for this operation."""


@dataclass(frozen=True)
class SyncStep:
    """What to do now, and the operation as it stands then."""

    operation: OperationState
    batches: tuple[Batch, ...] = ()
    blocked: bool = False
    """A person has to confirm something."""

    @property
    def completed(self) -> bool:
        """Whether the operation has ended."""
        return self.operation.phase in (SUCCEEDED, FAILED, ERROR)


def step(given: SyncInput) -> SyncStep:
    """Return the next step of an operation that runs."""
    tasks = tuple(_judged(_carried_out(task, given), given) for task in given.tasks)
    if given.operation.phase == "Terminating":
        return _terminated(given, tasks)
    if not any(task.state for task in tasks):
        first = _first_step(given, tasks)
        if first is not None:
            return first
    if waiting := _waiting(tasks, given):
        return _running(given, tasks, waiting)
    return _next(given, tasks)


def _next(given: SyncInput, tasks: tuple[Task, ...]) -> SyncStep:
    batches = _batches(_dropped_finalizers(given, tasks))
    if any(task.bad for task in tasks):
        return _unsuccessful(given, tasks, batches)
    pending = [task for task in tasks if task.pending and task.phase is not Phase.SYNC_FAIL]
    if not pending:
        done = _deleted_hooks(given, tasks, Policy.SUCCEEDED)
        return _ended(given, tasks, SUCCEEDED, "successfully synced (all tasks run)", (*batches, *_batches(done)))
    wave = next_wave(given.app, given.cluster, given.operation, pending, confirmed=given.confirmed)
    return _with_wave(given, tasks, wave, batches)


def _with_wave(given: SyncInput, tasks: tuple[Task, ...], wave: Wave, before: tuple[Batch, ...]) -> SyncStep:
    settled = {task.id: task for task in wave.settled}
    tasks = tuple(settled.get(task.id, task) for task in tasks)
    if wave.unconfirmed:
        names = ", ".join(str(ref) for ref in wave.unconfirmed)
        stepped = _running(given, tasks, f"waiting for pruning confirmation of {names}")
        return replace(stepped, batches=before, blocked=True)
    if not wave.batches:
        return replace(_next(given, tasks), batches=(*before, *_next(given, tasks).batches))
    stepped = _running(given, tasks, f"running wave {wave.number} of {wave.phase.value}")
    return replace(stepped, batches=(*before, *wave.batches))


def _first_step(given: SyncInput, tasks: tuple[Task, ...]) -> SyncStep | None:
    """Check everything before anything is touched (§4.4.1-2); None: all of it is fine."""
    invalid = [task for task in tasks if task.ref in given.invalid]
    if invalid:
        text = "one or more synchronization tasks are not valid"
        marked = tuple(_marked(task, given.invalid.get(task.ref, "")) for task in tasks)
        return _ended(given, marked, FAILED, f"{text}: {_reasons([given.invalid[t.ref] for t in invalid])}", ())
    batches = dry_runs(given.app, given.cluster, given.operation, tasks, skip=given.unservable)
    asked = [effect for batch in batches for effect in batch.effects]
    if any(effect.id not in given.outcomes for effect in asked):
        return _running(given, tasks, "checking every object before the first is applied", batches)
    refused = {e.id: given.outcomes[e.id].message for e in asked if given.outcomes[e.id].result is not Result.DONE}
    if not refused:
        return None
    text = "one or more objects failed to apply (dry run)"
    marked = tuple(_marked(task, refused.get(effect_id("dry-run", given.operation, task), "")) for task in tasks)
    return _ended(given, marked, FAILED, f"{text}: {_reasons(list(refused.values()))}", ())


def _carried_out(task: Task, given: SyncInput) -> Task:
    """Fold in what came of the task's own effect."""
    if not task.pending:
        return task
    outcome = given.outcomes.get(effect_id("delete" if task.prunes else "apply", given.operation, task))
    if outcome is None:
        return task
    if outcome.result is not Result.DONE:
        return replace(task, status="SyncFailed", state=FAILED, message=outcome.message)
    if task.prunes:
        return replace(task, status="Pruned", state=SUCCEEDED, message="pruned")
    group = f".{task.ref.group}" if task.ref.group else ""
    message = f"{task.ref.kind.lower()}{group}/{task.ref.name} {outcome.value or 'applied'}"
    return replace(task, status="Synced", state=RUNNING, message=message)


def _judged(task: Task, given: SyncInput) -> Task:
    """Judge a running task by the health of its live object (§4.4.3)."""
    if not task.running:
        return task
    if task.ref not in given.health:
        return replace(task, state=ERROR, message="the object has vanished") if task.live is None else task
    health = given.health[task.ref]
    if health is None or health.status is HealthStatus.HEALTHY:
        return replace(task, state=SUCCEEDED)
    failing = {HealthStatus.DEGRADED, HealthStatus.UNKNOWN} if task.hook else {HealthStatus.DEGRADED}
    if health.status in failing:
        return replace(task, state=FAILED, message=health.because or f"the object is {health.status.value}")
    return task


def _waiting(tasks: Sequence[Task], given: SyncInput) -> str:
    """Say what has to end before anything else happens (§4.4.4-5); empty: nothing."""
    several = len({(task.phase, task.wave) for task in tasks}) > 1
    running = [t for t in tasks if t.running and (t.hook or several or t.ref.kind == "CustomResourceDefinition")]
    if running:
        first = running[0]
        what = "completion of hook" if first.hook else "healthy state of"
        more = f" and {len(running) - 1} more" if len(running) > 1 else ""
        return f"waiting for {what} {_slashed(first.ref)}{more}"
    del given
    leaving = [t for t in tasks if t.status == "Pruned" and t.live is not None and t.live.deleting]
    return f"waiting for deletion of {_slashed(leaving[0].ref)}" if leaving else ""


def _unsuccessful(given: SyncInput, tasks: tuple[Task, ...], before: tuple[Batch, ...]) -> SyncStep:
    """Run the SyncFail hooks, then fail with all messages (§4.4.6)."""
    rescue = [task for task in tasks if task.phase is Phase.SYNC_FAIL]
    pending = [task for task in rescue if task.pending]
    if pending and any(task.status for task in tasks if task.phase is not Phase.SYNC_FAIL):
        wave = next_wave(given.app, given.cluster, given.operation, pending, confirmed=given.confirmed)
        if wave.batches:
            return replace(_running(given, tasks, "running SyncFail hooks"), batches=(*before, *wave.batches))
    reasons = [f"{_slashed(task.ref)}: {task.message}" for task in tasks if task.bad and task.message]
    text = f"{UNSUCCESSFUL}, reason: {_reasons(reasons)}" if reasons else UNSUCCESSFUL
    gone = _deleted_hooks(given, tasks, Policy.FAILED)
    return _ended(given, tasks, FAILED, text, (*before, *_batches(gone)))


def _terminated(given: SyncInput, tasks: tuple[Task, ...]) -> SyncStep:
    running = [task for task in tasks if task.hook and task.running and task.live is not None]
    finalizers = [_drop(given, task) for task in running if _has_finalizer(task)]
    deleted = [_delete(given, task) for task in running]
    ended = tuple(replace(t, state=FAILED, message="Terminated") if t.running and t.hook else t for t in tasks)
    return _ended(given, ended, FAILED, "Operation terminated", (*_batches(finalizers), *_batches(deleted)))


def _dropped_finalizers(given: SyncInput, tasks: Sequence[Task]) -> list[Effect]:
    return [_drop(given, task) for task in tasks if task.hook and task.ended and _has_finalizer(task)]


def _deleted_hooks(given: SyncInput, tasks: Sequence[Task], policy: Policy) -> list[Effect]:
    ended = [task for task in tasks if task.hook and task.ended and task.live is not None and task.target is not None]
    return [_delete(given, task) for task in ended if task.target and policy in delete_policies(task.target.manifest)]


def _drop(given: SyncInput, task: Task) -> DropFinalizer:
    name = effect_id("finalizer", given.operation, task)
    return DropFinalizer(id=name, cluster=given.cluster, ref=task.ref, finalizer=HOOK_FINALIZER)


def _delete(given: SyncInput, task: Task) -> DeleteObject:
    uid = task.live.uid if task.live else ""
    name = effect_id("delete-hook", given.operation, task)
    return DeleteObject(id=name, cluster=given.cluster, ref=task.ref, uid=uid, propagation="background")


def _has_finalizer(task: Task) -> bool:
    if task.live is None:
        return False
    return HOOK_FINALIZER in ((task.live.body().get("metadata") or {}).get("finalizers") or [])


def _running(given: SyncInput, tasks: Sequence[Task], message: str, batches: tuple[Batch, ...] = ()) -> SyncStep:
    results = tuple(task.result() for task in tasks if task.state)
    return SyncStep(replace(given.operation, phase="Running", message=message, results=results), batches)


def _ended(given: SyncInput, tasks: Sequence[Task], phase: str, message: str, batches: tuple[Batch, ...]) -> SyncStep:
    results = tuple(task.result() for task in tasks if task.state)
    operation = replace(given.operation, phase=phase, message=message, results=results)  # type: ignore[arg-type]  # the three words above
    return SyncStep(operation, batches)


def _marked(task: Task, reason: str) -> Task:
    return replace(task, status="SyncFailed", state=FAILED, message=reason) if reason else task


def _batches(effects: Sequence[Effect]) -> tuple[Batch, ...]:
    return (Batch(tuple(effects)),) if effects else ()


def _reasons(texts: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(texts))


def _slashed(ref: Ref) -> str:
    return f"{ref.group}/{ref.kind}/{ref.name}" if ref.group else f"{ref.kind}/{ref.name}"
