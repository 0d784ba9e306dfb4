"""Why an application is as it is: one code, its facts, and one sentence that a person understands. Pure."""

from __future__ import annotations

from plat.api import Application, ApplicationState, HealthStatus
from plat.cluster.applications.observed import Observed
from plat.cluster.applications.status import namespace_changed
from plat.cluster.sync.gate import Gate
from plat.engine import Reason, Standing


def because(observed: Observed, state: ApplicationState, answer: Gate) -> Reason:
    """Return why nothing is done now."""
    name = observed.app.name
    facts = {"sync": state.sync, "health": state.health.status.value, "gate": answer.code}
    if state.sync == "Unknown":
        text = "; ".join(condition.message for condition in state.conditions) or "it could not be compared"
        return Reason("unknown", facts, f"{name}: {text}")
    if state.sync == "OutOfSync":
        return Reason(answer.code, facts, f"{name} is OutOfSync ({differences(observed)}): {_gate_text(state, answer)}")
    if state.health.status is HealthStatus.HEALTHY:
        return Reason("in-order", facts, f"{name} is Synced and Healthy")
    text = f"{name} is Synced, {state.health.status.value}"
    return Reason("health", facts, f"{text}: {state.health.because}" if state.health.because else text)


def left_alone(app: Application) -> Reason:
    """Return why nothing at all is done about an application that says so (annotation skip-reconcile, §1.2)."""
    return Reason("left-alone", {"application": app.id}, f"{app.name} is left alone: it says skip-reconcile")


def standing_of(observed: Observed, state: ApplicationState, answer: Gate) -> Standing:
    """Return whether more will happen by itself."""
    operation = state.operation
    failed = operation is not None and operation.phase in ("Failed", "Error")
    if state.sync == "Unknown" or answer.error or (failed and not _passed(state)):
        return Standing.FAILED
    if state.sync == "OutOfSync":
        if answer.wake_at is not None:
            return Standing.WAITING
        if answer.code == "leaving":
            return Standing.WAITING
        people = observed.app.automated is None or answer.code in ("only-pruning", "no-self-heal")
        return Standing.BLOCKED if people else Standing.FAILED
    if state.health.status is HealthStatus.PROGRESSING:
        return Standing.WAITING
    bad = (HealthStatus.DEGRADED, HealthStatus.UNKNOWN, HealthStatus.MISSING)
    return Standing.FAILED if state.health.status in bad else Standing.SETTLED


def _passed(state: ApplicationState) -> bool:
    """Say whether a sync has failed whose revision is no longer wanted, and what is wanted is there."""
    operation = state.operation
    return operation is not None and operation.revisions != state.revisions and state.sync == "Synced"


def differences(observed: Observed) -> str:
    """Return what differs, in a few words."""
    differing = [item for item in observed.compared if item.status == "OutOfSync"]
    if not differing:
        return "the metadata of its namespace" if namespace_changed(observed) else "nothing"
    missing = sum(item.live is None for item in differing)
    extra = sum(item.extra for item in differing)
    changed = len(differing) - missing - extra
    parts = [(missing, "missing"), (changed, "different"), (extra, "to prune")]
    return ", ".join(f"{count} {word}" for count, word in parts if count)


def _gate_text(state: ApplicationState, answer: Gate) -> str:
    operation = state.operation
    if operation is not None and operation.phase in ("Failed", "Error"):
        return operation.message
    if answer.code == "manual":
        return "automated sync is off; `plat apps sync` does it"
    return answer.text
