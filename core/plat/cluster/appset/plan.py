"""What a set does to the Applications that exist: pure, in order of name (spec/cluster §8.1.4-6)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from plat.api import ApplicationSet, Manifest, at
from plat.cluster.appset.applications import RESOURCES_FINALIZER, SET_KIND, Generated, Problem, name_of

_PRESERVED_ANNOTATIONS: Final = ("argocd.argoproj.io/refresh", "argocd.argoproj.io/hydrate")
_NOTIFIED: Final = "notified.notifications.argoproj.io"
_DELETE_HOOKS: Final = ("pre-delete-finalizer.argocd.argoproj.io", "post-delete-finalizer.argocd.argoproj.io")
_OURS: Final = ("labels", "annotations", "finalizers", "ownerReferences")
_MAY_UPDATE: Final = frozenset({"sync", "create-update"})
_MAY_DELETE: Final = frozenset({"sync", "create-delete"})


class Verb(StrEnum):
    """What is done to one Application."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True)
class Step:
    """One change. `after` is the whole new manifest; None for a deletion."""

    verb: Verb
    name: str
    before: Manifest | None = None
    after: Manifest | None = None
    drop_finalizer: bool = False
    """Its cluster is gone: take the resources-finalizer away before deleting, or it would wait for ever."""


@dataclass(frozen=True)
class Plan:
    """All steps in order, and what was left alone and why."""

    steps: tuple[Step, ...] = ()
    problems: tuple[Problem, ...] = ()


def plan(
    applications: ApplicationSet,
    existing: Iterable[Manifest],
    generated: Generated,
    *,
    cluster_gone: Callable[[Manifest], bool] = lambda _: False,
) -> Plan:
    """Return creations and updates in order of name, then deletions of what is no longer generated.

    `existing` are the Applications of the set's namespace. One without an owner is taken over; one of another set is
    left alone and reported.
    """
    known = {name_of(manifest): manifest for manifest in existing}
    foreign = [name_of(m) for m in generated.applications if _other_owner(known.get(name_of(m)), applications.name)]
    steps = [
        step
        for wanted in generated.applications
        if name_of(wanted) not in foreign and (step := _step(applications, known.get(name_of(wanted)), wanted))
    ]
    kept = {name_of(m) for m in generated.applications} | {problem.name for problem in generated.problems}
    owned = [manifest for name, manifest in sorted(known.items()) if owner_of(manifest) == applications.name]
    if applications.policy in _MAY_DELETE and "" not in kept:
        gone = [manifest for manifest in owned if name_of(manifest) not in kept]
        steps += [Step(Verb.DELETE, name_of(m), before=m, drop_finalizer=_drops(m, cluster_gone)) for m in gone]
    taken = tuple(Problem(name, f"belongs to ApplicationSet {owner_of(known[name])}") for name in foreign)
    return Plan(tuple(steps), generated.problems + taken)


def plan_removal(applications: ApplicationSet, existing: Iterable[Manifest]) -> Plan:
    """Return what to do when a set itself is deleted: its Applications go, unless its policy never deletes.

    Then they only lose their owner.
    """
    owned = sorted((m for m in existing if owner_of(m) == applications.name), key=name_of)
    if applications.policy in _MAY_DELETE:
        return Plan(tuple(Step(Verb.DELETE, name_of(manifest), before=manifest) for manifest in owned))
    return Plan(tuple(Step(Verb.UPDATE, name_of(m), before=m, after=_orphaned(m)) for m in owned))


def owner_of(manifest: Manifest) -> str:
    """Return the name of the set that an Application belongs to; empty if none."""
    owners = at(manifest, "metadata.ownerReferences", [])
    return next((str(owner.get("name", "")) for owner in owners if owner.get("kind") == SET_KIND), "")


def _other_owner(manifest: Manifest | None, name: str) -> bool:
    return manifest is not None and owner_of(manifest) not in ("", name)


def _step(applications: ApplicationSet, before: Manifest | None, wanted: Manifest) -> Step | None:
    name = name_of(wanted)
    if before is None:
        return Step(Verb.CREATE, name, after=wanted)
    if applications.policy not in _MAY_UPDATE:
        return None
    after = updated(before, wanted, applications)
    return None if _same(before, after) else Step(Verb.UPDATE, name, before=before, after=after)


def updated(before: Manifest, wanted: Manifest, applications: ApplicationSet) -> dict[str, Any]:
    """Return an Application as it is to be after an update: what others keep on it stays (§8.1.6)."""
    old: Mapping[str, Any] = before.get("metadata") or {}
    new: Mapping[str, Any] = wanted.get("metadata") or {}
    names = (*_PRESERVED_ANNOTATIONS, *applications.preserved_annotations)
    annotations = _kept(old.get("annotations"), names, prefix=_NOTIFIED)
    labels = _kept(old.get("labels"), applications.preserved_labels)
    metadata = {
        **old,
        "labels": {**(new.get("labels") or {}), **labels},
        "annotations": {**(new.get("annotations") or {}), **annotations},
        "finalizers": [*(new.get("finalizers") or []), *_delete_hooks(old.get("finalizers") or [], new)],
        "ownerReferences": _owners(old, new),
    }
    given = {key: value for key, value in metadata.items() if value or key not in _OURS}
    return {**before, "metadata": given, "spec": wanted.get("spec") or {}}


def _kept(values: Mapping[str, str] | None, names: Collection[str], *, prefix: str = "") -> dict[str, str]:
    return {
        key: value
        for key, value in (values or {}).items()
        if key in names or (prefix and key.partition("/")[0].startswith(prefix))
    }


def _delete_hooks(finalizers: Sequence[str], new: Mapping[str, Any]) -> list[str]:
    given = new.get("finalizers") or []
    return [name for name in finalizers if name.startswith(_DELETE_HOOKS) and name not in given]


def _owners(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Any]:
    """Return the set as owner beside owners of other kinds; a uid that is known stays."""
    (mine,) = new["ownerReferences"]
    known = old.get("ownerReferences") or []
    uid = next((owner.get("uid") for owner in known if owner.get("kind") == SET_KIND), None)
    others = [owner for owner in known if owner.get("kind") != SET_KIND]
    return [*others, {**({"uid": uid} if uid else {}), **mine}]


def _same(before: Manifest, after: Manifest) -> bool:
    old, new = before.get("metadata") or {}, after["metadata"]
    return before.get("spec") == after["spec"] and all((old.get(n) or None) == (new.get(n) or None) for n in _OURS)


def _drops(manifest: Manifest, cluster_gone: Callable[[Manifest], bool]) -> bool:
    finalizers = at(manifest, "metadata.finalizers", [])
    return any(name.startswith(RESOURCES_FINALIZER) for name in finalizers) and cluster_gone(manifest)


def _orphaned(manifest: Manifest) -> dict[str, Any]:
    metadata = dict(manifest["metadata"])
    metadata["ownerReferences"] = [o for o in metadata["ownerReferences"] if o.get("kind") != SET_KIND]
    return {**manifest, "metadata": metadata}
