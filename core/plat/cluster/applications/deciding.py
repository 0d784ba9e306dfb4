"""What to do about one application: pure, from what was observed and the time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from plat.api import (
    ApplicationState,
    Condition,
    HistoryItem,
    OperationState,
)
from plat.cluster.applications.awaiting import mended
from plat.cluster.applications.observed import Observed
from plat.cluster.applications.reasons import because, left_alone, standing_of
from plat.cluster.applications.records import drift_records, operation_record
from plat.cluster.applications.status import namespace_changed, settled, stamp, state_of, sync_status
from plat.cluster.effects import SaveState
from plat.cluster.sync.annotations import Phase
from plat.cluster.sync.fights import fights, warning
from plat.cluster.sync.gate import Gate, GateInput, gate, healed_refs, may_retry, retry_of, retry_wait
from plat.cluster.sync.order import in_order
from plat.cluster.sync.step import TERMINATED, SyncInput, SyncStep, step
from plat.cluster.sync.tasks import Task, make_tasks
from plat.cluster.tracking import SHARED
from plat.engine import Batch, Decision, Effect, Reason, Result, Standing

SUPERSEDED: Final = "Superseded by"
LOOK_AGAIN: Final = timedelta(seconds=15)
"""When a cluster or repository that is out of reach is tried again."""


def decide(observed: Observed, now: datetime) -> Decision:
    """Return the effects for one application, when to look again, and why."""
    if observed.app.paused:
        return Decision(because=left_alone(observed.app))
    observed = _fought(observed, now)
    if observed.problem is not None:
        return _cannot(observed, observed.problem, now)
    operation = observed.state.operation if observed.state else None
    if operation is not None and operation.phase in ("Running", "Terminating"):
        return _go_on(observed, operation, now)
    if observed.asked is not None:
        return _go_on(observed, _asked(observed, now), now, fresh=True)
    return _automated(observed, operation, now)


def _fought(observed: Observed, now: datetime) -> Observed:
    """Tell of fights over fields (spec/cluster §7.2.4)."""
    found = fights(observed.taken, now) if observed.taken else ()
    told = warning(found)
    return replace(observed, fought=found, warnings=(*observed.warnings, told)) if told else observed


def _cannot(observed: Observed, problem: Condition, now: datetime) -> Decision:
    operation = observed.state.operation if observed.state else None
    state = settled(observed.state, state_of(observed, operation, now), now)
    return Decision(
        batches=_saved(observed, state),
        wake_at=now + LOOK_AGAIN if observed.unavailable else None,
        because=Reason(_code(problem.type), {"message": problem.message}, f"{observed.app.name}: {problem.message}"),
        standing=Standing.WAITING if observed.unavailable else Standing.FAILED,
    )


def _automated(observed: Observed, operation: OperationState | None, now: datetime) -> Decision:
    answer = gate(gate_input(observed, operation), now)
    if answer.start:
        started = replace(_started(observed, now, automated=True, heal=answer.heal), heals=answer.heals)
        return _go_on(observed, started, now, fresh=True)
    errors = [Condition(type="SyncError", message=answer.error)] if answer.error else []
    state = settled(observed.state, state_of(observed, operation, now, errors=errors), now)
    return _resting(observed, state, answer, now)


def _resting(observed: Observed, state: ApplicationState, answer: Gate, now: datetime) -> Decision:
    return Decision(
        batches=_batch([*drift_records(observed, state, now), *_saves(observed, state)]),
        wake_at=answer.wake_at,
        because=because(observed, state, answer),
        standing=standing_of(observed, state, answer),
    )


def _go_on(observed: Observed, operation: OperationState, now: datetime, *, fresh: bool = False) -> Decision:
    if operation.finished_at and operation.phase == "Running":
        if operation.automated and operation.revisions != observed.revisions:
            return _automated(observed, _given_up(operation, observed.revisions), now)
        due = _retry_due(observed, operation)
        if now < due:
            return _between_tries(observed, operation, due, now)
        operation = replace(operation, finished_at="", started_at=stamp(now), results=())
    if observed.lost:
        ended = replace(operation, phase="Error", message=f"its revision is gone: {observed.lost}")
        return _completed(observed, SyncStep(ended), now)
    stepped = step(sync_input(observed, operation))
    if not stepped.completed and _stuck(observed, stepped):
        stepped = SyncStep(_given_up(stepped.operation, observed.newer))
    if stepped.completed:
        return _completed(observed, stepped, now)
    state = settled(observed.state, state_of(observed, stepped.operation, now), now)
    before = _batch([*drift_records(observed, state, now), *_saves(observed, state)]) if fresh else ()
    after = () if fresh else _saved(observed, state)
    standing = Standing.BLOCKED if stepped.blocked else Standing.WAITING
    reason = Reason(
        "syncing", {"message": stepped.operation.message}, f"{observed.app.name}: {stepped.operation.message}"
    )
    return Decision(batches=(*before, *stepped.batches, *after), because=reason, standing=standing)


def _completed(observed: Observed, stepped: SyncStep, now: datetime) -> Decision:
    operation = replace(stepped.operation, finished_at=stamp(now))
    retry = retry_of(observed.app, operation)
    worth = operation.phase == "Failed" and not operation.message.startswith((TERMINATED, SUPERSEDED))
    if worth and may_retry(retry, operation.retry_count) and not _hopeless(observed, operation):
        operation = replace(operation, phase="Running", retry_count=operation.retry_count + 1)
        wait = retry_wait(retry, operation.retry_count).total_seconds()
        text = f"{stepped.operation.message}. Retrying attempt #{operation.retry_count} in {wait:.0f} s."
        operation = replace(operation, message=text)
    state = state_of(observed, operation, now)
    if operation.phase == "Succeeded" and not operation.dry_run:
        state = replace(state, history=_history(observed, operation, state.history))
    state = settled(observed.state, state, now)
    record = operation_record(observed, operation)
    effects: list[Effect] = [*([record] if record else []), SaveState(id="state", app=observed.app.id, state=state)]
    reason = Reason(_code(operation.phase), {"message": operation.message}, f"{observed.app.name}: {operation.message}")
    return Decision(
        batches=(*stepped.batches, Batch(tuple(effects))),
        because=reason,
        standing=Standing.WAITING,
    )


def _between_tries(observed: Observed, operation: OperationState, due: datetime, now: datetime) -> Decision:
    state = settled(observed.state, state_of(observed, operation, now), now)
    reason = Reason("retrying", {"message": operation.message}, f"{observed.app.name}: {operation.message}")
    return Decision(batches=_saved(observed, state), wake_at=due, because=reason, standing=Standing.WAITING)


def _stuck(observed: Observed, stepped: SyncStep) -> bool:
    """Say whether an automated sync only waits, perhaps for ever, while git has moved on [≠ upstream, which waits].

    A hook that runs is waited for: what it does must not be done twice at once.
    """
    results = stepped.operation.results
    hooks = any(result.hook_type and result.hook_phase == "Running" for result in results)
    return bool(observed.newer and stepped.operation.automated and not stepped.batches and not hooks)


def _given_up(operation: OperationState, newer: tuple[str, ...]) -> OperationState:
    message = f"{SUPERSEDED} {', '.join(revision[:7] for revision in newer)}: {operation.message}"
    return replace(operation, phase="Failed", message=message)


def _retry_due(observed: Observed, operation: OperationState) -> datetime:
    wait = retry_wait(retry_of(observed.app, operation), operation.retry_count)
    return datetime.fromisoformat(operation.finished_at) + wait


def _hopeless(observed: Observed, operation: OperationState) -> bool:
    """Whether only a person can mend it: what the server refuses as invalid stays refused, however often it is tried.

    [≠ upstream, which tries five times.]
    """
    bad = [o for o in observed.outcomes.values() if o.result in (Result.FAILED, Result.REFUSED)]
    return bool(bad and all(o.error == "UserError" for o in bad)) or "not valid" in operation.message


def gate_input(observed: Observed, operation: OperationState | None) -> GateInput:
    """Return what the automated gate looks at."""
    return GateInput(
        app=observed.app,
        sync=sync_status(observed),
        compared=observed.compared,
        revisions=observed.revisions,
        operation=operation,
        heals=observed.heals,
        fought=observed.fought,
        removing=observed.removing,
        sources_changed=namespace_changed(observed) or mended(observed, operation),
    )


def _started(observed: Observed, now: datetime, *, automated: bool, heal: bool = False) -> OperationState:
    policy = observed.app.automated
    prune = policy.prune if policy is not None else False
    return OperationState(
        phase="Running",
        started_at=stamp(now),
        revisions=observed.revisions,
        automated=automated,
        options=observed.app.options,
        prune=prune,
        namespace_metadata=observed.app.namespace_metadata,
        resources=healed_refs(observed.compared, prune=prune) if heal else (),
    )


def _asked(observed: Observed, now: datetime) -> OperationState:
    asked = observed.asked
    assert asked is not None  # noqa: S101  # the caller has looked
    started = _started(observed, now, automated=False)
    started = replace(started, by=asked.by, prune=asked.prune, dry_run=asked.dry_run, resources=asked.resources)
    return replace(started, force=asked.force, hooks=asked.hooks)


def sync_input(observed: Observed, operation: OperationState) -> SyncInput:
    """Return what one step of a sync looks at, its tasks in order."""
    namespace = None
    if observed.namespace is not None:
        namespace = Task(
            phase=Phase.PRE_SYNC,
            wave=0,
            ref=observed.namespace.ref,
            target=observed.namespace,
            namespace_creation=True,
        )
    tasks = make_tasks(observed.app, operation, observed.compared, observed.hooks, namespace=namespace)
    return SyncInput(
        app=observed.app,
        cluster=observed.cluster,
        operation=operation,
        tasks=in_order(tasks),
        health=observed.health,
        invalid=observed.invalid,
        unservable=observed.unservable,
        outcomes=observed.outcomes,
        confirmed=observed.confirmed,
        shared="; ".join(warning.message for warning in observed.warnings if warning.type == SHARED),
    )


def _history(observed: Observed, operation: OperationState, before: Sequence[HistoryItem]) -> tuple[HistoryItem, ...]:
    number = before[-1].id + 1 if before else 0
    item = HistoryItem(
        id=number,
        revisions=operation.revisions,
        deploy_started_at=operation.started_at,
        deployed_at=operation.finished_at,
        automated=operation.automated,
        by=operation.by,
    )
    return (*before, item)[-observed.app.history_limit :]


def _saved(observed: Observed, state: ApplicationState) -> tuple[Batch, ...]:
    return _batch(_saves(observed, state))


def _saves(observed: Observed, state: ApplicationState) -> tuple[SaveState, ...]:
    return () if state is observed.state else (SaveState(id="state", app=observed.app.id, state=state),)


def _batch(effects: Iterable[Effect]) -> tuple[Batch, ...]:
    found = tuple(effects)
    return (Batch(found),) if found else ()


def _code(words: str) -> str:
    """Return `comparison-error` for `ComparisonError`."""
    return "".join(f"-{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(words))
