"""Who owns a field, by `metadata.managedFields`: the manager, how, and since when. Pure.

Paths are those of structured-merge-diff: `.spec.replicas`, `.spec.containers[name="web"].image`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from plat.api import JSON, Manifest

APPLY: Final = "Apply"
"""The operation of an entry of managedFields that a server-side apply has made."""


@dataclass(frozen=True)
class Manager:
    """One entry of managedFields."""

    name: str
    operation: str
    time: str
    subresource: str = ""


def managers_of(manifest: Manifest, path: str) -> tuple[Manager, ...]:
    """Return who owns a path or something below it, the latest first."""
    entries = (manifest.get("metadata") or {}).get("managedFields") or []
    owners = [_manager(entry) for entry in entries if _covers(entry, path)]
    return tuple(sorted(owners, key=lambda manager: manager.time, reverse=True))


def applied_by(manifest: Manifest, manager: str) -> bool:
    """Say whether a manager has applied an object on the server's side, so that fields of it are the manager's."""
    entries = (manifest.get("metadata") or {}).get("managedFields") or []
    return any(entry.get("manager") == manager and entry.get("operation") == APPLY for entry in entries)


def owned_paths(manifest: Manifest, managers: frozenset[str]) -> tuple[str, ...]:
    """Return the leaves that any of these managers owns."""
    entries = (manifest.get("metadata") or {}).get("managedFields") or []
    mine = [entry for entry in entries if entry.get("manager") in managers]
    return tuple(sorted({path for entry in mine for path in leaves(entry.get("fieldsV1") or {})}))


def leaves(fields: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Return the paths of the leaves of a FieldsV1 tree."""
    children = {key: value for key, value in fields.items() if key != "."}
    if not children and prefix:
        yield prefix
    for key, below in children.items():
        yield from leaves(below, prefix + _step(key))


def _covers(entry: Mapping[str, Any], path: str) -> bool:
    return any(
        leaf == path or leaf.startswith((path + ".", path + "[")) or path.startswith((leaf + ".", leaf + "["))
        for leaf in leaves(entry.get("fieldsV1") or {})
    )


def _manager(entry: Mapping[str, JSON]) -> Manager:
    return Manager(
        name=str(entry.get("manager", "")),
        operation=str(entry.get("operation", "")),
        time=str(entry.get("time", "")),
        subresource=str(entry.get("subresource", "")),
    )


def _step(key: str) -> str:
    mark, _, rest = key.partition(":")
    if mark == "f":
        return f".{rest}"
    if mark == "k":
        pairs = orjson.loads(rest)
        return "[" + ",".join(f"{name}={_value(pairs[name])}" for name in sorted(pairs)) + "]"
    if mark == "v":
        return f"[={_value(orjson.loads(rest))}]"
    return f"[{rest}]"


def _value(value: JSON) -> str:
    return orjson.dumps(value).decode()
