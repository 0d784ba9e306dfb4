"""Taking over the fields of client-side applies before the first server-side apply (spec/cluster §4.6). Pure.

Fields of a client-side apply belong to its manager with operation `Update`. A server-side apply leaves them to it, also
one under the same name, so what git drops later would stay for ever. Argo CD applies on the client's side unless told
otherwise, as `argocd-controller`: the name under which we apply, too [≠ upstream, which takes over only from kubectl].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from plat.api import JSON, Manifest, at
from plat.cluster.comparison.fields import leaves
from plat.cluster.comparison.normal import LAST_APPLIED, alike
from plat.cluster.comparison.paths import value_at

CLIENT_SIDE: Final = "kubectl-client-side-apply"
"""Who applied on the client's side, by default."""


def appliers(live: Manifest | None, manager: str) -> tuple[str, ...]:
    """Return from whom we take over, who apply as `manager`: kubectl, and ourselves as a client-side applier.

    An update of ours is an apply if it wrote down what was applied; one that replaced the object is not.
    """
    found = {str(entry.get("manager")) for entry in _entries(live) if _is_clients(entry, CLIENT_SIDE)}
    own = (entry for entry in _entries(live) if _is_clients(entry, manager))
    if any(_noted(entry) for entry in own):
        found.add(manager)
    return tuple(sorted(found))


def dropped(live: Manifest, desired: Manifest, manager: str) -> tuple[str, ...]:
    """Return the fields of a live object that the last client-side apply wrote and `desired` no longer has.

    Both are spelled as `alike` does. What an applier owns beyond what was applied are the server's defaults, and stays.
    """
    last = _last_applied(live)
    if last is None:
        return ()
    taken = appliers(live, manager)
    entries = (entry for entry in _entries(live) if any(_is_clients(entry, who) for who in taken))
    paths = {path for entry in entries for path in leaves(entry.get("fieldsV1") or {})}
    there = (p for p in paths if value_at(last, p) is not None and value_at(live, p) is not None)
    return tuple(sorted(path for path in there if value_at(desired, path) is None))


def migrated(live: Manifest, manager: str, taken: Sequence[str] = (CLIENT_SIDE,)) -> list[JSON] | None:
    """Return the managedFields in which what others own by client-side apply is ours by server-side apply.

    None where there is nothing to move. Ours keeps its place, or takes that of the first entry that is moved.
    """
    entries = _entries(live)
    moved = [entry for entry in entries if any(_is_clients(entry, who) for who in taken)]
    if not moved:
        return None
    own = next((entry for entry in entries if _is_ours(entry, manager)), None)
    fields: JSON = (own or {}).get("fieldsV1") or {}
    for entry in moved:
        fields = union(fields, entry.get("fieldsV1") or {})
    kept = own if own is not None else moved[0]
    ours = {**kept, "manager": manager, "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": fields}
    rest = [ours if entry is kept else entry for entry in entries]
    return [entry for entry in rest if entry is ours or entry not in moved]


def union(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return all fields of two FieldsV1 trees."""
    both = {key: union(one[key], other[key]) for key in one if key in other}
    return {**one, **other, **both}


def _entries(live: Manifest | None) -> Sequence[Mapping[str, Any]]:
    found = at(live, "metadata.managedFields")
    return [entry for entry in found if isinstance(entry, Mapping)] if isinstance(found, list) else []


def _last_applied(live: Manifest) -> Manifest | None:
    try:
        found = orjson.loads(str((at(live, "metadata.annotations") or {}).get(LAST_APPLIED) or ""))
    except orjson.JSONDecodeError:
        return None
    return alike(found) if isinstance(found, dict) else None


def _noted(entry: Mapping[str, Any]) -> bool:
    annotations = at(entry, "fieldsV1.f:metadata.f:annotations")
    return isinstance(annotations, Mapping) and f"f:{LAST_APPLIED}" in annotations


def _is_clients(entry: Mapping[str, Any], manager: str) -> bool:
    who = (entry.get("manager"), entry.get("operation"), entry.get("subresource") or "")
    return who == (manager, "Update", "")


def _is_ours(entry: Mapping[str, Any], manager: str) -> bool:
    who = (entry.get("manager"), entry.get("operation"), entry.get("subresource") or "")
    return who == (manager, "Apply", "")
