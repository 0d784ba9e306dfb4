"""Whose an object is: the tracking id, as Argo CD writes and reads it (spec/cluster §6). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from plat.api import Application, Camp, Manifest, Ref, editable, ref_of

TRACKING_ID: Final = "argocd.argoproj.io/tracking-id"
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
    """Read an id; None for one that is malformed, which is nobody's."""
    parts = value.split(":")
    if len(parts) < 3:  # noqa: PLR2004  # three parts, of which the last (an RBAC name) may hold colons itself
        return None
    app, kind, place = parts[0], parts[1], ":".join(parts[2:])
    if "/" not in kind or "/" not in place or not app:
        return None
    group, _, name = kind.partition("/")
    namespace, _, object_name = place.partition("/")
    return TrackingId(app, group, name, namespace, object_name)


def track(manifest: Manifest, app: Application) -> Manifest:
    """Return the object with its tracking; custom resource definitions get none."""
    if manifest.get("kind") == "CustomResourceDefinition":
        return manifest
    body = editable(manifest)
    metadata = body.setdefault("metadata", {})
    camp = app.camp
    if camp.tracking != "label":
        annotations = dict(metadata.get("annotations") or {})
        metadata["annotations"] = {**annotations, TRACKING_ID: str(tracking_id(app, manifest))}
    if camp.tracking != "annotation":
        name = instance_name(app)
        if camp.tracking == "annotation+label":
            name = _fitting(name)
        metadata["labels"] = {**dict(metadata.get("labels") or {}), camp.instance_label: name}
    return body


def owner_of(manifest: Manifest, camp: Camp) -> str:
    """Return the instance name of the application that an object belongs to; empty if to none.

    An id that does not describe the object itself was copied with it and counts for nothing (§6 rule 1).
    """
    metadata = manifest.get("metadata") or {}
    if camp.tracking == "label":
        return str((metadata.get("labels") or {}).get(camp.instance_label, ""))
    found = parse(str((metadata.get("annotations") or {}).get(TRACKING_ID, "")))
    return found.app if found is not None and _describes(found, ref_of(manifest)) else ""


def _describes(found: TrackingId, ref: Ref) -> bool:
    same = (found.group, found.kind, found.name) == (ref.group, ref.kind, ref.name)
    return same and (not ref.namespace or found.namespace == ref.namespace)


def _fitting(name: str) -> str:
    cut = name[:LABEL_LIMIT]
    while cut and not cut[-1].isalnum():
        cut = cut[:-1]
    return cut
