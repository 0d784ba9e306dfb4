from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from plat.api import Archive, GoBuild, Tool
from plat.tools import Toolbox

# Does what the tests need of `go`: says its version, lists packages, "builds" a script for each package, and fails or
# dawdles when told to. Only shell built-ins, so that PATH can hold nothing else.
_GO = """#!/bin/sh
echo "$@" >>"$FAKE_LOG"
case "$1" in
version) echo "go version ${FAKE_GO_VERSION:-go1.26.8} linux/amd64" ;;
list) printf 'fmt\\nexample.com/thing\\n' ;;
build)
  if [ -n "$FAKE_GO_FAILS" ]; then echo "$FAKE_GO_FAILS" >&2; exit 1; fi
  if [ -n "$FAKE_GO_SLEEPS" ]; then /bin/sleep "$FAKE_GO_SLEEPS"; fi
  while [ $# -gt 0 ]; do
    case "$1" in
    -o) out=$2; shift ;;
    example.com/*)
      name=${1##*/}; case "$name" in v3) name=${1%/v3}; name=${name##*/} ;; esac
      printf '#!/bin/sh\\necho made by go\\n' >"$out$name"; /bin/chmod +x "$out$name" ;;
    esac
    shift
  done ;;
esac
"""


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@dataclass
class Machine:
    """A machine in a folder: its own PATH, its own cache, a fake `go`."""

    root: Path
    environ: dict[str, str]

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def bin(self) -> Path:
        return self.root / "bin"

    @property
    def built(self) -> list[str]:
        """Every `go build` so far."""
        return [line for line in self._log().splitlines() if line.startswith("build ")]

    def has(self, program: str, says: str) -> Path:
        return script(self.bin / program, f"#!/bin/sh\necho '{says}'\n")

    def has_no_go(self) -> None:
        (self.bin / "go").unlink()

    def toolbox(self, *tools: type[Tool]) -> Toolbox:
        return Toolbox(tools, cache=self.cache, environ=self.environ)

    def visible(self) -> list[str]:
        """What anybody can find in the cache's folder of programs."""
        folder = self.cache / "bin"
        return sorted(entry.name for entry in folder.iterdir()) if folder.exists() else []

    def _log(self) -> str:
        log = Path(self.environ["FAKE_LOG"])
        return log.read_text() if log.exists() else ""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    script(tmp_path / "bin" / "go", _GO)
    environ = {"PATH": str(tmp_path / "bin"), "FAKE_LOG": str(tmp_path / "go.log"), "HOME": str(tmp_path)}
    return Machine(tmp_path, environ)


@pytest.fixture
def make_tool(tmp_path: Path) -> Callable[..., type[Tool]]:
    """Make tool classes over module folders that exist."""

    def make(program: str, *, module: str = "m", archive: Archive | None = None, **build: Any) -> type[Tool]:
        folder = tmp_path / "modules" / module
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "go.mod").write_text(f"module {module}\n")
        recipe = GoBuild(**{"module": folder, "package": f"example.com/{program}", "megabytes": 1, **build})
        attributes: Mapping[str, Any] = {
            "__module__": f"vendor_{module}",
            "kind": program,
            "program": program,
            "version": "v1.2.3",
            "accepts": "v1.2.",
            "archive": lambda self, platform: archive,
            "build": lambda self: None if build.get("package") == "" else recipe,
        }
        return type(program.title(), (Tool,), dict(attributes))

    return make


@pytest.fixture
def said() -> list[str]:
    return []
