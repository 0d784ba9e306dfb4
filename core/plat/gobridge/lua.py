"""Health scripts in Lua: those of users, and those that Argo CD carries for some 240 kinds."""

from __future__ import annotations

from collections.abc import Sequence

from plat.api import JSON, Health, HealthStatus, Manifest, UserError
from plat.gobridge.batches import evaluate
from plat.gobridge.bridge import Bridge
from plat.gobridge.operations import Operation


async def health(
    bridge: Bridge, items: Sequence[tuple[str, Manifest]], *, open_libraries: bool = False
) -> list[Health | UserError | None]:
    """Judge (script, live object) pairs. An empty script stands for Argo CD's own one for that kind, if it has one.

    None: there is no script, or it gives no opinion. A script sees `obj`, has one second, and the libraries that Argo
    CD opens: base, table and time, with `open_libraries` (`useOpenLibs`) also string, math and coroutine.
    """
    requests = [{"script": script, "object": manifest, "open": open_libraries} for script, manifest in items]
    return await evaluate(bridge, Operation.LUA_HEALTH, requests, _read)


def _read(found: JSON) -> Health | None:
    if found is None or not found["status"]:
        return None
    return Health(HealthStatus(found["status"]), found["message"])
