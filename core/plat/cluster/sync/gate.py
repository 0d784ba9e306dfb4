"""May an application sync by itself now (spec/cluster §4.7), and how soon may drift be healed (§7.2)? Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from plat.api import Application, OperationState, Ref, Retry
from plat.cluster.comparison.compare import Compared
from plat.cluster.sync.annotations import compare_options, option
from plat.cluster.sync.fights import Fight

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
    heals: int = 0
    """What the operation to start is to remember (`OperationState.heals`)."""


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
    """When heals of these revisions ended lately, RFC 3339, oldest first; besides what the operation remembers."""
    removing: bool = False
    sources_changed: bool = False
    """The application's own specification is not the one that was synced last."""
    inputs_changed: bool = True
    """False: by its generate-paths nothing that it reads has changed, so a new revision alone does not count."""
    fought: tuple[Fight, ...] = ()


def gate(given: GateInput, now: datetime) -> Gate:
    """Return whether to start a sync; the first rule that hits decides."""
    automated = given.app.automated
    if automated is None or given.removing or _runs(given.operation):
        return Gate(start=False, code="manual", text="automated sync is off")
    if given.sync != "OutOfSync":
        return Gate(start=False, code="in-sync", text="there is nothing to sync")
    if leaving := _only_leaving(given):
        return Gate(start=False, code="leaving", text=f"waiting for deletion of {leaving}")
    if not _worth(given):
        return Gate(start=False, code="only-pruning", text="what differs only needs pruning, and prune is off")
    if automated.prune and not automated.allow_empty and given.compared and all(i.extra for i in given.compared):
        text = f"Skipping sync attempt to {', '.join(given.revisions)}: auto-sync will wipe out all resources"
        return Gate(start=False, code="would-wipe", text=f"{text}; allowEmpty is off", error=text)
    last = given.operation
    if last is None or not _tried(given, last):
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
    """Back off before the next attempt; a failed sync is retried in the same way, whatever selfHeal says [≠ B3]."""
    failed = last.phase != "Succeeded"
    ended = datetime.fromisoformat(last.finished_at) if last.finished_at else now
    done = 0 if not failed and now - ended >= QUIET else max(last.heals, len(_lately(given, now)))
    wait = HEAL_CAP if given.fought else heal_delay(done + failed)
    due = ended + timedelta(seconds=wait)
    what = "the last sync of this revision failed" if failed else "live state has left git"
    if now >= due:
        return Gate(start=True, code="retry" if failed else "self-heal", text=what, heal=not failed, heals=done + 1)
    left = (due - now).total_seconds()
    error = f"Failed last sync attempt to {', '.join(last.revisions)}: {last.message}" if failed else ""
    text = f"{what}; it is tried again in {left:.0f} s"
    return Gate(start=False, code="fighting" if given.fought else "backing-off", text=text, wake_at=due, error=error)


def _lately(given: GateInput, now: datetime) -> list[str]:
    return [moment for moment in given.heals if now - datetime.fromisoformat(moment) < QUIET]


def _runs(operation: OperationState | None) -> bool:
    return operation is not None and operation.phase in ("Running", "Terminating")


def _tried(given: GateInput, last: OperationState) -> bool:
    """Say whether these revisions and sources were synced already; a dry run was no sync."""
    if given.sources_changed or last.dry_run:
        return False
    return last.revisions == given.revisions or not given.inputs_changed


def _only_leaving(given: GateInput) -> str:
    """Return the first of the objects that differ if each was deleted and is only not gone yet; else nothing."""
    differing = [item for item in given.compared if item.status == "OutOfSync" and not _tolerated(item)]
    gone = bool(differing) and all(item.extra and item.live is not None and item.live.deleting for item in differing)
    return str(differing[0].ref) if gone else ""


def _worth(given: GateInput) -> bool:
    """Say whether a sync can change anything: not where all that differs would only be skipped by pruning."""
    prune = given.app.automated is not None and given.app.automated.prune
    differing = [item for item in given.compared if item.status == "OutOfSync" and not _tolerated(item)]
    return not differing or any(not item.extra or (prune and not _kept(given.app, item)) for item in differing)


def _kept(app: Application, item: Compared) -> bool:
    return option(app, "Prune", item.live.body() if item.live is not None else None) == "false"


def _tolerated(item: Compared) -> bool:
    """An extra object that says IgnoreExtraneous does not count for the application (§3.4)."""
    return item.extra and item.live is not None and "IgnoreExtraneous" in compare_options(item.live.body())
