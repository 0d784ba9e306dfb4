"""What a render becomes before it is compared: namespaces set, duplicates and excluded kinds dropped, tracked.

Source: spec/cluster §1.1 (namespace), §2.1 (the last of equal keys wins), §2.4 last paragraph, §10 (exclusions).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

import orjson

from plat.api import JSON, Application, Condition, Manifest, Ref, UserError, editable, group_of, ref_of
from plat.cluster.tracking import track

Namespaced = Callable[[str, str], bool | None]
"""Is (group, kind) namespaced? None: the cluster does not serve it (yet)."""

EXCLUDED: Final = (
    ("", "Endpoints"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("coordination.k8s.io", "Lease"),
    ("authentication.k8s.io", "*Review"),
    ("authorization.k8s.io", "*Review"),
    ("certificates.k8s.io", "CertificateSigningRequest"),
    ("wgpolicyk8s.io", "*"),
    ("kyverno.io", "*Report"),
)
"""Kinds that are never managed unless the operator says otherwise (spec/cluster §10, default exclusions)."""


@dataclass(frozen=True)
class Target:
    """One desired object, as it is applied."""

    manifest: Manifest = field(repr=False)
    ref: Ref
    digest: str
    """Of the canonical JSON of the manifest: the same digest means the same wish."""


def make_targets(
    app: Application, objects: Iterable[Manifest], namespaced: Namespaced
) -> tuple[tuple[Target, ...], tuple[Condition, ...]]:
    """Return the targets of an application in order, and the warnings that came up.

    Raises UserError for an object without kind, apiVersion or name.
    """
    expanded = list(objects)
    scope = _scope(expanded, namespaced)
    kept: dict[tuple[str, str, str, str], Target] = {}
    warnings: list[Condition] = []
    for number, manifest in enumerate(expanded, start=1):
        _require_identity(manifest, number)
        if excluded(group_of(manifest), str(manifest["kind"])):
            text = f"Resource {group_of(manifest)}/{manifest['kind']} {_name(manifest)} is excluded in the settings"
            warnings.append(Condition(type="ExcludedResourceWarning", message=text))
            continue
        target = _target(app, manifest, scope)
        key = (target.ref.group, target.ref.kind, target.ref.namespace, target.ref.name or f"generated-{number}")
        if key in kept:
            del kept[key]
            text = f"Resource {'/'.join(key)} appeared 2 times among application resources."
            warnings.append(Condition(type="RepeatedResourceWarning", message=text))
        kept[key] = target
    return tuple(kept.values()), tuple(dict.fromkeys(warnings))


def digest(value: JSON) -> str:
    """Return a digest of plain data that does not depend on the order of keys."""
    return hashlib.blake2b(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


def _target(app: Application, manifest: Manifest, namespaced: Namespaced) -> Target:
    body = editable(manifest)
    metadata = body["metadata"]
    if namespaced(group_of(body), body["kind"]) is False:
        metadata.pop("namespace", None)
    elif not metadata.get("namespace") and app.destination.namespace:
        metadata["namespace"] = app.destination.namespace
    tracked = track(body, app)
    return Target(tracked, ref_of(tracked), digest(tracked))


def _scope(objects: Sequence[Manifest], namespaced: Namespaced) -> Namespaced:
    """Let the custom resource definitions among the targets say the scope of their own kinds."""
    own: dict[tuple[str, str], bool] = {}
    for manifest in objects:
        if manifest.get("kind") == "CustomResourceDefinition" and isinstance(manifest.get("spec"), dict):
            spec = manifest["spec"]
            own[spec.get("group", ""), (spec.get("names") or {}).get("kind", "")] = spec.get("scope") == "Namespaced"

    def scope(group: str, kind: str) -> bool | None:
        served = namespaced(group, kind)
        return served if served is not None else own.get((group, kind))

    return scope


def excluded(group: str, kind: str) -> bool:
    """Say whether a kind is never managed."""
    return any(group == other and fnmatchcase(kind, glob) for other, glob in EXCLUDED)


def _require_identity(manifest: Manifest, number: int) -> None:
    missing = [name for name in ("apiVersion", "kind") if not manifest.get(name)]
    metadata = manifest.get("metadata")
    given = metadata.get("name") if isinstance(metadata, dict) else None
    if not (given is None or isinstance(given, str)):
        text = f"metadata.name of a {manifest.get('kind')} is {given!r}, which is no text"
        raise UserError(text, remedy="put it into quotes: YAML reads words such as on, off, y and n as true or false")
    if not (isinstance(metadata, dict) and (metadata.get("name") or metadata.get("generateName"))):
        missing.append("metadata.name")
    if missing:
        name = _name(manifest) or f"number {number}"
        raise UserError(f"object {name} lacks {', '.join(missing)}", remedy="give it, or take the file out of the path")


def _name(manifest: Manifest) -> str:
    metadata = manifest.get("metadata")
    return str(metadata.get("name", "")) if isinstance(metadata, dict) else ""
