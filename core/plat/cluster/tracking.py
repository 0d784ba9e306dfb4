"""Whose an object is: the tracking id, as Argo CD writes and reads it (spec/cluster §6). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from plat.api import Application, Camp, Condition, Manifest, Ref, at, ref_of
from plat.kube import Extract, Facts

TRACKING_ID: Final = "argocd.argoproj.io/tracking-id"
INSTALLATION_ID: Final = "argocd.argoproj.io/installation-id"
DEFINITION: Final = "CustomResourceDefinition"
SHARED: Final = "SharedResourceWarning"
LABEL_LIMIT: Final = 63


@dataclass(frozen=True)
class TrackingId:
    """`<app>:<group>/<kind>:<namespace>/<name>`."""

    app: str
    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """Return it as it stands in the annotation."""
        return f"{self.app}:{self.group}/{self.kind}:{self.namespace}/{self.name}"


def instance_name(app: Application) -> str:
    """Return how tracking names an application: `<ns>_<name>` outside the control namespace."""
    foreign = app.namespace and app.namespace != app.camp.home
    return f"{app.namespace}_{app.name}" if foreign else app.name


def tracking_id(app: Application, manifest: Manifest) -> TrackingId:
    """Return the id of an object; a cluster-scoped one carries the destination namespace."""
    ref = ref_of(manifest)
    return TrackingId(instance_name(app), ref.group, ref.kind, ref.namespace or app.destination.namespace, ref.name)


def parse(value: str) -> TrackingId | None:
    """Read an id; None for one that is malformed, which is nobody's. The name may hold colons, as RBAC names do."""
    parts = value.split(":", 2)
    if len(parts) < 3 or not parts[0]:  # noqa: PLR2004  # application, kind, place
        return None
    kind, place = parts[1].split("/"), parts[2].split("/")
    if len(kind) != 2 or len(place) != 2:  # noqa: PLR2004  # each is a pair
        return None
    return TrackingId(parts[0], *kind, *place)


def track(manifest: Manifest, app: Application) -> Manifest:
    """Return the object with its tracking; custom resource definitions get none.

    Only metadata is copied. What an author wrote in our annotations and labels is replaced.
    """
    if manifest.get("kind") == DEFINITION:
        return manifest
    metadata, camp = dict(manifest.get("metadata") or {}), app.camp
    if camp.tracking != "label":
        metadata["annotations"] = _annotated(metadata.get("annotations") or {}, str(tracking_id(app, manifest)), camp)
    if camp.tracking != "annotation":
        name = instance_name(app)
        label = _fitting(name) if camp.tracking == "annotation+label" else name
        metadata["labels"] = {**(metadata.get("labels") or {}), camp.instance_label: label}
    return {**manifest, "metadata": metadata}


def owner_of(manifest: Manifest, camp: Camp) -> str:
    """Return the instance name of the application that an object belongs to; empty if to none.

    An id that does not describe the object itself was copied with it and counts for nothing (§6 rule 1); nor does one
    of another installation. Never raises: it is asked about whatever lies in a cluster.
    """
    if camp.tracking == "label":
        return _text(manifest, "metadata.labels", camp.instance_label)
    if camp.installation_id and _text(manifest, "metadata.annotations", INSTALLATION_ID) != camp.installation_id:
        return ""
    found = parse(_text(manifest, "metadata.annotations", TRACKING_ID))
    return found.app if found is not None and _describes(found, ref_of(manifest)) else ""


def ownership(camps: Iterable[Camp]) -> Extract:
    """Return how a watch plane reads whose an object is; an object is its owner's by the first camp that says so."""
    known = tuple(dict.fromkeys(camps)) or (Camp(),)

    def extract(manifest: Manifest) -> Facts:
        owner = next((name for camp in known if (name := owner_of(manifest, camp))), "")
        return Facts(owner=owner, tracking=_text(manifest, "metadata.annotations", TRACKING_ID))

    return extract


def shared_with(live: Manifest, app: Application) -> str:
    """Return the instance name of the other application that an object of ours belongs to; empty: none (§6 rule 3)."""
    owner = owner_of(live, app.camp)
    return owner if owner not in ("", instance_name(app)) else ""


def shared_warnings(app: Application, owners: Iterable[tuple[Ref, str]]) -> tuple[Condition, ...]:
    """Return a warning for each object of ours, given with its owner's instance name, that is another application's."""
    mine = instance_name(app)
    texts = (
        f"{ref.kind}/{ref.name} is part of applications {app.id} and {owner}"
        for ref, owner in owners
        if owner not in ("", mine)
    )
    return tuple(Condition(type=SHARED, message=text) for text in texts)


def _annotated(annotations: Mapping[str, str], value: str, camp: Camp) -> dict[str, str]:
    kept = {key: text for key, text in annotations.items() if key != INSTALLATION_ID}
    if camp.installation_id:
        kept[INSTALLATION_ID] = camp.installation_id
    return {**kept, TRACKING_ID: value}


def _text(manifest: Manifest, path: str, key: str) -> str:
    found = at(manifest, path)
    value = found.get(key) if isinstance(found, Mapping) else None
    return value if isinstance(value, str) else ""


def _describes(found: TrackingId, ref: Ref) -> bool:
    same = (found.group, found.kind, found.name) == (ref.group, ref.kind, ref.name)
    return same and (not ref.namespace or found.namespace == ref.namespace)


def _fitting(name: str) -> str:
    """Cut to what a label may hold; what fits stays as it is."""
    if len(name) <= LABEL_LIMIT:
        return name
    cut = name[:LABEL_LIMIT]
    while cut and not cut[-1].isalnum():
        cut = cut[:-1]
    return cut
