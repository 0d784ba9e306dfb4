"""Hook `plat_tools`: name a helper program, how it is found, fetched and built. Data; the core does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from plat.api._plugin import Plugin


@dataclass(frozen=True, kw_only=True)
class Archive:
    """An official release archive. The operator's base address replaces everything before the file's own path."""

    url: str
    sha256: str
    member: str = ""
    """The program's path inside; empty: the file is the program itself."""


@dataclass(frozen=True, kw_only=True)
class GoBuild:
    """How to build from Go modules that are named, never copied."""

    module: Path
    """A directory with go.mod, go.sum and a tools.go that imports the package."""
    package: str
    ldflags: str = ""
    tags: str = ""
    cgo: bool = False
    minutes: int = 2
    """About how long it takes on two cores with nothing cached; shown before the build starts."""
    megabytes: int = 100
    """About how large the program is."""


class Tool(Plugin):
    """One helper program. Looked for, in this order: PATH, KUBEBUILDER_ASSETS, our cache, the archive, a build."""

    program: ClassVar[str]
    """The name of its file, as it stands on PATH."""
    version: ClassVar[str]
    """The version that is built or fetched."""
    version_argv: ClassVar[Sequence[str]] = ("--version",)
    """Arguments with which it prints its version and ends."""
    accepts: ClassVar[str] = ""
    """A prefix that a program found on PATH must have in its version's text, such as `v1.35.`; empty: any."""

    def archive(self, platform: str) -> Archive | None:
        """Return the official archive for `linux-amd64`, `linux-arm64`, `darwin-arm64`, or None. Pure."""
        del platform
        return None

    def build(self) -> GoBuild | None:
        """Return how to build it, or None. Pure."""
        return None


class Programs(Protocol):
    """Helper programs, by name; found, fetched or built by the core when first asked for."""

    async def path(self, program: str, *, progress: Callable[[str], None] | None = None) -> Path:
        """Return the path of a program, or raise UserError that names every place looked at and the remedy."""
        ...
