"""What `plat doctor` shows about one helper program. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Where(StrEnum):
    """Where a program is, or where it would come from; in the order of the search."""

    PATH = "PATH"
    ASSETS = "KUBEBUILDER_ASSETS"
    CACHE = "cache"
    ARCHIVE = "archive"
    BUILD = "build"
    NOWHERE = "nowhere"


@dataclass(frozen=True, kw_only=True)
class Found:
    """A program that is here already."""

    where: Where
    path: Path
    version: str


@dataclass(frozen=True, kw_only=True)
class ToolReport:
    """One program. `path` is None where it is not here yet; `note` then says what would be done to get it."""

    program: str
    where: Where
    version: str
    path: Path | None = None
    note: str = ""
