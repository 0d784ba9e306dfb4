"""A small world that sync steps are played in: objects with health, effects that can be made to fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from plat.api import Application, Destination, Health, HealthStatus, Manifest, OperationState, Ref, Source, ref_of
from plat.cluster.comparison.compare import Compared
from plat.cluster.effects import ApplyObject, DeleteObject, DropFinalizer
from plat.cluster.rendering.targets import Target, digest
from plat.cluster.sync.annotations import Phase, role_of
from plat.cluster.sync.order import in_order
from plat.cluster.sync.step import SyncInput, SyncStep, step
from plat.cluster.sync.tasks import Hook, Task, hook_refs, make_tasks
from plat.engine import Effect, Outcome, Result

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOOK = "argocd.argoproj.io/hook"
WAVE = "argocd.argoproj.io/sync-wave"
OPTIONS = "argocd.argoproj.io/sync-options"
POLICY = "argocd.argoproj.io/hook-delete-policy"
VERSIONS = {
    "Deployment": "apps/v1",
    "Job": "batch/v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
    "Widget": "example.com/v1",
    "Ingress": "networking.k8s.io/v1",
    "ClusterRole": "rbac.authorization.k8s.io/v1",
}
CLUSTER_SCOPED = ("Namespace", "CustomResourceDefinition", "ClusterRole")
GATED = ("Deployment", "Job", "CustomResourceDefinition")
"""Kinds of this world that have a health rule: an object of them is Progressing until somebody says otherwise."""


def obj(kind: str, name: str, *, namespace: str = "prod", generate: str = "", **annotations: str) -> dict[str, Any]:
    """`hook`, `wave`, `options` and `policy` are short for their annotations."""
    names = {"hook": HOOK, "wave": WAVE, "options": OPTIONS, "policy": POLICY}
    metadata: dict[str, Any] = {"name": name} if name else {"generateName": generate}
    if kind not in CLUSTER_SCOPED:
        metadata["namespace"] = namespace
    if annotations:
        metadata["annotations"] = {names.get(key, key.replace("__", "/")): str(v) for key, v in annotations.items()}
    return {"apiVersion": VERSIONS.get(kind, "v1"), "kind": kind, "metadata": metadata}


def definition(name: str, kind: str = "Widget", group: str = "example.com", **annotations: str) -> dict[str, Any]:
    made = obj("CustomResourceDefinition", name, **annotations)
    return {**made, "spec": {"group": group, "names": {"kind": kind}}}


def target(manifest: Manifest) -> Target:
    return Target(manifest, ref_of(manifest), digest(manifest))


def manifest_of(task: Task) -> Manifest:
    """What git wants, of a task that applies something."""
    assert task.target is not None
    return task.target.manifest


def applying(effect: Effect) -> ApplyObject:
    assert isinstance(effect, ApplyObject)
    return effect


def application(*options: str, **fields: Any) -> Application:
    given = {
        "name": "shop",
        "namespace": "argocd",
        "sources": (Source(url="https://git.example/shop"),),
        "destination": Destination(server="https://c1", namespace="prod"),
        "options": frozenset(options),
    }
    return Application(**{**given, **fields})


@dataclass(frozen=True)
class FakeLive:
    ref: Ref
    uid: str
    version: str
    deleting: bool
    manifest: Mapping[str, Any] = field(repr=False)

    def body(self) -> dict[str, Any]:
        return dict(self.manifest)


class World:
    """Live objects of one cluster, and what was done to them."""

    def __init__(self) -> None:
        self.objects: dict[Ref, FakeLive] = {}
        self.health: dict[Ref, Health | None] = {}
        self.done: list[str] = []
        self.failing: dict[str, Outcome | str] = {}
        """What fails, by `verb Kind/name`, and with which message."""
        self.sticky: set[str] = set()
        """Names of objects that stay, terminating, when they are deleted."""
        self._count = 0

    def put(self, manifest: Manifest, status: str = "", *, deleting: bool = False) -> None:
        self._count += 1
        ref = ref_of(manifest)
        uid = self.objects[ref].uid if ref in self.objects else f"uid-{self._count}"
        self.objects[ref] = FakeLive(ref, uid, str(self._count), deleting, manifest)
        if ref not in self.health or not status:
            self.health[ref] = Health(HealthStatus.PROGRESSING) if ref.kind in GATED else None
        if status:
            self.judge(ref.name, status)

    def judge(self, name: str, status: str, because: str = "") -> None:
        for ref in self.objects:
            if ref.name == name:
                self.health[ref] = Health(HealthStatus(status), because)

    def remove(self, ref: Ref) -> None:
        self.objects.pop(ref, None)
        self.health.pop(ref, None)

    def perform(self, effect: Any) -> Outcome:
        verb, ref = _verb(effect)
        name = f"{verb} {ref.kind}/{ref.name}"
        if name in self.failing:
            self.done.append(f"{name} failed")
            bad = self.failing[name]
            return replace(bad, id=effect.id) if isinstance(bad, Outcome) else _outcome(effect.id, message=bad)
        self.done.append(name)
        value = self._carry_out(effect, ref)
        return Outcome(id=effect.id, result=Result.DONE, at=START, value=value)

    def _carry_out(self, effect: Any, ref: Ref) -> str | None:
        if isinstance(effect, ApplyObject):
            if effect.dry_run:
                return None
            known = ref in self.objects
            self.put(effect.target.manifest)
            return "configured" if known else "created"
        live = self.objects.get(ref)
        if isinstance(effect, DeleteObject) and live is not None and effect.uid in ("", live.uid):
            held = ref.name in self.sticky or (live.manifest["metadata"].get("finalizers") or [])
            if held:
                self.objects[ref] = replace(live, deleting=True)
            else:
                self.remove(ref)
        if isinstance(effect, DropFinalizer) and live is not None:
            metadata = dict(live.manifest["metadata"])
            metadata["finalizers"] = [f for f in metadata.get("finalizers", []) if f != effect.finalizer]
            manifest = {**live.manifest, "metadata": metadata}
            self.objects[ref] = replace(live, manifest=manifest)
            if live.deleting and not metadata["finalizers"] and ref.name not in self.sticky:
                self.remove(ref)
        return None


def _verb(effect: Any) -> tuple[str, Ref]:
    match effect:
        case ApplyObject():
            return ("check" if effect.dry_run else effect.how), effect.target.ref
        case DeleteObject():
            return "delete", effect.ref
        case DropFinalizer():
            return "release", effect.ref
    raise AssertionError(effect)


def _outcome(name: str, *, message: str, error: str = "UserError", result: Result = Result.FAILED) -> Outcome:
    return Outcome(id=name, result=result, at=START, error=error, message=message)


def unavailable(seconds: float = 0) -> Outcome:
    at = START + timedelta(seconds=seconds)
    return Outcome(id="", result=Result.FAILED, at=at, error="UnavailableError", message="out of reach")


class Play:
    """One operation in a world: every pass observes anew, decides, and carries the batches out."""

    def __init__(
        self,
        manifests: Iterable[Manifest],
        *options: str,
        world: World | None = None,
        app: Application | None = None,
        **operation: Any,
    ) -> None:
        self.app = app or application(*options)
        self.world = world or World()
        self.manifests = list(manifests)
        fields = {
            "phase": "Running",
            "started_at": "2026-01-01T12:00:00Z",
            "revisions": ("abcdef0123456789",),
            "options": self.app.options,
            "prune": True,
        }
        self.operation = OperationState(**{**fields, **operation})
        self.outcomes: dict[str, Outcome] = {}
        self.invalid: dict[Ref, str] = {}
        self.unservable: frozenset[Ref] = frozenset()
        self.confirmed = False
        self.shared = ""
        self.in_sync: set[str] = set()
        self.namespace: Manifest | None = None
        self.last: SyncStep | None = None

    def tasks(self) -> tuple[Task, ...]:
        lives = self.world.objects
        wanted = [target(manifest) for manifest in self.manifests]
        hooks = [t for t in wanted if role_of(t.manifest).hook]
        plain = [t for t in wanted if not role_of(t.manifest).hook and not role_of(t.manifest).skipped]
        compared = [self._compared(t, lives.get(t.ref)) for t in plain]
        known = {t.ref for t in wanted} | {Ref(kind="Namespace", name="prod")}
        compared += [Compared(ref, "v1", "OutOfSync", None, live) for ref, live in lives.items() if ref not in known]
        found = [
            Hook(t, lives.get(t.ref), {r: lives[r] for r in hook_refs(t, self.operation) if r in lives}) for t in hooks
        ]
        space = None
        if self.namespace is not None and ref_of(self.namespace) not in lives:
            made = target(self.namespace)
            space = Task(Phase.PRE_SYNC, 0, made.ref, made, namespace_creation=True)
        return in_order(make_tasks(self.app, self.operation, compared, found, namespace=space))

    def _compared(self, wanted: Target, live: FakeLive | None) -> Compared:
        applied = live is not None and live.manifest == wanted.manifest
        synced = live is not None and (wanted.ref.name in self.in_sync or applied)
        return Compared(wanted.ref, "v1", "Synced" if synced else "OutOfSync", wanted, live)

    def look(self) -> SyncStep:
        """Decide without doing anything."""
        given = SyncInput(
            app=self.app,
            cluster="c1",
            operation=self.operation,
            tasks=self.tasks(),
            health=dict(self.world.health),
            invalid=self.invalid,
            unservable=self.unservable,
            outcomes=dict(self.outcomes),
            confirmed=self.confirmed,
            shared=self.shared,
        )
        return step(given)

    def once(self) -> SyncStep:
        """One pass: the state is saved after its effects, as the reconciler does."""
        stepped = self.last = self.look()
        for batch in stepped.batches:
            outcomes = [self.world.perform(effect) for effect in batch.effects]
            self.outcomes |= {outcome.id: outcome for outcome in outcomes}
            if not batch.go_on and any(outcome.result is not Result.DONE for outcome in outcomes):
                break
        self.operation = stepped.operation
        return stepped

    def run(self, limit: int = 50) -> SyncStep:
        """Pass after pass until the operation ends, or there is nothing to do but wait."""
        for _ in range(limit):
            stepped = self.once()
            if stepped.completed or not stepped.batches:
                return stepped
        raise AssertionError(f"it never comes to rest: {self.operation.message}")

    def crash(self) -> None:
        """Forget what only memory knew."""
        self.outcomes.clear()

    def took(self, *verbs: str) -> list[str]:
        """What was done, without the checks; or only of some verbs."""
        wanted: Callable[[str], bool] = (lambda v: v in verbs) if verbs else (lambda v: v != "check")
        return [each for each in self.world.done if wanted(each.split(" ")[0])]

    @property
    def results(self) -> dict[str, tuple[str, str]]:
        """Status and state of each result, by phase and name."""
        return {f"{r.phase} {r.ref.kind}/{r.ref.name}": (r.status, r.hook_phase) for r in self.operation.results}
