"""N applications x 4 objects: the first sync until healthy, and the same again with nothing changed."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import frame_serve
from bench.bare import apply_all, median
from bench.counting import counting
from bench.plane import Plane, control_plane, quiet
from bench.programs import PLAT, Ran, environ, run
from bench.rows import Row
from bench.stacks import Built, Manifest, build, objects

KINDS = 5
"""Those of the four objects, and Namespace."""
ROUNDS = 3
ROOT = Path(__file__).parents[1]


async def measure(apps: int, parts: frozenset[str]) -> list[Row]:
    """Measure on two fresh control planes, so that the floor and plat begin with the same nothing."""
    rows: list[Row] = []
    floor = 0.0
    if "sync" in parts:
        async with control_plane("bench") as plane:
            floor = await apply_all(plane.kubeconfig, _all(apps))
    folder = Path(tempfile.mkdtemp(prefix="plat-bench-"))
    try:
        async with control_plane("bench") as plane:
            built = build(folder, plane, apps=apps)
            env = environ(folder)
            first = await _up(built, env)
            await quiet(plane)
            if "sync" in parts:
                rows += [_first(first, floor, apps), *await _again(built, plane, env)]
            if "serve" in parts:
                rows += await frame_serve.measure(built, plane, env)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return rows


def _all(apps: int) -> Iterator[Manifest]:
    return (manifest for number in range(apps) for manifest in objects(number))


async def _up(built: Built, env: dict[str, str]) -> Ran:
    argv = [str(PLAT), "-C", str(built.root), "up"]
    return await asyncio.to_thread(run, argv, env=env)


def _first(ran: Ran, floor: float, apps: int) -> Row:
    detail = f"{ran.seconds:.1f} s (CPU {ran.cpu:.1f} s) to {floor:.1f} s, {4 * apps / floor:.0f} bare applies a second"
    value = ran.seconds / floor
    return Row(
        workload=f"first sync of {apps:,} applications x 4", value=value, goal=2, unit="x bare applies", detail=detail
    )


async def _again(built: Built, plane: Plane, env: dict[str, str]) -> list[Row]:
    await _read(built, plane, env, "floor")  # plat has a mirror by now, so the floor is to have one, too
    floors, bares, rans = [], [], []
    for _ in range(ROUNDS):
        floors.append(await _read(built, plane, env, "floor"))
        bares.append(await _read(built, plane, env, "bare"))
        rans.append(await _up(built, env))
    async with counting(plane, built.root.parent) as counted:
        _point(built, counted.kubeconfig)
        await _up(built, env)
        _point(built, plane.path)
    floor, took, cpu = median(floors), median([ran.seconds for ran in rans]), median([ran.cpu for ran in rans])
    name = f"{built.apps:,} applications again"
    return [
        Row(
            workload=f"{name}, nothing changed",
            value=took / floor,
            goal=3,
            unit="x reading trees and opening watches",
            detail=f"{took:.2f} s (CPU {cpu:.2f} s) to {floor:.2f} s; git and aiohttp alone: {median(bares):.2f} s",
        ),
        Row(workload=f"{name}: requests", value=counted.total, goal=10 + KINDS, unit="requests"),
        Row(workload=f"{name}: writes", value=counted.writes, goal=0, unit="writes but leases"),
    ]


async def _read(built: Built, plane: Plane, env: dict[str, str], way: str) -> float:
    """Return the seconds of a process that only reads the trees and opens the watches."""
    where = way if way == "bare" else str(built.root.parent / way)
    argv = [sys.executable, "-m", "bench.reading", str(plane.path), str(built.bare), where]
    return (await asyncio.to_thread(run, argv, env=env, cwd=ROOT)).seconds


def _point(built: Built, kubeconfig: Path) -> None:
    """Have the stack reach the same cluster by another address."""
    file = built.root / "plat.yaml"
    text = file.read_text(encoding="utf-8")
    start = text.index('"kubeconfig": "', text.index('"use": "kubeconfig"')) + len('"kubeconfig": "')
    file.write_text(text[:start] + str(kubeconfig) + text[text.index('"', start) :], encoding="utf-8")
