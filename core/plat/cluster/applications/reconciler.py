"""The reconciler of applications, as the engine calls it."""

from __future__ import annotations

from datetime import datetime

from plat.cluster.applications.deciding import decide
from plat.cluster.applications.observed import Observed
from plat.cluster.applications.observing import Observer
from plat.engine import Decision, Past


class ApplicationReconciler:
    """Brings one application at a time to what git says."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    async def observe(self, key: str, past: Past) -> Observed | None:
        """Gather what decides."""
        return await self._observer.observe(key, past)

    def decide(self, observed: Observed, now: datetime) -> Decision:
        """Say what to do."""
        return decide(observed, now)
