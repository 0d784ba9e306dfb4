"""The order of a sync's tasks (spec/cluster §4.3). Pure: it does not depend on the order in which tasks come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from plat.cluster.sync.annotations import SYNC_PHASES, Phase
from plat.cluster.sync.tasks import Task

_KINDS: Final = (
    "Namespace", "NetworkPolicy", "ResourceQuota", "LimitRange", "PodSecurityPolicy", "PodDisruptionBudget",
    "ServiceAccount", "Secret", "SecretList", "ConfigMap", "StorageClass", "PersistentVolume", "PersistentVolumeClaim",
    "CustomResourceDefinition", "ClusterRole", "ClusterRoleList", "ClusterRoleBinding", "ClusterRoleBindingList",
    "Role", "RoleList", "RoleBinding", "RoleBindingList", "Service", "DaemonSet", "Pod", "ReplicationController",
    "ReplicaSet", "Deployment", "HorizontalPodAutoscaler", "StatefulSet", "Job", "CronJob", "IngressClass", "Ingress", "APIService",
)  # fmt: skip
_RANK: Final = {kind: rank for rank, kind in enumerate(_KINDS)}
DEFINITION: Final = "CustomResourceDefinition"


def in_order(tasks: Iterable[Task]) -> tuple[Task, ...]:
    """Return the tasks in the order in which they run, with the waves that pruning gets."""
    waved = _prune_waves(list(tasks))
    ordered = sorted(waved, key=_key)
    return tuple(_definitions_first(_namespaces_first(ordered)))


def _key(task: Task) -> tuple[int, int, int, str, str]:
    rank = _RANK.get(task.ref.kind, len(_KINDS))
    return SYNC_PHASES.index(task.phase), task.wave, rank, task.ref.name, str(task.ref)


def _prune_waves(tasks: list[Task]) -> list[Task]:
    """Prune in reverse: the first of the distinct waves of pruning is swapped with the last, and so on inwards.

    Then what is pruned last goes one wave behind everything else of the Sync phase.
    """
    waves = sorted({task.wave for task in tasks if task.prunes})
    swapped = dict(zip(waves, reversed(waves), strict=True))
    turned = [replace(task, wave=swapped[task.wave]) if task.prunes else task for task in tasks]
    last = 1 + max((task.wave for task in turned if task.phase is Phase.SYNC), default=0)
    last = max(last, 1)
    return [replace(task, wave=last) if task.prunes and task.prune_last else task for task in turned]


def _namespaces_first(tasks: Sequence[Task]) -> list[Task]:
    """Move each Namespace right before the first task that lives in it."""
    result = list(tasks)
    for namespace in [t for t in tasks if not t.ref.group and t.ref.kind == "Namespace" and not t.prunes]:
        user = next((t for t in result if t.ref.namespace == namespace.ref.name and not t.prunes), None)
        _move_before(result, namespace, user)
    return result


def _definitions_first(tasks: Sequence[Task]) -> list[Task]:
    """Move each definition right before the first task of the kind that it defines."""
    result = list(tasks)
    for definition in [t for t in tasks if t.ref.kind == DEFINITION and t.target is not None]:
        spec = (definition.target.manifest.get("spec") or {}) if definition.target else {}
        kind = (spec.get("group", ""), (spec.get("names") or {}).get("kind", ""))
        user = next((t for t in result if (t.ref.group, t.ref.kind) == kind and not t.prunes), None)
        _move_before(result, definition, user)
    return result


def _move_before(tasks: list[Task], moved: Task, user: Task | None) -> None:
    if user is None or tasks.index(moved) < tasks.index(user):
        return
    tasks.remove(moved)
    tasks.insert(tasks.index(user), replace(moved, phase=user.phase, wave=user.wave))
