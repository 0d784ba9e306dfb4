"""The tasks of one sync operation (spec/cluster §4.2), with what came of each so far. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from plat.api import Application, OperationState, Ref, TaskResult
from plat.cluster.comparison.compare import Compared, Live
from plat.cluster.rendering.targets import Target, digest
from plat.cluster.sync.annotations import HOOK_FINALIZER, SYNC_PHASES, Phase, option, role_of, wave_of

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

    @property
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


def make_tasks(
    app: Application,
    operation: OperationState,
    compared: Iterable[Compared],
    hooks: Iterable[Hook],
    *,
    namespace: Task | None = None,
) -> tuple[Task, ...]:
    """Return the tasks of an operation, not ordered, with the results that it has so far.

    Selective syncs run no hooks (§4.2.7). `ApplyOutOfSyncOnly=true` leaves out what is in sync (§4.4.7).
    """
    selected = frozenset(operation.resources)
    tasks = [_ordinary(app, item) for item in compared if not selected or _selected(item.ref, selected)]
    if app.option("ApplyOutOfSyncOnly") == "true":
        tasks = [task for task in tasks if task.modified]
    if not selected:
        tasks += [task for hook in hooks for task in _hook_tasks(hook, operation)]
    if namespace is not None:
        tasks.append(namespace)
    known = {f"{result.phase} {result.ref}": result for result in operation.results}
    return tuple(_recalled(task, known) for task in tasks)


def hook_name(target: Target, phase: Phase, *, revision: str, started: int) -> str:
    """Return the name of a hook that has only a `generateName` (§4.2.5)."""
    prefix = str((target.manifest.get("metadata") or {}).get("generateName", ""))
    return prefix + f"{revision[:7]}-{phase.value}-{started}".lower()


def with_finalizer(target: Target) -> Target:
    """Return a hook with the finalizer that keeps it until its result is recorded (§4.2.6)."""
    metadata = dict(target.manifest.get("metadata") or {})
    metadata["finalizers"] = list(dict.fromkeys([*(metadata.get("finalizers") or []), HOOK_FINALIZER]))
    manifest = {**target.manifest, "metadata": metadata}
    return Target(manifest, target.ref, digest(manifest))


def _ordinary(app: Application, item: Compared) -> Task:
    body = item.live.body() if item.live is not None and item.extra else None
    manifest = item.target.manifest if item.target else body or {}
    return Task(
        phase=Phase.SYNC,
        wave=wave_of(manifest),
        ref=item.ref,
        target=item.target,
        live=item.live,
        prune_last=item.extra and option(app, "PruneLast", body) == "true",
        modified=item.status != "Synced",
    )


def _hook_tasks(hook: Hook, operation: OperationState) -> list[Task]:
    phases = [phase for phase in role_of(hook.target.manifest).phases if phase in SYNC_PHASES]
    tasks = []
    for phase in phases:
        target = hook.target
        if not target.ref.name:
            name = hook_name(target, phase, revision=_first(operation.revisions), started=_unix(operation.started_at))
            target = _named(target, name)
        task = Task(
            phase=phase, wave=wave_of(target.manifest), ref=target.ref, target=target, live=hook.live, hook=True
        )
        tasks.append(task)
    return tasks


def _named(target: Target, name: str) -> Target:
    metadata = {key: value for key, value in target.manifest["metadata"].items() if key != "generateName"}
    manifest = {**target.manifest, "metadata": {**metadata, "name": name}}
    return Target(manifest, replace(target.ref, name=name), digest(manifest))


def _recalled(task: Task, known: Mapping[str, TaskResult]) -> Task:
    result = known.get(task.id)
    if result is None:
        return task
    return replace(task, status=result.status, state=result.hook_phase, message=result.message)


def _selected(ref: Ref, selected: frozenset[Ref]) -> bool:
    return any(
        (s.group, s.kind, s.name) == (ref.group, ref.kind, ref.name) and s.namespace in ("", ref.namespace)
        for s in selected
    )


def _first(values: Sequence[str]) -> str:
    return values[0] if values else ""


def _unix(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp()) if moment else 0
