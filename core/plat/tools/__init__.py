"""Helper programs: found, fetched or built once into the user's cache.

The one rule for every program (DESIGN §8): PATH, KUBEBUILDER_ASSETS, our cache, the official archive, a build from Go
modules. This package knows no program by name: plug-ins name them through the hook `plat_tools`. It may not know
stacks, clusters or the engine.
"""

from __future__ import annotations

from plat.tools._report import ToolReport, Where
from plat.tools._toolbox import Toolbox, cache_folder

__all__ = ["ToolReport", "Toolbox", "Where", "cache_folder"]
