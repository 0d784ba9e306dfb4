"""Patches as the API server and kubectl apply them, with the merge rules of the built-in kinds."""

from __future__ import annotations

from collections.abc import Sequence

from plat.api import JSON, Manifest, UserError
from plat.gobridge.batches import evaluate
from plat.gobridge.bridge import Bridge
from plat.gobridge.operations import Operation


async def json(bridge: Bridge, items: Sequence[tuple[JSON, Sequence[JSON]]]) -> list[JSON | UserError]:
    """Apply JSON patches (RFC 6902), given as (original, operations)."""
    return await _apply(bridge, [{"kind": "json", "original": one, "patch": list(other)} for one, other in items])


async def merge(bridge: Bridge, items: Sequence[tuple[JSON, JSON]]) -> list[JSON | UserError]:
    """Apply JSON merge patches (RFC 7386), given as (original, patch)."""
    return await _apply(bridge, [{"kind": "merge", "original": one, "patch": other} for one, other in items])


async def strategic(bridge: Bridge, items: Sequence[tuple[Manifest, Manifest]]) -> list[JSON | UserError]:
    """Apply strategic merge patches, given as (original, patch).

    Lists of built-in kinds are merged by their keys; those of other kinds are replaced, but for `metadata`.
    """
    return await _apply(bridge, [{"kind": "strategic", "original": one, "patch": other} for one, other in items])


async def three_way(bridge: Bridge, items: Sequence[tuple[Manifest, Manifest, Manifest]]) -> list[JSON | UserError]:
    """Return what `kubectl apply` would leave, for (last applied, target, live), by strategic or else JSON merge.

    What the last applied object has and the target lacks is removed; what only the live one has stays.
    """
    return await _apply(
        bridge,
        [{"kind": "three-way", "last": last, "patch": target, "original": live} for last, target, live in items],
    )


async def _apply(bridge: Bridge, items: Sequence[JSON]) -> list[JSON | UserError]:
    return await evaluate(bridge, Operation.PATCH_APPLY, items, lambda found: found)
