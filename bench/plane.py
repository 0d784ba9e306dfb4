"""A control plane for one measurement: real, local, in a folder of its own, gone afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plat.app.clusters import lone_provider
from plat.kube import Client

NAMESPACES = 10
QUIET = 1.5
"""Seconds without a new object version after which the controllers are taken to have nothing more to do."""


@dataclass(frozen=True)
class Plane:
    """A running control plane."""

    name: str
    kubeconfig: dict[str, Any]
    path: Path

    def client(self) -> Client:
        return Client.from_kubeconfig(self.kubeconfig, name=self.name)


@asynccontextmanager
async def control_plane(name: str) -> AsyncIterator[Plane]:
    """Boot a control plane with the namespaces `team-0` to `team-9`, and end it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="plat-bench-plane-"))
    environ = {**os.environ, "XDG_DATA_HOME": str(folder)}
    provider, context, caller = lone_provider(name, "local", progress=lambda _: None, environ=environ)
    try:
        await caller.call(provider, "create", context)
        connection = await caller.call(provider, "connect", context)
        path = folder / "kubeconfig"
        path.touch(mode=0o600)
        path.write_text(json.dumps(connection.kubeconfig), encoding="utf-8")
        plane = Plane(name, dict(connection.kubeconfig), path)
        await _prepare(plane)
        yield plane
    finally:
        await caller.call(provider, "delete", context)
        caller.close()
        shutil.rmtree(folder, ignore_errors=True)


async def quiet(plane: Plane) -> None:
    """Wait until nobody writes any more, so that work that one measurement left does not burden the next."""
    async with plane.client() as client:
        last, since = "", asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() - since < QUIET:
            listed = [await client.request("GET", f"{path}?limit=1") for path in _BUSY]
            now = " ".join(str(answer["metadata"]["resourceVersion"]) for answer in listed)
            if now != last:
                last, since = now, asyncio.get_running_loop().time()
            await asyncio.sleep(0.25)


_BUSY = ("/apis/apps/v1/deployments",)
"""A list's resourceVersion is that of the whole store, so one kind tells of all."""


async def _prepare(plane: Plane) -> None:
    async with plane.client() as client:
        for number in range(NAMESPACES):
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"team-{number}"}}
            await client.apply(body, manager="bench")
    await quiet(plane)
