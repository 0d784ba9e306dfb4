"""Which names of `plat.api` are promised for the major version. Private: the reference shows it.

A hook is provisional until two independent plug-ins use it, then stable, with every model that its methods name. What
is stable is frozen by a snapshot test: its required methods and fields stay as they are; new may be optional methods
and fields, hooks, and words in enums, never parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Stability(StrEnum):
    """What is promised of a name."""

    PROVISIONAL = "provisional"
    """It may change in any release; the change stands in the changelog under `plugin-api`."""
    STABLE = "stable"
    """It changes with the major version only."""


STABLE: Final[Mapping[str, str]] = {}
"""By name of a hook or of a public name of `plat.api`, the version since which it is stable. All others are not yet."""


def stability(name: str) -> Stability:
    """Return what is promised of a hook or of a public name."""
    return Stability.STABLE if name in STABLE else Stability.PROVISIONAL
