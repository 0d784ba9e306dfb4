"""How long it takes until plat answers: `plat --help`, and `plat plugins list` with 20 more plug-ins than our own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.bare import median
from bench.programs import PLAT, environ
from bench.rows import Row

ROUNDS = 15
PLUGINS = 20
MODULE = '''"""A plug-in with one class."""

from plat.api import HealthCheck, hookimpl


class Check(HealthCheck):
    kind = "bench.example/Kind{number}"

    def check(self, obj):
        return None


@hookimpl
def plat_health_checks():
    return [Check]
'''


def measure() -> list[Row]:
    bare, plat = [sys.executable, "-c", "pass"], str(PLAT)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        env = environ(folder)
        floor, help_ = _times([bare, [plat, "--help"]], env)
        listed = [plat, "plugins", "list"]
        path = [str(_plugins(folder / "site")), *filter(None, [env.get("PYTHONPATH")])]
        more = {**env, "PYTHONPATH": os.pathsep.join(path)}
        answer = subprocess.run(listed, env=more, capture_output=True, text=True, check=True).stdout
        if sum("bench-plugin-" in line and " active " in line for line in answer.splitlines()) != PLUGINS:
            raise RuntimeError(f"not all plug-ins are listed:\n{answer}")
        floor_again, plugins = _times([bare, listed], more)
    return [_row("plat --help", help_, floor, 5), _row("plat plugins list, 20 plug-ins", plugins, floor_again, 8)]


def _times(commands: list[list[str]], env: dict[str, str]) -> list[float]:
    """Return the median seconds of each command, run in turns so that all see the same machine."""
    took: list[list[float]] = [[] for _ in commands]
    for _ in range(ROUNDS):
        for command, times in zip(commands, took, strict=True):
            began = time.perf_counter()
            subprocess.run(command, env=env, capture_output=True, check=True)
            times.append(time.perf_counter() - began)
    return [median(times) for times in took]


def _row(workload: str, took: float, floor: float, goal: float) -> Row:
    detail = f"{took * 1000:.0f} ms to {floor * 1000:.0f} ms"
    return Row(workload=workload, value=took / floor, goal=goal, unit="x python -c pass", detail=detail)


def _plugins(site: Path) -> Path:
    """Write installed distributions with one plug-in each."""
    for number in range(PLUGINS):
        name = f"bench_plugin_{number}"
        about = site / f"{name}-1.0.dist-info"
        about.mkdir(parents=True)
        (site / f"{name}.py").write_text(MODULE.replace("{number}", str(number)), encoding="utf-8")
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: bench-plugin-{number}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[plat]\nbench{number} = {name}\n")
    return site
