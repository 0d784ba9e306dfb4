"""One step of deleting an application (spec/cluster §4.8). Pure, in the style of `step`.

First its PreDelete hooks, then its objects, highest wave first, then its PostDelete hooks, then what is left of both.
What has come of the hooks is kept in the results of the deletion's own operation. Whoever asks saves the operation of
a step before the step's batches are carried out: then a kill at any moment runs no hook twice, and a hook that was
there before is told from one of this deletion. Once a step says `done`, the application is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

from plat.api import Application, Health, Manifest, OperationState, Ref, Retry
from plat.cluster.comparison.compare import Live
from plat.cluster.effects import DeleteObject, DropFinalizer
from plat.cluster.health.rollup import own_ref
from plat.cluster.rendering.targets import Target
from plat.cluster.sync.annotations import (
    HOOK_FINALIZER,
    Phase,
    Policy,
    delete_policies,
    deletion_phases,
    has_finalizer,
    has_policy,
    keeps,
    option,
    wave_of,
)
from plat.cluster.sync.folding import carried_out, failed, judged, slashed
from plat.cluster.sync.gate import retry_wait
from plat.cluster.sync.tasks import RUNNING, SUCCEEDED, Hook, Task, hook_name, named, recall, results_of
from plat.cluster.sync.wave import DEFINITION, Acting
from plat.engine import Batch, Effect, Outcome, Result

PHASES: Final = (Phase.PRE_DELETE, Phase.POST_DELETE)
PACE: Final = Retry(limit=-1)
"""How long it waits before it tries again what has failed; it never gives up."""
LEFT: Final = "its cluster is no longer defined: its objects are left as they are"


@dataclass(frozen=True)
class DeletionInput:
    """Everything that decides about one step."""

    app: Application
    cluster: str
    """Empty: the destination is not defined any more."""
    operation: OperationState
    """The deletion itself (`begin`), as the last step left it."""
    owned: tuple[Live, ...] = ()
    """Live objects that are tracked as the application's and that its project permits; hooks among them."""
    hooks: tuple[Hook, ...] = ()
    """PreDelete and PostDelete hooks of the last render that its project permits, each with what is live of it."""
    health: Mapping[Ref, Health | None] = field(default_factory=dict)
    """Of live hooks; None: no rule, which counts as done."""
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    confirmed: bool = False
    """Deletions that ask for confirmation were approved, not before this deletion began."""


@dataclass(frozen=True)
class DeletionStep:
    """What to do now, and the deletion as it stands then."""

    operation: OperationState
    batches: tuple[Batch, ...] = ()
    blocked: bool = False
    """A person has to confirm something."""
    error: str = ""
    """What has failed and is tried again at `wake_at`: a DeletionError."""
    wake_at: datetime | None = None
    warning: str = ""

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return self.operation.phase == SUCCEEDED


def begin(app: Application, now: datetime, *, revisions: tuple[str, ...] = (), by: str = "") -> OperationState:
    """Return a deletion that starts now."""
    return OperationState(
        phase="Running",
        message="deleting",
        started_at=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        revisions=revisions,
        by=by,
        options=app.options,
        prune=True,
    )


def deletion_refs(target: Target, operation: OperationState) -> tuple[Ref, ...]:
    """Return the addresses that a hook has in a deletion: one a phase where only `generateName` is given."""
    if target.ref.name:
        return (target.ref,)
    return tuple(replace(target.ref, name=hook_name(target, phase, operation)) for phase in _phases(target))


def foreseen(given: DeletionInput) -> tuple[tuple[Task, ...], tuple[tuple[Live, bool], ...]]:
    """Return the hooks that a whole deletion runs, and its objects, each with whether it goes, the first first."""
    hooks = tuple(_tasks(given))
    if given.app.deletion == "leave":
        return hooks, ()
    refs = {task.ref for task in hooks}
    objects = [(live, live.body()) for live in given.owned if live.ref not in refs]
    ordered = sorted(objects, key=lambda item: (-wave_of(item[1]), str(item[0].ref)))
    return hooks, tuple((live, _goes(given.app, live.ref, body)) for live, body in ordered)


def delete(given: DeletionInput, now: datetime) -> DeletionStep:
    """Return the next step of a deletion."""
    if not given.cluster:
        ended = replace(given.operation, phase=SUCCEEDED, message=LEFT)
        return DeletionStep(ended, warning=LEFT)
    operation = given.operation
    if operation.finished_at:
        due = datetime.fromisoformat(operation.finished_at) + retry_wait(PACE, operation.retry_count)
        if now < due:
            return DeletionStep(operation, error=operation.message, wake_at=due)
        operation = replace(operation, finished_at="")
    run = _Run(replace(given, operation=operation), now)
    return run.hooks(Phase.PRE_DELETE) or run.objects() or run.hooks(Phase.POST_DELETE) or run.rest() or run.done()


class _Run:
    """One look at a deletion. Each stage returns a step, or None: it is over, go on with the next."""

    def __init__(self, given: DeletionInput, now: datetime) -> None:
        self._given, self._now = given, now
        self._acting = Acting.of(given.app, given.cluster, given.operation, confirmed=given.confirmed)
        self._begun = {(result.phase, result.ref) for result in given.operation.results}
        tasks = recall(_tasks(given), given.operation.results)
        self._tasks = tuple(judged(self._folded(task), given.health) for task in tasks)
        self._before: tuple[Batch, ...] = ()
        self._creating: tuple[Task, ...] = ()

    def hooks(self, phase: Phase) -> DeletionStep | None:
        """Create the hooks of a phase and wait for all; one that fails is deleted and tried again (§4.8.2, .4)."""
        tasks = [task for task in self._tasks if task.phase is phase]
        bad = [task for task in tasks if task.bad]
        if bad:
            names = ", ".join(f"{slashed(task.ref)}: {task.message}" for task in bad)
            there = [task for task in bad if task.live is not None]
            drops = [self._acting.drop_finalizer(task) for task in there if _holds(task.live)]
            batches = (*_batches(drops), *_batches([self._acting.delete_hook(task) for task in there]))
            return self._failed(f"{phase.value} hooks failed: {names}", batches, again=bad)
        ended = [task for task in tasks if task.ended and _holds(task.live) and not self._runs_later(task)]
        self._before += _batches([self._acting.drop_finalizer(task) for task in ended])
        if pending := [task for task in tasks if task.pending]:
            return self._created(phase, pending)
        if running := [task for task in tasks if task.running]:
            return self._waits("completion of hook", [task.ref for task in running])
        return None

    def objects(self) -> DeletionStep | None:
        """Delete the objects of the highest wave, once nothing terminates any more (§4.8.3)."""
        if self._given.app.deletion == "leave":
            return None
        ours = {task.ref for task in self._tasks if task.state or self._is_begun(task)}
        objects = [live for live in self._given.owned if live.ref not in ours]
        if leaving := [live for live in objects if live.deleting]:
            self._before += _batches([self._strip(live) for live in leaving if _holds(live)])
            return self._waits("deletion of", [live.ref for live in leaving])
        bodies = {live.ref: live.body() for live in objects}
        due = [live for live in objects if _goes(self._given.app, live.ref, bodies[live.ref])]
        unsure = [live.ref for live in due if option(self._given.app, "Delete", bodies[live.ref]) == "confirm"]
        if unsure and not self._given.confirmed:
            return replace(self._waits("deletion confirmation of", unsure), blocked=True)
        if not due:
            return None
        wave = max(wave_of(bodies[live.ref]) for live in due)
        return self._gone([live for live in due if wave_of(bodies[live.ref]) == wave], f"deleting wave {wave}")

    def rest(self) -> DeletionStep | None:
        """Delete hook objects that are not to stay (§4.8.5)."""
        left = {task.ref: task for task in self._tasks if task.live is not None and self._is_due(task)}
        lives = [task.live for task in left.values() if task.live is not None]
        if leaving := [live for live in lives if live.deleting]:
            self._before += _batches([self._strip(live) for live in leaving if _holds(live)])
            return self._waits("deletion of hook", [live.ref for live in leaving])
        return self._gone(lives, "deleting its hooks") if lives else None

    def done(self) -> DeletionStep:
        """End."""
        return self._step("deleted", phase=SUCCEEDED)

    # -- parts

    def _folded(self, task: Task) -> Task:
        """Fold in what came of creating a hook; one that is there although nobody could say so any more is adopted."""
        if not task.pending:
            return task
        task = carried_out(self._acting, task, self._given.outcomes)
        if task.pending and self._is_begun(task) and task.live is not None and not task.live.deleting:
            return replace(task, status="Synced", state=RUNNING, message="it runs already")
        return task

    def _runs_later(self, task: Task) -> bool:
        """Say whether what is live of a PreDelete hook is its run as a PostDelete hook by now."""
        return task.phase is Phase.PRE_DELETE and (Phase.POST_DELETE.value, task.ref) in self._begun

    def _is_begun(self, task: Task) -> bool:
        return (task.phase.value, task.ref) in self._begun

    def _created(self, phase: Phase, pending: Sequence[Task]) -> DeletionStep:
        """Create hooks; one whose place is taken by something older waits until that is gone."""
        taken = [task for task in pending if task.live is not None]
        free = [task for task in pending if task.live is None]
        strips = [self._acting.drop_finalizer(task, "strip") for task in taken if _holds(task.live)]
        clears = [self._acting.clear(task) for task in taken if task.live and not task.live.deleting]
        applies = [self._acting.apply(task) for task in free]
        self._before += (*_batches(strips), *_batches(clears), *_batches(applies))
        self._creating = tuple(free)
        if not free:
            return self._waits("deletion of hook", [task.ref for task in taken])
        return self._step(f"running {phase.value} hooks")

    def _gone(self, lives: Sequence[Live], message: str) -> DeletionStep:
        """Delete objects side by side. What was deleted already is only waited for: the watch shows it in a moment."""
        effects = {live.ref: self._delete(live) for live in lives}
        known = {ref: self._given.outcomes.get(effect.id) for ref, effect in effects.items()}
        bad = [f"{slashed(ref)}: {o.message}" for ref, o in known.items() if o is not None and failed(self._acting, o)]
        if bad:
            return self._failed(f"not everything could be deleted: {', '.join(bad)}", ())
        open_ = [effect for ref, effect in effects.items() if not _is_done(known[ref])]
        if not open_:
            return self._waits("deletion of", list(effects))
        strips = [self._strip(live) for live in lives if _holds(live)]
        self._before += (*_batches(strips), *_batches(open_))
        return self._step(message)

    def _delete(self, live: Live) -> DeleteObject:
        how = "background" if self._given.app.deletion == "background" else "foreground"
        return DeleteObject(
            id=self._id("delete", live),
            cluster=self._given.cluster,
            ref=live.ref,
            uid=live.uid,
            propagation=how,  # type: ignore[arg-type]  # one of the two words above
        )

    def _strip(self, live: Live) -> DropFinalizer:
        finalizer, cluster = HOOK_FINALIZER, self._given.cluster
        return DropFinalizer(id=self._id("strip", live), cluster=cluster, ref=live.ref, finalizer=finalizer)

    def _id(self, verb: str, live: Live) -> str:
        """Return the id of an effect on this very object in this try."""
        operation = self._given.operation
        return f"{verb} {live.ref} {live.uid} {operation.started_at}#{operation.retry_count}"

    def _is_due(self, task: Task) -> bool:
        """Say whether a hook that has succeeded is deleted: by its policy, or because nothing else says so.

        A PreDelete hook goes with the objects of the application in any case, unless it is to be kept like these.
        """
        if task.target is None or task.live is None:
            return False
        manifest = task.target.manifest
        if Policy.SUCCEEDED in delete_policies(manifest) or not has_policy(manifest):
            return True
        cascades = task.phase is Phase.PRE_DELETE and self._given.app.deletion != "leave"
        return cascades and _goes(self._given.app, task.ref, task.live.body())

    # -- how a step ends

    def _waits(self, what: str, refs: Sequence[Ref]) -> DeletionStep:
        more = f" and {len(refs) - 1} more" if len(refs) > 1 else ""
        return self._step(f"waiting for {what} {slashed(refs[0])}{more}")

    def _failed(self, message: str, batches: tuple[Batch, ...], *, again: Iterable[Task] = ()) -> DeletionStep:
        """Say what has failed, and try it again later, under other ids and without its result."""
        forgotten = {(task.phase.value, task.ref) for task in again}
        stamp = self._now.strftime("%Y-%m-%dT%H:%M:%SZ")
        step = self._step(message)
        operation = replace(
            step.operation,
            finished_at=stamp,
            retry_count=step.operation.retry_count + 1,
            results=tuple(r for r in step.operation.results if (r.phase, r.ref) not in forgotten),
        )
        due = datetime.fromisoformat(stamp) + retry_wait(PACE, operation.retry_count)
        return DeletionStep(operation, (*step.batches, *batches), error=message, wake_at=due)

    def _step(self, message: str, *, phase: Literal["Running", "Succeeded"] = "Running") -> DeletionStep:
        begun = tuple(replace(task.result(), message="it is being created") for task in self._creating)
        results = results_of(self._tasks, (*self._given.operation.results, *begun))
        operation = replace(self._given.operation, phase=phase, message=message, results=results)
        return DeletionStep(operation, self._before)


def _tasks(given: DeletionInput) -> Iterable[Task]:
    """Return a task for each hook and phase of the deletion."""
    for hook in given.hooks:
        for phase in _phases(hook.target):
            target, live = hook.target, hook.live
            if not target.ref.name:
                target = named(given.app, target, hook_name(target, phase, given.operation))
                live = hook.named.get(target.ref)
            yield Task(phase=phase, wave=0, ref=target.ref, target=target, live=live, hook=True)


def _phases(target: Target) -> list[Phase]:
    return sorted(deletion_phases(target.manifest), key=PHASES.index)


def _goes(app: Application, ref: Ref, body: Manifest) -> bool:
    """Say whether an object is deleted with its application: never definitions, nor the application itself."""
    if ref == own_ref(app) or (ref.group, ref.kind) == ("apiextensions.k8s.io", DEFINITION):
        return False
    return option(app, "Delete", body) != "false" and not keeps(body)


def _holds(live: Live | None) -> bool:
    return live is not None and has_finalizer(live.body())


def _is_done(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.result is Result.DONE


def _batches(effects: Sequence[Effect]) -> tuple[Batch, ...]:
    """One that fails keeps nothing after it from being done."""
    return (Batch(tuple(effects), go_on=True),) if effects else ()
