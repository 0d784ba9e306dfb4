"""Taking over the fields that `kubectl apply` owns, before the first server-side apply (spec/cluster §4.6). Pure.

Fields of a client-side apply belong to its manager with operation `Update`. A server-side apply under another name
leaves them to it, so what git drops later would stay for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from plat.api import JSON, Manifest, at

CLIENT_SIDE: Final = "kubectl-client-side-apply"
"""Who applied on the client's side, by default; Argo CD's client-side apply has this name too."""


def needs_migration(live: Manifest | None, taken: str = CLIENT_SIDE) -> bool:
    """Say whether a manager owns fields of an object by client-side apply."""
    return any(_is_clients(entry, taken) for entry in _entries(live))


def migrated(live: Manifest, manager: str, taken: str = CLIENT_SIDE) -> list[JSON] | None:
    """Return the managedFields in which what `taken` owns by client-side apply is ours by server-side apply.

    None where there is nothing to move. Ours keeps its place, or takes that of the first entry that is moved.
    """
    entries = _entries(live)
    moved = [entry for entry in entries if _is_clients(entry, taken)]
    if not moved:
        return None
    own = next((entry for entry in entries if _is_ours(entry, manager)), None)
    fields: JSON = (own or {}).get("fieldsV1") or {}
    for entry in moved:
        fields = union(fields, entry.get("fieldsV1") or {})
    kept = own if own is not None else moved[0]
    ours = {**kept, "manager": manager, "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": fields}
    rest = [ours if entry is kept else entry for entry in entries]
    return [entry for entry in rest if entry is ours or not _is_clients(entry, taken)]


def union(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return all fields of two FieldsV1 trees."""
    both = {key: union(one[key], other[key]) for key in one if key in other}
    return {**one, **other, **both}


def _entries(live: Manifest | None) -> Sequence[Mapping[str, Any]]:
    found = at(live, "metadata.managedFields")
    return [entry for entry in found if isinstance(entry, Mapping)] if isinstance(found, list) else []


def _is_clients(entry: Mapping[str, Any], manager: str) -> bool:
    who = (entry.get("manager"), entry.get("operation"), entry.get("subresource") or "")
    return who == (manager, "Update", "")


def _is_ours(entry: Mapping[str, Any], manager: str) -> bool:
    who = (entry.get("manager"), entry.get("operation"), entry.get("subresource") or "")
    return who == (manager, "Apply", "")
