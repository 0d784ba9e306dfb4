"""`plat demo`: a story in acts on real clusters and repositories, told with the commands that a user would type."""

from __future__ import annotations

from plat.demo.stage import Stage
from plat.demo.story import tell

__all__ = ["Stage", "tell"]
