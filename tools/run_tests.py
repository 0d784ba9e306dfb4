"""Run every test: units side by side, then what starts control planes, one at a time for each of two workers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKERS = "2"


def go_tests() -> int:
    """Run the Go helper's own tests; without a Go on PATH say so, as the Python side tests the built helper anyway."""
    go = shutil.which("go")
    if go is None:
        print("There is no go on PATH: the helper's own tests in Go are not run, those through Python are.", flush=True)
        return 0
    environment = {**os.environ, "GOTOOLCHAIN": "go1.27.3", "CGO_ENABLED": "0"}
    done = subprocess.run([go, "test", "./..."], cwd=ROOT / "core/gobridge/go", env=environment, check=False)
    return done.returncode


def main() -> int:
    """Run both groups, the second only if the first passed; returns the exit code."""
    extra = sys.argv[1:]
    quick = ["-n", WORKERS, "-m", "not cluster", *extra]
    real = ["-n", WORKERS, "--dist", "loadfile", "-m", "cluster", *extra]
    if not extra and (failed := go_tests()):
        return failed
    for selection in (quick, real):
        done = subprocess.run([sys.executable, "-m", "pytest", "-q", *selection], cwd=ROOT, check=False)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
