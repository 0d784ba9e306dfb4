"""The hooks, as pluggy specifications. A plug-in module implements those it wants, each under `@hookimpl`.

Registration hooks are plural nouns, called once, pure, and return classes. Event hooks return nothing and cannot
break a run. Every hook is `provisional` until two independent plug-ins use it, then `stable`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pluggy

from plat.api._capabilities import Event
from plat.api._clusters import ClusterProvider
from plat.api._dialect import Dialect
from plat.api._generator import Generator
from plat.api._health import HealthCheck
from plat.api._plugin import PROJECT
from plat.api._renderer import Renderer
from plat.api._tools import Tool

_hookspec = pluggy.HookspecMarker(PROJECT)


class Hooks:
    """All hooks; the names of the methods are the names of the functions that plug-ins write."""

    @_hookspec
    def plat_dialects(self) -> Sequence[type[Dialect[Any]]]:
        """Return dialects. Called once, when a stack is read; two that claim one `kind` are an error."""
        raise NotImplementedError

    @_hookspec
    def plat_clusters(self) -> Sequence[type[ClusterProvider]]:
        """Return cluster providers. `use: KIND` under `clusters:` in plat.yaml names one."""
        raise NotImplementedError

    @_hookspec
    def plat_renderers(self) -> Sequence[type[Renderer]]:
        """Return renderers. A source's block names one, or the files of its path do (`recognises`)."""
        raise NotImplementedError

    @_hookspec
    def plat_generators(self) -> Sequence[type[Generator]]:
        """Return generators of ApplicationSets, found by their key in the manifest."""
        raise NotImplementedError

    @_hookspec
    def plat_health_checks(self) -> Sequence[type[HealthCheck]]:
        """Return health rules; they come after the user's own overrides and before no rule at all."""
        raise NotImplementedError

    @_hookspec
    def plat_tools(self) -> Sequence[type[Tool]]:
        """Return helper programs; `plat doctor` lists them, and they are built when first needed."""
        raise NotImplementedError

    @_hookspec
    def plat_event(self, event: Event) -> None:
        """Look at one ledger row, masked and frozen. What this raises is logged and changes nothing."""
        raise NotImplementedError
