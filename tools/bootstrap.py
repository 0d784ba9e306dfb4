"""Set up `.venv` on a fresh machine: Python parts by uv, the Go helper by whatever Go there is. Standard library only.

Run again after an interruption, it goes on where it stopped; with nothing to do it takes a second.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
OLDEST = (3, 11)


def main() -> int:
    """Create the environment; returns the exit code."""
    if sys.version_info < OLDEST:
        print(f"plat needs Python 3.11 or newer; this is {sys.version.split()[0]}. Try `make PYTHON=python3.12 ...`.")
        return 1
    if shutil.which("git") is None:
        print("plat needs git on PATH.")
        return 1
    first = not (VENV / "bin" / "uv").exists()
    if first:
        print("Setting up .venv (about 300 MB). The Go libraries that plat calls are built once:")
        print("  about 4 minutes on two cores and 2 GB of Go's build cache; a second run starts at once.", flush=True)
        venv.create(VENV, with_pip=True)
        run([VENV / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv"])
    began = time.monotonic()
    environment = {**os.environ, "GOTOOLCHAIN": "go1.27.3", "UV_PROJECT_ENVIRONMENT": str(VENV)}
    run([VENV / "bin" / "uv", "sync", "--all-packages", "--all-groups"], env=environment)
    if first:
        print(f"Ready after {time.monotonic() - began:.0f} s.")
    return 0


def run(argv: list[str | Path], env: dict[str, str] | None = None) -> None:
    """Run a program with its output shown; its failure ends the set-up with its exit code."""
    done = subprocess.run([str(part) for part in argv], cwd=ROOT, env=env, check=False)
    if done.returncode:
        print(f"Set-up stopped: `{' '.join(str(part) for part in argv[:3])} ...` ended with {done.returncode}.")
        print("Run the same make target again to go on; with a proxy or a mirror, set pip's and uv's usual variables.")
        raise SystemExit(done.returncode)


if __name__ == "__main__":
    raise SystemExit(main())
