"""Versions and constraints by Masterminds/semver, as Helm, Argo CD and Kargo read them."""

from __future__ import annotations

from collections.abc import Sequence

from plat.gobridge.bridge import Bridge
from plat.gobridge.operations import Operation


async def select(bridge: Bridge, constraint: str, versions: Sequence[str], *, prefix: str = "") -> list[str]:
    """Return the versions that a constraint allows, best first, as they are written.

    With a `prefix` only texts that carry it count, and it is no part of the version. Texts that are no versions are
    left out.

    Raises UserError when the constraint is none.
    """
    request = {"constraint": constraint, "versions": list(versions), "prefix": prefix}
    return list(await bridge.call(Operation.SEMVER_SELECT, request))


async def order(bridge: Bridge, versions: Sequence[str], *, prefix: str = "") -> list[str]:
    """Return the texts that are versions, best first, as they are written."""
    return list(await bridge.call(Operation.SEMVER_SORT, {"versions": list(versions), "prefix": prefix}))
