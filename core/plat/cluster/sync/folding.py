"""What has come of a task: the outcomes of its effects, and the health of its object (spec/cluster §4.4.3). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from plat.api import Health, HealthStatus, Ref
from plat.cluster.sync.tasks import ERROR, FAILED, RUNNING, SUCCEEDED, Task
from plat.cluster.sync.wave import Acting, described
from plat.engine import Outcome, Result

PATIENCE: Final = timedelta(minutes=2)
"""How long after its start a sync takes what may pass by itself (a server out of reach, a conflict) for no failure."""
SYNC_FAILED: Final = "SyncFailed"


def passes(acting: Acting, outcome: Outcome) -> bool:
    """Say whether a failure may pass by itself, so that the effect is simply tried again."""
    if outcome.error not in ("UnavailableError", "TimeoutError") and outcome.code != "conflict":
        return False
    started = acting.operation.started_at
    return not started or outcome.at - datetime.fromisoformat(started) < PATIENCE


def failed(acting: Acting, outcome: Outcome | None) -> bool:
    """Say whether an effect was carried out, in vain, and that is how it stays."""
    return outcome is not None and outcome.result is not Result.DONE and not passes(acting, outcome)


def carried_out(acting: Acting, task: Task, outcomes: Mapping[str, Outcome]) -> Task:
    """Fold the outcomes of a task's own effects in."""
    if bad := next(_spoilt(acting, task, outcomes), None):
        return replace(task, status=task.status or SYNC_FAILED, state=ERROR, message=bad)
    if not task.pending:
        return task
    outcome = outcomes.get(acting.id("delete" if task.prunes else "apply", task))
    if outcome is None:
        return task
    if outcome.result is not Result.DONE:
        return failed_task(task, outcome.message) if failed(acting, outcome) else task
    if task.prunes:
        return replace(task, status="Pruned", state=SUCCEEDED, message="pruned")
    return replace(task, status="Synced", state=RUNNING, message=f"{described(task)} {outcome.value or 'applied'}")


def failed_task(task: Task, message: str) -> Task:
    """Return a task that could not be carried out."""
    return replace(task, status=SYNC_FAILED, state=FAILED, message=message)


def slashed(ref: Ref) -> str:
    """Return `apps/Deployment/web`, as messages of an operation name an object."""
    return f"{ref.group}/{ref.kind}/{ref.name}" if ref.group else f"{ref.kind}/{ref.name}"


def judged(task: Task, health: Mapping[Ref, Health | None]) -> Task:
    """Judge a running task by the health of its live object; an object that has vanished is an error."""
    if not task.running:
        return task
    if task.ref not in health:
        if task.live is not None:
            return task
        text = f"Resource {slashed(task.ref)} is missing, it might have been deleted"
        return replace(task, status=SYNC_FAILED, state=ERROR, message=text)
    found = health[task.ref]
    if found is None or found.status is HealthStatus.HEALTHY:
        because = found.because if found is not None else ""
        return replace(task, state=SUCCEEDED, message=because or task.message)
    bad = (HealthStatus.DEGRADED, HealthStatus.UNKNOWN) if task.hook else (HealthStatus.DEGRADED,)
    if found.status in bad:
        return replace(task, state=FAILED, message=found.because or f"the object is {found.status.value}")
    return task


def _spoilt(acting: Acting, task: Task, outcomes: Mapping[str, Outcome]) -> Iterator[str]:
    """Say what could not be done around a hook: clearing its place, or letting it go."""
    if not task.hook:
        return
    verbs = ("strip", "clear") if task.pending else ("finalizer",) if task.ended else ()
    for verb in verbs:
        outcome = outcomes.get(acting.id(verb, task))
        if outcome is not None and failed(acting, outcome):
            what = "failed to delete hook" if verb == "clear" else "failed to remove hook finalizer"
            yield f"{what}: {outcome.message}"
