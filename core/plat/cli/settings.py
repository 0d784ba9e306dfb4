"""The options that stand before the command. Imported for `plat --help`, so it imports next to nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Options that stand before the command."""

    directory: str = "."
    debug: bool = False
