"""The reconciler of applications, as the engine calls it."""

from __future__ import annotations

from datetime import datetime

from plat.cluster.applications.deciding import decide
from plat.cluster.applications.observed import Observed
from plat.cluster.applications.observing import Observer
from plat.cluster.applications.removing import Leaving, decide_leaving
from plat.engine import Decision, Past, Reconciler


class ApplicationReconciler(Reconciler[str, Observed | Leaving]):
    """Brings one application at a time to what git says."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    async def observe(self, key: str, past: Past) -> Observed | Leaving | None:
        """Gather what decides."""
        return await self._observer.leaving(key, past) or await self._observer.observe(key, past)

    def decide(self, observed: Observed | Leaving, now: datetime) -> Decision:
        """Say what to do."""
        return decide_leaving(observed, now) if isinstance(observed, Leaving) else decide(observed, now)
