"""Beside a running `plat serve`: from a push to the object, from a manual edit to the healed object, and its memory."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from bench import bare
from bench.plane import Plane, quiet
from bench.programs import children, cpu_of, resident
from bench.rows import Row
from bench.stacks import Built, config_map, place

ROOT = Path(__file__).parents[1]
ROUNDS = 9
IDLE = 0.1
"""Of a core, below which a server is taken to have nothing to do."""
PATIENCE = 60.0


async def measure(built: Built, plane: Plane, env: dict[str, str]) -> list[Row]:
    mirror = built.root.parent / "mirror"
    _git("clone", "--quiet", "--mirror", str(built.bare), str(mirror))
    empty = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)  # noqa: ASYNC220  # starts at once
    async with _serving(built, env) as server, bare.session(plane.kubeconfig) as opened:
        used = resident(server.pid) - resident(empty.pid)
        helpers = sum(resident(child) for child in children(server.pid))
        empty.kill()
        applied = await bare.apply_one(plane.kubeconfig, (config_map("team-0", "floor", str(n)) for n in range(20)))
        commits, fetched = await _commits(server, built, mirror, opened)
        await quiet(plane)
        healed = await _edits(built, opened)
    floor = fetched + applied
    size = f"1 of {built.apps:,}"
    return [
        _row(f"commit that changes {size}, from push seen to applied", commits, floor, 5, "x one fetch + one apply"),
        _row(f"manual edit of 1 of {4 * built.apps:,}, to healed", healed, applied, 10, "x one apply"),
        Row(
            workload=f"memory with {built.apps:,} applications watched",
            value=used,
            goal=200,
            unit="MB more than an empty process",
            detail=f"git and gobridge beside it: {helpers:.0f} MB",
        ),
    ]


def _row(workload: str, took: float, floor: float, goal: float, unit: str) -> Row:
    detail = f"{took * 1000:.0f} ms to {floor * 1000:.0f} ms"
    return Row(workload=workload, value=took / floor, goal=goal, unit=unit, detail=detail)


@asynccontextmanager
async def _serving(built: Built, env: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a server, and yield it when it has looked at everything."""
    argv = [sys.executable, "-m", "bench.serving", str(built.root)]
    server = await asyncio.create_subprocess_exec(*argv, cwd=ROOT, env=env, stdout=subprocess.PIPE)
    try:
        last, calm = 0.0, 0
        while calm < 3:
            await asyncio.sleep(1)
            now = cpu_of(server.pid)
            calm = calm + 1 if now - last < IDLE else 0
            last = now
        yield server
    finally:
        with suppress(ProcessLookupError):
            os.kill(server.pid, signal.SIGINT)
        await asyncio.wait_for(server.wait(), 30)


async def _commits(
    server: asyncio.subprocess.Process, built: Built, mirror: Path, opened: aiohttp.ClientSession
) -> tuple[float, float]:
    """Return median seconds from a push being seen to its object, and of a bare fetch of the same push."""
    took, fetches = [], []
    for number in range(ROUNDS):
        changed = asyncio.create_task(_changed(opened, place(number), f"pushed {number}"))
        await asyncio.sleep(0.3)
        await asyncio.to_thread(built.push, number, f"pushed {number}")
        fetches.append(await asyncio.to_thread(bare.fetch, mirror))
        seen = await asyncio.wait_for(_seen(server), PATIENCE)
        took.append(await asyncio.wait_for(changed, PATIENCE) - seen)
    return bare.median(took), bare.median(fetches)


async def _seen(server: asyncio.subprocess.Process) -> float:
    assert server.stdout is not None
    while line := await server.stdout.readline():
        if line.startswith(b"seen "):
            return float(line.split()[1])
    raise RuntimeError("the server has ended")


async def _edits(built: Built, opened: aiohttp.ClientSession) -> float:
    """Return median seconds from an edit by hand to the object as it was."""
    took = []
    for number in range(ROUNDS, 2 * ROUNDS):
        namespace, name = place(number % built.apps)
        path = bare.PATHS["ConfigMap"].format(f"namespaces/{namespace}/") + f"/{name}"
        async with opened.get(path) as reply:
            before = (await reply.json())["data"]["greeting"]
        healed = asyncio.create_task(_changed(opened, (namespace, name), before, after="edited"))
        await asyncio.sleep(0.3)
        headers = {"Content-Type": "application/merge-patch+json"}
        query = {"fieldManager": "kubectl-edit"}
        body = orjson.dumps({"data": {"greeting": "edited"}})
        async with opened.patch(path, params=query, data=body, headers=headers) as reply:
            reply.raise_for_status()
        began = time.monotonic()
        took.append(await asyncio.wait_for(healed, PATIENCE) - began)
    return bare.median(took)


async def _changed(opened: aiohttp.ClientSession, which: tuple[str, str], greeting: str, *, after: str = "") -> float:
    """Return when a ConfigMap has this greeting; with `after`, when it has it again."""
    namespace, name = which
    ready = not after
    async for config in _watch(opened, namespace, name):
        text = config["data"]["greeting"]
        ready = ready or text == after
        if ready and text == greeting:
            return time.monotonic()
    raise RuntimeError("the watch ended early")


async def _watch(opened: aiohttp.ClientSession, namespace: str, name: str) -> AsyncIterator[dict[str, Any]]:
    path = bare.PATHS["ConfigMap"].format(f"namespaces/{namespace}/")
    query = {"watch": "true", "fieldSelector": f"metadata.name={name}"}
    async with opened.get(path, params=query, timeout=aiohttp.ClientTimeout(total=None)) as reply:
        async for line in reply.content:
            yield orjson.loads(line)["object"]


def _git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True, capture_output=True)
