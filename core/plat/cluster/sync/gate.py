"""May an application sync by itself now (spec/cluster §4.7), and how soon may drift be healed (§7.2)? Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from plat.api import Application, OperationState, Ref, Retry
from plat.cluster.comparison.compare import Compared

HEAL_BASE: Final = 2.0
HEAL_FACTOR: Final = 3.0
HEAL_CAP: Final = 300.0
QUIET: Final = timedelta(minutes=10)
"""After this time without a heal the back-off begins anew."""
AUTOMATED_RETRIES: Final = 5
"""Retries of an automated sync whose application has no retry block (§1.1)."""


@dataclass(frozen=True)
class Gate:
    """The answer. `heal`: only what differs is synced, without hooks (§7.2.3)."""

    start: bool
    code: str
    text: str
    heal: bool = False
    wake_at: datetime | None = None
    error: str = ""
    """A SyncError that becomes a condition."""


@dataclass(frozen=True)
class GateInput:
    """Everything that decides."""

    app: Application
    sync: Literal["Synced", "OutOfSync", "Unknown"]
    compared: tuple[Compared, ...]
    revisions: tuple[str, ...]
    operation: OperationState | None
    """The last one, ended."""
    heals: tuple[str, ...] = ()
    """When heals of these revisions ended lately, RFC 3339, oldest first."""
    removing: bool = False
    sources_changed: bool = False
    """The application's own specification is not the one that was synced last."""


def gate(given: GateInput, now: datetime) -> Gate:
    """Return whether to start a sync; the first rule that hits decides."""
    automated = given.app.automated
    if automated is None or given.removing:
        return Gate(start=False, code="manual", text="automated sync is off")
    if given.sync != "OutOfSync":
        return Gate(start=False, code="in-sync", text="there is nothing to sync")
    differing = [item for item in given.compared if item.status == "OutOfSync" and not _tolerated(item)]
    if not automated.prune and differing and all(item.extra for item in differing):
        return Gate(start=False, code="only-pruning", text="what differs only needs pruning, and prune is off")
    if automated.prune and not automated.allow_empty and given.compared and all(i.extra for i in given.compared):
        text = "auto-sync will wipe out all resources"
        return Gate(start=False, code="would-wipe", text=f"{text}; allowEmpty is off", error=text)
    last = given.operation
    if last is None or last.revisions != given.revisions or given.sources_changed:
        return Gate(start=True, code="new-revision", text="git has moved")
    if last.phase == "Succeeded" and not automated.self_heal:
        return Gate(start=False, code="no-self-heal", text="it was synced at this revision already; selfHeal is off")
    return _heal(given, last, now)


def heal_delay(attempts: int) -> float:
    """Return the seconds to wait before heal number `attempts` (0 first): 0, 2, 6, 18, ... at most 300."""
    if attempts <= 0:
        return 0.0
    return min(HEAL_CAP, HEAL_BASE * HEAL_FACTOR ** (min(attempts, 10) - 1))


def retry_of(app: Application, operation: OperationState) -> Retry:
    """Return the retry policy of an operation: the application's, else five tries for automated ones."""
    if app.retry is not None:
        return app.retry
    return Retry(limit=AUTOMATED_RETRIES if operation.automated else 0)


def retry_wait(retry: Retry, number: int) -> timedelta:
    """Return the wait before retry `number` (1 first) [≠ B1]; no cap where `max_duration` is 0."""
    seconds = retry.duration.total_seconds() * retry.factor ** min(number - 1, 64)
    cap = retry.max_duration.total_seconds()
    return timedelta(seconds=min(seconds, cap) if cap > 0 else seconds)


def may_retry(retry: Retry, done: int) -> bool:
    """Say whether one more retry is left after `done`."""
    return retry.limit < 0 or done < retry.limit


def healed_refs(compared: Sequence[Compared], *, prune: bool) -> tuple[Ref, ...]:
    """Return what a heal syncs: every object that differs, by namespace too; extra ones only where pruning is on."""
    return tuple(i.ref for i in compared if i.status == "OutOfSync" and (prune or not i.extra) and not _tolerated(i))


def _heal(given: GateInput, last: OperationState, now: datetime) -> Gate:
    recent = [moment for moment in given.heals if now - datetime.fromisoformat(moment) < QUIET]
    attempts = len(recent) + (0 if last.phase == "Succeeded" else 1)
    ended = datetime.fromisoformat(last.finished_at) if last.finished_at else now
    due = ended + timedelta(seconds=heal_delay(attempts))
    failed = last.phase != "Succeeded"
    what = "the last sync of this revision failed" if failed else "live state has left git"
    if now < due:
        wait = (due - now).total_seconds()
        return Gate(start=False, code="backing-off", text=f"{what}; it is tried again in {wait:.0f} s", wake_at=due)
    return Gate(start=True, code="retry" if failed else "self-heal", text=what, heal=not failed)


def _tolerated(item: Compared) -> bool:
    """An extra object that says IgnoreExtraneous does not count for the application (§3.4)."""
    if not item.extra or item.live is None:
        return False
    annotations = (item.live.body().get("metadata") or {}).get("annotations") or {}
    return "IgnoreExtraneous" in annotations.get("argocd.argoproj.io/compare-options", "")
