"""The typed client of the Go helper process, one module per area.

It knows the helper's protocol and nothing of clusters, git or rendering rules: it asks upstream's own libraries.
"""

from __future__ import annotations

from plat.gobridge.bridge import Bridge
from plat.gobridge.limits import Limits
from plat.gobridge.operations import Operation
from plat.gobridge.outcomes import HelperFaultError

__all__ = ["Bridge", "HelperFaultError", "Limits", "Operation", "versions"]


async def versions(bridge: Bridge) -> dict[str, str]:
    """Return the Go release and the version of each library in the helper, for `plat doctor`."""
    return dict(await bridge.call(Operation.VERSIONS, {}))
