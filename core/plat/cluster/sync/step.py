"""One step of a sync operation (spec/cluster §4.4): judge what runs, wait, or carry out the next wave. Pure.

Nothing sleeps and nothing is held: whatever is waited for wakes the application when it changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, Literal

from plat.api import Application, Health, OperationState, Ref
from plat.cluster.sync.annotations import Phase, Policy, delete_policies, has_finalizer
from plat.cluster.sync.folding import SYNC_FAILED, carried_out, failed, failed_task, judged, slashed
from plat.cluster.sync.tasks import ERROR, FAILED, SUCCEEDED, Task, pruned, recall, results_of
from plat.cluster.sync.wave import DEFINITION, Acting, Wave, checks, described, next_wave, wave_of_tasks
from plat.engine import Batch, Effect, Outcome

UNSUCCESSFUL: Final = "one or more synchronization tasks completed unsuccessfully"
NOT_APPLIED: Final = "one or more objects failed to apply"
NOT_VALID: Final = "one or more synchronization tasks are not valid"
ALL_RUN: Final = "successfully synced (all tasks run)"
NO_MORE: Final = "successfully synced (no more tasks)"
TERMINATED: Final = "Operation terminated"


@dataclass(frozen=True)
class SyncInput:
    """Everything that decides about one step."""

    app: Application
    cluster: str
    operation: OperationState
    """Its `results` are what has come of the tasks so far."""
    tasks: tuple[Task, ...]
    """In order (`in_order`)."""
    health: Mapping[Ref, Health | None] = field(default_factory=dict)
    """Of live objects, hooks included; None: no rule."""
    invalid: Mapping[Ref, str] = field(default_factory=dict)
    """Objects that may not or cannot be applied, and why: a kind not served, a project that forbids it."""
    unservable: frozenset[Ref] = frozenset()
    """Objects that cannot be dry-run yet: their kind or namespace comes with this very sync."""
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    confirmed: bool = False
    """Deletions that ask for confirmation were approved for this operation."""
    shared: str = ""
    """What other applications have too, as the text of a SharedResourceWarning."""


@dataclass(frozen=True)
class SyncStep:
    """What to do now, and the operation as it stands then.

    The batches of a completed operation go first and its state is saved after them: a hook whose finalizer stayed
    would keep its namespace from ever going.
    """

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
    given = replace(given, operation=replace(given.operation, results=pruned(given.operation.results, given.tasks)))
    acting = Acting.of(given.app, given.cluster, given.operation, confirmed=given.confirmed)
    tasks = recall(given.tasks, given.operation.results)
    tasks = tuple(carried_out(acting, task, given.outcomes) for task in tasks)
    final = _final(acting, tasks)
    if not final:
        tasks = tuple(judged(task, given.health) for task in tasks)
    run = _Run(given, acting, tasks)
    if given.operation.phase == "Terminating":
        return run.terminated()
    return run.refused() or run.checked() or (run.succeeded(ALL_RUN) if final else run.proceed())


class _Run:
    """One look at a running operation. Each question returns a step, or None: go on with the next."""

    def __init__(self, given: SyncInput, acting: Acting, tasks: tuple[Task, ...]) -> None:
        self._given, self._acting, self._tasks = given, acting, tasks
        self._ordinary = _considered(acting, tasks)
        self._pending = [task for task in self._ordinary if task.pending]
        self._before: tuple[Batch, ...] = ()

    def refused(self) -> SyncStep | None:
        """End where something may not be applied, or the checks before the first wave have failed (§4.4.1-2)."""
        if self._given.shared and self._acting.app.option("FailOnSharedResource") == "true":
            return self._ended(FAILED, f"Shared resource found: {self._given.shared}", ())
        invalid = {task.id: self._given.invalid[t] for task in self._pending if (t := task.ref) in self._given.invalid}
        if invalid:
            return self._failed_for(invalid, NOT_VALID)
        planned, dry_runs = self._checks
        for effects, text in ((planned, "the namespace failed to apply"), (dry_runs, f"{NOT_APPLIED} (dry run)")):
            asked = {task.id: self._given.outcomes.get(effect.id) for task, effect in effects}
            bad = {key: o.message for key, o in asked.items() if o is not None and failed(self._acting, o)}
            if bad:
                return self._failed_for(bad, text)
        return None

    def checked(self) -> SyncStep | None:
        """Put the checks before the first wave; a sync that is itself a dry run consists of nothing else."""
        begun = any(task.status in ("Synced", "Pruned", SYNC_FAILED) for task in self._tasks)
        planned, dry_runs = self._checks
        done = {key for key, o in self._given.outcomes.items() if o.result == "done"}
        if self._acting.operation.dry_run:
            missing = [effect for _, effect in dry_runs if effect.id not in done]
            return self._running("checking", (Batch(tuple(missing)),)) if missing else self._dry_ended()
        if begun:
            return None
        for effects in (planned, dry_runs):
            missing = [effect for _, effect in effects if effect.id not in done]
            self._before += (Batch(tuple(missing)),) if missing else ()
        made = {task.id for task, _ in planned}
        self._pending = [task for task in self._pending if task.id not in made]
        return self._running("creating the namespace", self._before) if made and not self._pending else None

    def proceed(self) -> SyncStep:
        """Wait for what runs, else go on with the next wave, or end (§4.4.4-8)."""
        held = self._held_by_definitions()
        if held is None:
            held = self._waiting()
            if not held and any(task.bad for task in self._ordinary):
                return self._unsuccessful()
        if held:
            return self._running(held, (*self._before, *self._let_go()))
        self._before += self._let_go()
        return self._next()

    def succeeded(self, message: str) -> SyncStep:
        """End well: let hooks go, and delete those that say so."""
        return self._ended(SUCCEEDED, message, self._deletions(Policy.SUCCEEDED))

    def terminated(self) -> SyncStep:
        """End at once: hooks that run are deleted, finished results stay (§4.1)."""
        running = [task for task in self._tasks if task.hook and task.running]
        drops = _batches([self._acting.drop_finalizer(task) for task in running])
        deletes = _batches([self._acting.delete_hook(task) for task in running])
        stopped = {task.id for task in running}
        self._tasks = tuple(
            replace(task, state=FAILED, message="Terminated") if task.id in stopped else task for task in self._tasks
        )
        return self._ended(FAILED, TERMINATED, (*self._deletions(Policy.FAILED, but=stopped), *drops, *deletes))

    # -- waiting

    def _held_by_definitions(self) -> str | None:
        """Say which definition the rest of a begun wave waits for; empty: none any more; None: no such wave."""
        if not self._pending:
            return None
        now = _wave(self._pending[0])
        begun = [task for task in self._ordinary if not task.pending and _wave(task) == now and not task.prunes]
        definitions = [task for task in begun if _defines(task)]
        if not definitions or any(task.bad and (task.prunes or _wave(task) != now) for task in self._ordinary):
            return None
        if any(task.bad and task.status != SYNC_FAILED for task in begun):
            return None
        return _waiting_for([task for task in definitions if task.running])

    def _waiting(self) -> str:
        """Say what has to end before anything else happens; empty: nothing.

        Only hooks are waited for once an object could not be applied: the sync has failed by then.
        """
        several = len({_wave(task) for task in self._tasks}) > 1
        hopeless = any(task.status == SYNC_FAILED for task in self._ordinary)
        running = [t for t in self._tasks if t.running and (t.hook or (not hopeless and (several or _defines(t))))]
        if running or hopeless:
            return _waiting_for(running)
        leaving = [t for t in self._tasks if t.status == "Pruned" and t.live is not None and t.live.deleting]
        return _waiting_for(leaving, "deletion of")

    # -- the next wave

    def _next(self) -> SyncStep:
        """Carry out the next wave; waves that are settled without an effect are passed over."""
        while self._pending:
            wave = next_wave(self._acting, self._pending)
            self._settle(wave)
            if wave.unconfirmed:
                text = _counted("pruning confirmation of", wave.unconfirmed, "resources")
                return replace(self._running(text, self._before), blocked=True)
            if wave.batches or wave.leaving or wave.unchanged:
                return self._running(_about(wave), (*self._before, *wave.batches), pruning=wave.pruning)
        return self.succeeded(NO_MORE)

    def _settle(self, wave: Wave) -> None:
        settled = {task.id: task for task in wave.settled}
        self._tasks = tuple(settled.get(task.id, task) for task in self._tasks)
        self._pending = [task for task in self._pending if task.id not in settled]

    def _unsuccessful(self) -> SyncStep:
        """Run the SyncFail hooks, all together, then fail with all messages (§4.4.6)."""
        gone = self._deletions(Policy.FAILED)
        rescue = [task for task in self._tasks if task.phase is Phase.SYNC_FAIL]
        pending = [task for task in rescue if task.pending]
        if pending:
            wave = wave_of_tasks(self._acting, pending)
            return self._running(_about(wave), (*gone, *wave.batches))
        bad = [task for task in self._ordinary if task.bad]
        not_applied = not rescue and any(task.status == SYNC_FAILED for task in bad)
        text = _reasoned(NOT_APPLIED if not_applied else UNSUCCESSFUL, [_said(task) for task in bad])
        if broken := [_said(task) for task in rescue if task.bad]:
            text = f"{text}\n{_reasoned('one or more SyncFail hooks failed', broken)}"
        return self._ended(FAILED, text, gone)

    # -- checks

    @cached_property
    def _alone(self) -> bool:
        """Whether the whole sync is one apply: that is its own check, as nothing else could be left half done."""
        tasks = [task for task in self._tasks if not self._acting.unchanged(task)]
        return len(tasks) == 1 and not tasks[0].prunes and not self._acting.operation.dry_run

    @cached_property
    def _checks(self) -> tuple[list[tuple[Task, Effect]], list[tuple[Task, Effect]]]:
        """Return the planned namespace and the dry runs, each with its task."""
        skipped, kept = self._given.unservable, {task.id for task in self._ordinary}
        tasks = [task for task in self._tasks if task.id in kept or task.phase is Phase.SYNC_FAIL]
        planned, dry_runs = checks(self._acting, [task for task in tasks if task.ref not in skipped])
        if self._alone:
            dry_runs = ()
        by_id = {self._acting.id(verb, task): task for task in tasks for verb in ("apply", "dry-run")}
        return [(by_id[e.id], e) for e in planned], [(by_id[e.id], e) for e in dry_runs]

    def _dry_ended(self) -> SyncStep:
        self._tasks = tuple(self._dry(task) for task in self._tasks)
        return self._ended(SUCCEEDED, ALL_RUN, ())

    def _dry(self, task: Task) -> Task:
        if task.prunes:
            kept = self._acting.why_kept(task)
            status = "PruneSkipped" if kept else "Pruned"
            return replace(task, status=status, state=SUCCEEDED, message=kept or "pruned (dry run)")
        return replace(task, status="Synced", state=SUCCEEDED, message=f"{described(task)} (dry run)")

    # -- how a step ends

    def _let_go(self) -> tuple[Batch, ...]:
        """Take our finalizer off hooks whose result is known, but not again and again where that is refused."""
        ended = [task for task in self._tasks if task.hook and task.ended and _holds(task)]
        drops = [self._acting.drop_finalizer(task) for task in ended]
        return _batches([e for e in drops if not failed(self._acting, self._given.outcomes.get(e.id))])

    def _deletions(self, policy: Policy, *, but: Iterable[str] = ()) -> tuple[Batch, ...]:
        """Let ended hooks go, then delete those whose policy says so."""
        left = [task for task in self._tasks if task.hook and task.live is not None and not task.running]
        due = [t for t in left if t.target and policy in delete_policies(t.target.manifest) and t.id not in but]
        deletes = [self._acting.delete_hook(task) for task in due if task.live and not task.live.deleting]
        held = [self._acting.drop_finalizer(task, "strip") for task in due if task.pending and _holds(task)]
        return (*self._let_go(), *_batches(held), *_batches(deletes))

    def _failed_for(self, reasons: Mapping[str, str], text: str) -> SyncStep:
        marked = (failed_task(t, reasons[t.id]) if t.id in reasons else t for t in self._tasks)
        self._tasks = tuple(marked)
        return self._ended(FAILED, f"{text}: {'; '.join(dict.fromkeys(reasons.values()))}", ())

    def _running(self, message: str, batches: tuple[Batch, ...], *, pruning: Sequence[Task] = ()) -> SyncStep:
        return SyncStep(self._operation("Running", message, pruning), batches)

    def _ended(self, phase: str, message: str, batches: tuple[Batch, ...]) -> SyncStep:
        return SyncStep(self._operation(phase, message), batches)

    def _operation(self, phase: str, message: str, pruning: Sequence[Task] = ()) -> OperationState:
        results = results_of(self._tasks, self._given.operation.results, pruning=pruning)
        if phase != "Running":  # what was about to be pruned and never was has no result
            results = tuple(result for result in results if result.status or result.hook_phase)
        word: Literal["Running", "Succeeded", "Failed"] = phase  # type: ignore[assignment]  # callers use only these
        return replace(self._given.operation, phase=word, message=message, results=results)


def _considered(acting: Acting, tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks but for SyncFail and, with `ApplyOutOfSyncOnly=true`, what is in sync already (§4.4.7)."""
    ordinary = [task for task in tasks if task.phase is not Phase.SYNC_FAIL]
    if acting.app.option("ApplyOutOfSyncOnly") != "true":
        return ordinary
    return [t for t in ordinary if not (t.pending and not t.hook and not t.modified and t.target and t.live)]


def _final(acting: Acting, tasks: Sequence[Task]) -> bool:
    """Say whether the last wave was carried out and holds no hook: then nothing is waited for (§4.4.8).

    Definitions are: what comes next, perhaps another application's, needs them established (§4.5.5).
    """
    ordinary = _considered(acting, tasks)
    if not ordinary or any(task.pending or task.bad for task in ordinary):
        return False
    last = _wave(ordinary[-1])
    if any(task.hook and _wave(task) == last for task in ordinary):
        return False
    return all(_wave(task) == last and not _defines(task) for task in ordinary if task.running)


def _wave(task: Task) -> tuple[Phase, int]:
    return task.phase, task.wave


def _defines(task: Task) -> bool:
    return task.ref.kind == DEFINITION


def _waiting_for(tasks: Sequence[Task], what: str = "") -> str:
    """Say what is waited for, hooks first."""
    if not tasks:
        return ""
    hooks = [task for task in tasks if task.hook]
    what = what or ("completion of hook" if hooks else "healthy state of")
    ordered = [task.ref for task in (*hooks, *(task for task in tasks if not task.hook))]
    return _counted(what, ordered, "hooks" if len(hooks) == len(tasks) else "resources")


def _counted(what: str, refs: Sequence[Ref], noun: str) -> str:
    more = f" and {len(refs) - 1} more {noun}" if len(refs) > 1 else ""
    return f"waiting for {what} {slashed(refs[0])}{more}"


def _about(wave: Wave) -> str:
    if wave.leaving:
        return _counted("deletion of hook", wave.leaving, "hooks")
    return f"running wave {wave.number} of {wave.phase.value}"


def _said(task: Task) -> str:
    return f"{slashed(task.ref)}: {task.message}" if task.message else ""


def _reasoned(text: str, reasons: Iterable[str]) -> str:
    found = ", ".join(dict.fromkeys(reason for reason in reasons if reason))
    return f"{text}, reason: {found}" if found else text


def _holds(task: Task) -> bool:
    return task.live is not None and has_finalizer(task.live.body())


def _batches(effects: Sequence[Effect]) -> tuple[Batch, ...]:
    """One that fails keeps nothing after it from being done."""
    return (Batch(tuple(effects), go_on=True),) if effects else ()
