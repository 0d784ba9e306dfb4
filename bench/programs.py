"""Running plat as a user does, and what its processes cost."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

PLAT = Path(sys.executable).parent / "plat"
_PAGE = resource.getpagesize()


@dataclass(frozen=True)
class Ran:
    """One command that has ended: wall seconds, and CPU seconds of it and its own processes."""

    seconds: float
    cpu: float
    output: str


def environ(folder: Path) -> dict[str, str]:
    """Return what a command sees: caches and data of its own, but the programs that were built before."""
    built = Path(os.environ.get("PLAT_CACHE") or Path.home() / ".cache" / "plat") / "bin"
    cache = folder / "cache"
    cache.mkdir(exist_ok=True)
    if built.is_dir() and not (cache / "bin").exists():
        (cache / "bin").symlink_to(built)
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PLAT_CACHE": str(cache), "XDG_DATA_HOME": str(folder / "data")}


def run(argv: list[str], *, env: dict[str, str], cwd: Path | None = None) -> Ran:
    """Run a command to its end. Raises RuntimeError with what it said where it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(
            f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        )
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Ran(seconds, cpu, done.stdout)


def resident(pid: int) -> float:
    """Return the resident memory of a process in megabytes."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE / 1e6


def cpu_of(pid: int) -> float:
    """Return the CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
