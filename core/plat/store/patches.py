"""JSON merge patches (RFC 7386). Pure; neither function changes what it is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plat.api import JSON


def merge(target: JSON, patch: JSON) -> JSON:
    """Return the target with the patch applied: objects merge, null removes, everything else replaces."""
    if not isinstance(patch, Mapping):
        return patch
    merged: dict[str, Any] = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def difference(before: JSON, after: JSON) -> JSON:
    """Return the smallest patch that makes `after` of `before`; an empty object where two objects are equal.

    A null in `after` cannot be said by a merge patch: the field ends up absent.
    """
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        return after
    patch: dict[str, Any] = {name: None for name in before if name not in after}
    for name, value in after.items():
        if name not in before:
            patch[name] = value
        elif not same(before[name], value):
            patch[name] = difference(before[name], value)
    return patch


def same(one: JSON, other: JSON) -> bool:
    """Say whether two values are equal as JSON, where true is not 1 and 1.0 is 1 (as JSON Schema compares)."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
