"""Hook `plat_health_checks`: judge the health of one kind of object."""

from __future__ import annotations

from abc import abstractmethod

from plat.api._plugin import Plugin
from plat.api._values import Health, Manifest


class HealthCheck(Plugin):
    """Judge the health of one kind (`kind` is "group/Kind", globs allowed). Pure; the core rolls up."""

    @abstractmethod
    def check(self, manifest: Manifest) -> Health | None:
        """Judge one live object; None = no opinion."""
