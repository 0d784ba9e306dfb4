"""Run every test: units side by side, then what starts control planes, one at a time for each of two workers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKERS = "2"


def main() -> int:
    """Run both groups, the second only if the first passed; returns the exit code."""
    extra = sys.argv[1:]
    quick = ["-n", WORKERS, "-m", "not cluster", *extra]
    real = ["-n", WORKERS, "--dist", "loadfile", "-m", "cluster", *extra]
    for selection in (quick, real):
        done = subprocess.run([sys.executable, "-m", "pytest", "-q", *selection], cwd=ROOT, check=False)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
