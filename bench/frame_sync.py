"""N applications x 4 objects: the first sync until healthy, and the same again with nothing changed."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

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


async def measure(apps: int) -> list[Row]:
    """Measure on two fresh control planes, so that the floor and plat begin with the same nothing."""
    async with control_plane("bench") as plane:
        floor = await apply_all(plane.kubeconfig, _all(apps))
    folder = Path(tempfile.mkdtemp(prefix="plat-bench-"))
    try:
        async with control_plane("bench") as plane:
            built = build(folder, plane, apps=apps)
            env = environ(folder)
            first = await _up(built, env)
            await quiet(plane)
            again = await _again(built, plane, env)
            return [_first(first, floor, apps), *again]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
    argv = [sys.executable, "-m", "bench.reading", str(plane.path), str(built.bare)]
    floors = [(await asyncio.to_thread(run, argv, env=env, cwd=ROOT)).seconds for _ in range(ROUNDS)]
    rans = [await _up(built, env) for _ in range(ROUNDS)]
    floor, took = median(floors), median([ran.seconds for ran in rans])
    cpu = median([ran.cpu for ran in rans])
    async with counting(plane, built.root.parent) as counted:
        _point(built, counted.kubeconfig)
        await _up(built, env)
    name = f"{built.apps:,} applications again"
    for (method, path), count in counted.requests.items():
        print(f"    {count:>4} {method} {path}", file=sys.stderr)
    return [
        Row(
            workload=f"{name}, nothing changed",
            value=took / floor,
            goal=3,
            unit="x reading trees and opening watches",
            detail=f"{took:.2f} s (CPU {cpu:.2f} s) to {floor:.2f} s",
        ),
        Row(workload=f"{name}: requests", value=counted.total, goal=10 + KINDS, unit="requests"),
        Row(workload=f"{name}: writes", value=counted.writes, goal=0, unit="writes but leases"),
    ]


def _point(built: Built, kubeconfig: Path) -> None:
    """Have the stack reach the same cluster by another address."""
    file = built.root / "plat.yaml"
    text = file.read_text(encoding="utf-8")
    start = text.index('"kubeconfig": "', text.index('"use": "kubeconfig"')) + len('"kubeconfig": "')
    file.write_text(text[:start] + str(kubeconfig) + text[text.index('"', start) :], encoding="utf-8")
