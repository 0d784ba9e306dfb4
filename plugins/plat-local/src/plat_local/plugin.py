"""The hooks of plat-local."""

from __future__ import annotations

from collections.abc import Sequence

from plat.api import ClusterProvider, Tool, hookimpl
from plat_local._tools import TOOLS
from plat_local.provider import Local


@hookimpl
def plat_clusters() -> Sequence[type[ClusterProvider]]:
    """Return the provider `local`."""
    return [Local]


@hookimpl
def plat_tools() -> Sequence[type[Tool]]:
    """Return the programs of a control plane."""
    return TOOLS
