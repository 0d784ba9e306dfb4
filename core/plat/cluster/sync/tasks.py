"""The tasks of one sync operation (spec/cluster §4.2), and what came of each so far. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Final

from plat.api import Application, OperationState, Ref, TaskResult
from plat.cluster.comparison.compare import Compared, Live
from plat.cluster.rendering.targets import Target, digest
from plat.cluster.sync.annotations import HOOK_FINALIZER, SYNC_PHASES, Phase, option, role_of, wave_of
from plat.cluster.tracking import track

RUNNING: Final = "Running"
SUCCEEDED: Final = "Succeeded"
FAILED: Final = "Failed"
ERROR: Final = "Error"


@dataclass(frozen=True)
class Task:
    """One object in one phase. `status` and `state` are empty until it was carried out."""

    phase: Phase
    wave: int
    ref: Ref
    target: Target | None = field(default=None, repr=False)
    live: Live | None = field(default=None, repr=False)
    hook: bool = False
    namespace_creation: bool = False
    prune_last: bool = False
    modified: bool = True
    """False: live is what is wanted already."""
    status: str = ""
    """Synced, SyncFailed, Pruned or PruneSkipped."""
    state: str = ""
    """Running, Succeeded, Failed or Error."""
    message: str = ""

    @property
    def prunes(self) -> bool:
        """Whether it deletes an object that is no longer wanted."""
        return self.target is None

    @property
    def pending(self) -> bool:
        """Whether it was not carried out yet."""
        return not self.state

    @property
    def running(self) -> bool:
        """Whether it was carried out and its end is waited for."""
        return self.state == RUNNING

    @property
    def ended(self) -> bool:
        """Whether it has ended, well or badly."""
        return self.state in (SUCCEEDED, FAILED, ERROR)

    @property
    def bad(self) -> bool:
        """Whether it has ended badly."""
        return self.state in (FAILED, ERROR)

    @cached_property
    def id(self) -> str:
        """What effects and results name it by."""
        return f"{self.phase.value} {self.ref}"

    def result(self) -> TaskResult:
        """Return what the operation's status says of it."""
        body = self.target.manifest if self.target else self.live.body() if self.live else {}
        return TaskResult(
            ref=self.ref,
            version=str(body.get("apiVersion", "")).rpartition("/")[2],
            status=self.status,  # type: ignore[arg-type]  # only these words are ever set
            message=self.message,
            phase=self.phase.value,
            hook_type=self.phase.value if self.hook else "",
            hook_phase=self.state,
        )


@dataclass(frozen=True)
class Hook:
    """A hook object among the targets, and its live counterpart by address."""

    target: Target
    live: Live | None
    named: Mapping[Ref, Live] = field(default_factory=dict, repr=False, hash=False)
    """Of a hook that has only a `generateName`: what is live of the names it gets (`hook_refs`)."""


def make_tasks(
    app: Application,
    operation: OperationState,
    compared: Iterable[Compared],
    hooks: Iterable[Hook],
    *,
    namespace: Task | None = None,
) -> tuple[Task, ...]:
    """Return the tasks of an operation, neither in order nor with results (`in_order`, then `recall`).

    A live object that says it is a hook, or is to be skipped, is never pruned. Selective syncs and the strategy
    `apply` run no hooks (§4.2.7).
    """
    selected = frozenset(operation.resources)
    tasks = [_ordinary(app, item) for item in compared if not selected or _selected(item.ref, selected)]
    found = [task for task in tasks if task is not None]
    if not selected and operation.hooks:
        found += [task for hook in hooks for task in _hook_tasks(app, hook, operation)]
    if namespace is not None:
        found.append(namespace)
    return tuple(found)


def recall(tasks: Iterable[Task], results: Iterable[TaskResult]) -> tuple[Task, ...]:
    """Return the tasks, in order, with what has come of them so far.

    A task is found again by its object and the phase that the order gave it (§4.3.4 moves some).
    """
    known = {(result.phase, result.ref): result for result in results}
    if not known:
        return tuple(tasks)
    return tuple(_recalled(task, known.get((task.phase.value, task.ref))) for task in tasks)


def results_of(
    tasks: Iterable[Task], before: Iterable[TaskResult], *, pruning: Iterable[Task] = ()
) -> tuple[TaskResult, ...]:
    """Return all results of an operation: those of objects that are gone by now stay as they were.

    What is being pruned gets a result without a status: once its object is gone there is no task any more to tell of
    it, and `pruned` takes that for success.
    """
    found = {(result.phase, result.ref): result for result in before}
    found |= {(task.phase.value, task.ref): replace(task.result(), message="deleting") for task in pruning}
    found |= {(task.phase.value, task.ref): task.result() for task in tasks if task.state}
    return tuple(found.values())


def pruned(results: Iterable[TaskResult], tasks: Iterable[Task]) -> tuple[TaskResult, ...]:
    """Return the results, those as pruned that were being deleted and whose object is gone."""
    known = {(task.phase.value, task.ref) for task in tasks}
    return tuple(
        replace(result, status="Pruned", hook_phase=SUCCEEDED, message="pruned")
        if not (result.status or result.hook_phase or (result.phase, result.ref) in known)
        else result
        for result in results
    )


def hook_name(target: Target, phase: Phase, operation: OperationState) -> str:
    """Return the name of a hook that has only a `generateName` (§4.2.5)."""
    prefix = str((target.manifest.get("metadata") or {}).get("generateName", ""))
    revision = operation.revisions[0] if operation.revisions else ""
    started = int(datetime.fromisoformat(operation.started_at).timestamp()) if operation.started_at else 0
    return prefix + f"{revision[:7]}-{phase.value}-{started}".lower()


def hook_refs(target: Target, operation: OperationState) -> tuple[Ref, ...]:
    """Return the addresses that a hook has in an operation: one a phase where only `generateName` is given."""
    if target.ref.name:
        return (target.ref,)
    return tuple(replace(target.ref, name=hook_name(target, p, operation)) for p in _sync_phases(target))


def with_finalizer(target: Target) -> Target:
    """Return a hook with the finalizer that keeps it until its result is recorded (§4.2.6)."""
    metadata = dict(target.manifest.get("metadata") or {})
    metadata["finalizers"] = list(dict.fromkeys([*(metadata.get("finalizers") or []), HOOK_FINALIZER]))
    manifest = {**target.manifest, "metadata": metadata}
    return Target(manifest, target.ref, digest(manifest))


def _ordinary(app: Application, item: Compared) -> Task | None:
    body = item.live.body() if item.live is not None and item.extra else None
    manifest = item.target.manifest if item.target else body or {}
    role = role_of(manifest)
    if role.hook or role.skipped:
        return None
    return Task(
        phase=Phase.SYNC,
        wave=wave_of(manifest),
        ref=item.ref,
        target=item.target,
        live=item.live,
        prune_last=item.extra and option(app, "PruneLast", body) == "true",
        modified=item.status != "Synced",
    )


def _hook_tasks(app: Application, hook: Hook, operation: OperationState) -> Iterator[Task]:
    for phase in _sync_phases(hook.target):
        target, live = hook.target, hook.live
        if not target.ref.name:
            target = named(app, target, hook_name(target, phase, operation))
            live = hook.named.get(target.ref)
        wave = wave_of(target.manifest)
        yield Task(phase=phase, wave=wave, ref=target.ref, target=target, live=live, hook=True)


def _sync_phases(target: Target) -> tuple[Phase, ...]:
    return tuple(phase for phase in role_of(target.manifest).phases if phase in SYNC_PHASES)


def named(app: Application, target: Target, name: str) -> Target:
    """Give a hook its name, which its tracking id has to carry too."""
    metadata = {key: value for key, value in target.manifest["metadata"].items() if key != "generateName"}
    manifest = track({**target.manifest, "metadata": {**metadata, "name": name}}, app)
    return Target(manifest, replace(target.ref, name=name), digest(manifest))


def _recalled(task: Task, result: TaskResult | None) -> Task:
    if result is None:
        return task
    return replace(task, status=result.status, state=result.hook_phase, message=result.message)


def _selected(ref: Ref, selected: frozenset[Ref]) -> bool:
    return any(
        (s.group, s.kind, s.name) == (ref.group, ref.kind, ref.name) and s.namespace in ("", ref.namespace)
        for s in selected
    )
