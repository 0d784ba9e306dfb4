"""The order of a sync's tasks (spec/cluster §4.3). Pure: it does not depend on the order in which tasks come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from plat.api import at
from plat.cluster.sync.annotations import SYNC_PHASES, Phase
from plat.cluster.sync.tasks import Task

_KINDS: Final = (
    "Namespace", "NetworkPolicy", "ResourceQuota", "LimitRange", "PodSecurityPolicy", "PodDisruptionBudget",
    "ServiceAccount", "Secret", "SecretList", "ConfigMap", "StorageClass", "PersistentVolume", "PersistentVolumeClaim",
    "CustomResourceDefinition", "ClusterRole", "ClusterRoleList", "ClusterRoleBinding", "ClusterRoleBindingList",
    "Role", "RoleList", "RoleBinding", "RoleBindingList", "Service", "DaemonSet", "Pod", "ReplicationController",
    "ReplicaSet", "Deployment", "HorizontalPodAutoscaler", "StatefulSet", "Job", "CronJob", "IngressClass", "Ingress",
    "APIService",
)  # fmt: skip
_RANK: Final = {kind: rank for rank, kind in enumerate(_KINDS)}
DEFINITION: Final = "CustomResourceDefinition"
Key = tuple[str, str]
"""What is made and used: a namespace, or a group and kind."""


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
    last = 1 + max(0, *(task.wave for task in turned if task.phase is Phase.SYNC), 0)
    return [replace(task, wave=last) if task.prunes and task.prune_last else task for task in turned]


def _namespaces_first(tasks: Sequence[Task]) -> list[Task]:
    """Move each Namespace right before the first task that lives in it (§4.3.4)."""

    def made(task: Task) -> Key | None:
        return ("", task.ref.name) if (task.ref.group, task.ref.kind) == ("", "Namespace") else None

    def used(task: Task) -> Key | None:
        return ("", task.ref.namespace) if task.ref.namespace else None

    return _makers_first(tasks, made, used)


def _definitions_first(tasks: Sequence[Task]) -> list[Task]:
    """Move each definition right before the first task of the kind that it defines (§4.3.4)."""
    return _makers_first(tasks, _defined, lambda task: (task.ref.group, task.ref.kind))


def _defined(task: Task) -> Key | None:
    if task.ref.kind != DEFINITION or task.target is None:
        return None
    group, kind = at(task.target.manifest, "spec.group"), at(task.target.manifest, "spec.names.kind")
    return (group, kind) if isinstance(group, str) and isinstance(kind, str) else None


def _makers_first(
    tasks: Sequence[Task], made: Callable[[Task], Key | None], used: Callable[[Task], Key | None]
) -> list[Task]:
    """Move what makes something before its first use, into the phase and wave of that use. Prunes do neither."""
    first: dict[Key, int] = {}
    moved: dict[int, list[Task]] = {}
    stays: list[tuple[int, Task]] = []
    for index, task in enumerate(tasks):
        key = None if task.prunes else made(task)
        if key is not None and key in first:
            user = tasks[first[key]]
            moved.setdefault(first[key], []).append(replace(task, phase=user.phase, wave=user.wave))
            continue
        stays.append((index, task))
        need = None if task.prunes or key is not None else used(task)
        if need is not None:
            first.setdefault(need, index)
    return [each for index, task in stays for each in (*moved.get(index, ()), task)]
