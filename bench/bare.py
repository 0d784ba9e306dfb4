"""Floors: the requests that cannot be spared, sent by nothing but aiohttp, and git by nothing but git."""

from __future__ import annotations

import asyncio
import base64
import ssl
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson

IN_FLIGHT = 32
PATHS = {
    "ConfigMap": "/api/v1/{}configmaps",
    "Deployment": "/apis/apps/v1/{}deployments",
    "Namespace": "/api/v1/namespaces",
    "Service": "/api/v1/{}services",
    "ServiceAccount": "/api/v1/{}serviceaccounts",
}
Manifest = dict[str, Any]


@asynccontextmanager
async def session(kubeconfig: Manifest) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session to the one cluster of a kubeconfig."""
    cluster, user = kubeconfig["clusters"][0]["cluster"], kubeconfig["users"][0]["user"]
    trust = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    with tempfile.TemporaryDirectory() as folder:
        pair = Path(folder) / "pair.pem"
        pair.touch(mode=0o600)
        pair.write_bytes(b"".join(base64.b64decode(user[f"client-{part}-data"]) for part in ("certificate", "key")))
        trust.load_cert_chain(pair)
    connector = aiohttp.TCPConnector(limit=IN_FLIGHT, ssl=trust)
    async with aiohttp.ClientSession(
        cluster["server"], connector=connector, headers={"Accept-Encoding": "identity"}
    ) as opened:
        yield opened


async def apply(opened: aiohttp.ClientSession, manifest: Manifest) -> None:
    """Apply one object on the server's side."""
    metadata = manifest["metadata"]
    path = PATHS[manifest["kind"]].format(f"namespaces/{metadata['namespace']}/") + f"/{metadata['name']}"
    headers = {"Content-Type": "application/apply-patch+yaml"}
    query = {"fieldManager": "bench", "force": "true"}
    async with opened.patch(path, params=query, data=orjson.dumps(manifest), headers=headers) as reply:
        answer = await reply.read()
        if reply.status >= 300:
            raise RuntimeError(answer.decode())


async def apply_all(kubeconfig: Manifest, manifests: Iterable[Manifest]) -> float:
    """Return the seconds that it takes to apply all objects, 32 at a time."""
    left = iter(manifests)

    async def work(opened: aiohttp.ClientSession) -> None:
        for manifest in left:
            await apply(opened, manifest)

    async with session(kubeconfig) as opened:
        began = time.perf_counter()
        await asyncio.gather(*(work(opened) for _ in range(IN_FLIGHT)))
        return time.perf_counter() - began


async def apply_one(kubeconfig: Manifest, variants: Iterable[Manifest]) -> float:
    """Return the median seconds of one apply that changes something."""
    took = []
    async with session(kubeconfig) as opened:
        for manifest in variants:
            began = time.perf_counter()
            await apply(opened, manifest)
            took.append(time.perf_counter() - began)
    return median(took)


async def watch(opened: aiohttp.ClientSession, path: str) -> int:
    """Open one watch that begins with what there is; returns how many objects came until it was complete."""
    query = {
        "watch": "true",
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
    }
    known: dict[str, bytes] = {}
    async with opened.get(path, params=query) as reply:
        left = b""
        async for chunk in reply.content.iter_any():
            *lines, left = (left + chunk).split(b"\n")
            for line in lines:
                event = orjson.loads(line)
                if event["type"] == "BOOKMARK":
                    return len(known)
                known[event["object"]["metadata"]["uid"]] = line
    raise RuntimeError("the watch ended early")


def fetch(mirror: Path) -> float:
    """Return the seconds of one `git fetch` into a mirror."""
    began = time.perf_counter()
    subprocess.run(["git", "-C", str(mirror), "fetch", "--quiet", "origin"], check=True, capture_output=True)
    return time.perf_counter() - began


def median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
