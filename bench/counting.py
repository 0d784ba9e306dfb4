"""A proxy before an API server that counts requests. Plain HTTP on loopback; it adds the credentials itself."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web
from bench.bare import session
from bench.plane import Plane


@dataclass
class Counted:
    """Requests by method and path without query."""

    kubeconfig: Path
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return self.requests.total()

    @property
    def writes(self) -> int:
        """Every request that changes something, but for leases."""
        changing = (key for key in self.requests.elements() if key[0] not in ("GET", "HEAD"))
        return sum("/leases/" not in path and not path.endswith("/leases") for _, path in changing)


@asynccontextmanager
async def counting(plane: Plane, folder: Path) -> AsyncIterator[Counted]:
    """Serve a kubeconfig whose requests are counted."""
    counted = Counted(folder / "counting-kubeconfig")
    async with session(plane.kubeconfig) as opened:

        async def forward(request: web.Request) -> web.StreamResponse:
            counted.requests[request.method, request.path] += 1
            return await _forwarded(request, opened)

        app = web.Application(client_max_size=1 << 28)
        app.router.add_route("*", "/{path:.*}", forward)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        counted.kubeconfig.write_text(json.dumps(_config(port)), encoding="utf-8")
        try:
            yield counted
        finally:
            await runner.cleanup()


async def _forwarded(request: web.Request, opened: aiohttp.ClientSession) -> web.StreamResponse:
    headers = {name: value for name, value in request.headers.items() if name in ("Accept", "Content-Type")}
    body = await request.read()
    async with opened.request(request.method, request.rel_url, data=body or None, headers=headers) as reply:
        answer = web.StreamResponse(
            status=reply.status, headers={"Content-Type": reply.headers.get("Content-Type", "")}
        )
        await answer.prepare(request)
        async for chunk in reply.content.iter_any():
            await answer.write(chunk)
        return answer


def _config(port: int) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "bench",
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
        "clusters": [{"name": "bench", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "bench", "user": {}}],
    }
