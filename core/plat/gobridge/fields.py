"""Fields of live objects, by the structural rules of server-side apply (`sigs.k8s.io/structured-merge-diff`).

Lists are matched by the keys that the cluster's own OpenAPI documents give them; a kind without a schema is treated as
the API server treats it: maps by key, lists whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from plat.api import JSON, Manifest, UserError
from plat.gobridge.bridge import Bridge
from plat.gobridge.operations import Operation
from plat.gobridge.outcomes import each

CHUNK: Final = 128
"""Pairs in one message: small enough that reading the next overlaps with working on the last."""


@dataclass(frozen=True)
class Projection:
    """A live object seen through a desired one.

    `equal` is never true where an apply would change something; false may also mean "an apply decides".
    """

    equal: bool
    live: JSON
    """The live object cut down to the fields of the desired one."""
    differing: list[str]
    """Paths like `.spec.containers[name="web"].image`."""
    extra: list[str]
    """Paths that the manager given to `project` owns and the desired object no longer has."""


async def load(bridge: Bridge, schema_id: str, openapi_v3: Mapping[str, JSON]) -> None:
    """Keep the documents that `/openapi/v3` serves, by their path (`apis/apps/v1`), under an id.

    They are sent to a helper process when it first needs them, and again after a restart. An id that is known already
    is not loaded twice: use a new id for a changed schema, and `forget` the old one.
    """
    for path, document in openapi_v3.items():
        clean = path.removeprefix("/openapi/v3/").strip("/")
        models = {"components": {"schemas": ((document.get("components") or {}).get("schemas")) or {}}}
        request = {"schema": schema_id, "path": clean, "document": models}
        bridge.remember(_key(schema_id, clean), Operation.FIELDS_LOAD, request)


def forget(bridge: Bridge, schema_id: str) -> None:
    """Let go of the documents of an id."""
    bridge.forget(f"{_PREFIX}{schema_id} ")


async def project(
    bridge: Bridge, schema_id: str, pairs: Sequence[tuple[Manifest, Manifest]], *, manager: str = ""
) -> list[Projection]:
    """Compare (desired, live) pairs of the same object, thousands at once.

    Not compared: `status`, what the server alone sets in `metadata`, and kubectl's last-applied annotation. Quantities,
    times, nulls and empties are the same as the API server takes them. With a `manager`, `extra` is filled in as
    `owned_extra` would.
    """
    found = await _batches(bridge, Operation.FIELDS_PROJECT, schema_id, manager, pairs)
    return [Projection(item["equal"], item["live"], item["differing"], item["extra"]) for item in found]


async def owned_extra(
    bridge: Bridge, schema_id: str, manager: str, pairs: Sequence[tuple[Manifest, Manifest]]
) -> list[list[str]]:
    """Return for each (desired, live) pair the paths that `manager` owns by apply and desired no longer has."""
    found = await _batches(bridge, Operation.FIELDS_EXTRA, schema_id, manager, pairs)
    return [list(item) for item in found]


_PREFIX: Final = "fields "


def _key(schema_id: str, path: str) -> str:
    return f"{_PREFIX}{schema_id} {path}"


async def _batches(
    bridge: Bridge, operation: Operation, schema_id: str, manager: str, pairs: Sequence[tuple[Manifest, Manifest]]
) -> list[JSON]:
    async def one(chunk: Sequence[tuple[Manifest, Manifest]]) -> list[JSON]:
        needs = _needs(bridge, schema_id, chunk)
        items = [{"desired": desired, "live": live} for desired, live in chunk]
        request = {"schema": schema_id, "manager": manager, "pairs": items}
        return _raised(each(await bridge.call(operation, request, needs=needs), lambda item: item))

    chunks = [pairs[start : start + CHUNK] for start in range(0, len(pairs), CHUNK)]
    return [item for found in await asyncio.gather(*map(one, chunks)) for item in found]


def _needs(bridge: Bridge, schema_id: str, pairs: Sequence[tuple[Manifest, Manifest]]) -> list[str]:
    """Return the documents of the groups and versions that occur; one that was not loaded means no schema."""
    versions = {str(desired.get("apiVersion", "")) for desired, _ in pairs}
    keys = [_key(schema_id, f"apis/{version}" if "/" in version else f"api/{version}") for version in sorted(versions)]
    return [key for key in keys if bridge.knows(key)]


def _raised(found: Sequence[JSON | UserError]) -> list[JSON]:
    for item in found:
        if isinstance(item, UserError):
            raise item
    return list(found)
