"""What a run is asked for, beside what the stack says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


def data_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of what must outlive the cache, such as local clusters: XDG's, else ~/.local/share/plat."""
    base = environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "plat"


@dataclass(frozen=True)
class RunSettings:
    """The options of the commands that open a stack."""

    directory: Path
    context: str = ""
    """A kubeconfig context that stands for `in-cluster`; with it a directory needs no plat.yaml."""
    kubeconfig: str = ""
    preview: bool = False
    only: frozenset[str] = frozenset()
    """Applications to look at, by name; empty: all."""
    time_scale: float = 1.0
    command: str = ""
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
