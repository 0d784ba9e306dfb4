"""The ledger rows of an application: what was synced and how it ended, drift seen and drift healed. Pure."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from plat.api import ApplicationState, OperationState
from plat.cluster.applications.observed import Observed
from plat.cluster.drift import HEALED, SEEN, Drift, drift_of, healed, newly_seen, subject
from plat.cluster.effects import Record

SYNCED = "sync"


def operation_record(observed: Observed, operation: OperationState) -> Record | None:
    """Return the row of an operation that has ended, or ended one of its tries."""
    app = observed.app
    key = f"{app.id} {operation.started_at}#{operation.retry_count}"
    counts = Counter(_verb(result.status, result.message) for result in operation.results)
    facts = {
        "key": key,
        "phase": operation.phase,
        "revisions": list(operation.revisions),
        "cluster": observed.cluster,
        "results": dict(counts),
        "heal": bool(operation.resources) and operation.automated,
        "failed": [f"{r.ref}: {r.message}" for r in operation.results if r.status == "SyncFailed"][:10],
    }
    return Record(
        id=f"record {key}",
        type=f"{SYNCED}.{operation.phase.lower()}",
        subject=app.id,
        by=operation.by or "plat (automated)",
        because=operation.message,
        facts=facts,
    )


def drift_records(observed: Observed, state: ApplicationState, now: datetime) -> tuple[Record, ...]:
    """Return rows for drift that is new, and for drift that is gone."""
    deployed = _deployed(observed)
    found = [drift_of(observed.app, item, deployed=deployed) for item in observed.compared]
    drifts = [drift for drift in found if drift is not None]
    seen = [_seen(observed, drift, now) for drift in newly_seen(drifts, observed.episodes)]
    operation = state.operation
    gone = []
    for episode in healed(drifts, observed.episodes, observed.compared):
        key = f"{subject(observed.app, episode.ref)} healed {episode.id}"
        facts = {**episode.facts, "episode": episode.id, "key": key, "seen": episode.seen_at.isoformat()}
        by = "plat (self-heal)" if operation is not None and operation.automated else "somebody else"
        text = f"{episode.ref} is as git says again"
        gone.append(
            Record(id=key, type=HEALED, subject=subject(observed.app, episode.ref), by=by, because=text, facts=facts)
        )
    return (*seen, *gone)


def _seen(observed: Observed, drift: Drift, now: datetime) -> Record:
    managers = sorted({item.manager for item in drift.fields if item.manager})
    key = f"{subject(observed.app, drift.ref)} {drift.kind.value} {drift.since or now.isoformat()}"
    text = f"{drift.ref} {drift.kind.value.replace('-', ' ')}"
    return Record(
        id=f"drift {key}",
        type=SEEN,
        subject=subject(observed.app, drift.ref),
        by=", ".join(managers) or "unknown",
        because=text,
        facts={**drift.facts(), "key": key, "cluster": observed.cluster},
    )


def _deployed(observed: Observed) -> bool:
    """Whether the revisions that are compared were live before."""
    state = observed.state
    operation = state.operation if state else None
    return operation is not None and operation.phase == "Succeeded" and operation.revisions == observed.revisions


def _verb(status: str, message: str) -> str:
    if status == "Synced":
        return message.rpartition(" ")[2] or "synced"
    return {"Pruned": "deleted", "PruneSkipped": "skipped", "SyncFailed": "failed"}.get(status, status or "other")
