"""Which hooks there are, with the class that each returns; and the host of this installation."""

from __future__ import annotations

import os
from collections.abc import Mapping

from plat.api import ClusterProvider, Dialect, Generator, HealthCheck, Plugin, Renderer, Tool
from plat.host import Host
from plat.tools import cache_folder

HOOKS: Mapping[str, type[Plugin]] = {
    "plat_clusters": ClusterProvider,
    "plat_dialects": Dialect,
    "plat_generators": Generator,
    "plat_health_checks": HealthCheck,
    "plat_renderers": Renderer,
    "plat_tools": Tool,
}
"""Every registration hook and the class whose subclasses it returns."""


def registered() -> Mapping[str, type[Plugin]]:
    """Return the registration hooks."""
    return HOOKS


def host(environ: Mapping[str, str] = os.environ) -> Host:
    """Find the plug-ins of this installation."""
    return Host.discover(environ=environ, cache=cache_folder(environ))
