"""The reconciler of applications, as the engine calls it."""

from __future__ import annotations

from datetime import datetime

from plat.cluster.applications.deciding import decide
from plat.cluster.applications.observed import Observed
from plat.cluster.applications.observing import Observer
from plat.cluster.applications.removing import Leaving, decide_leaving
from plat.cluster.applications.resting import Rested, Rests
from plat.engine import Decision, Past, Reconciler, Standing


class ApplicationReconciler(Reconciler[str, Observed | Leaving | Rested]):
    """Brings one application at a time to what git says."""

    def __init__(self, observer: Observer, rests: Rests | None = None) -> None:
        self._observer, self._rests = observer, rests

    async def observe(self, key: str, past: Past) -> Observed | Leaving | Rested | None:
        """Gather what decides; of an application at rest only that nothing has changed."""
        rested = await self._rests.look(key) if self._rests is not None else None
        return rested or await self._observer.leaving(key, past) or await self._observer.observe(key, past)

    def decide(self, observed: Observed | Leaving | Rested, now: datetime) -> Decision:
        """Say what to do."""
        if isinstance(observed, Rested):
            return Decision(because=observed.because, standing=Standing.SETTLED)
        if isinstance(observed, Leaving):
            return decide_leaving(observed, now)
        decision = decide(observed, now)
        if self._rests is not None:
            self._rests.keep(observed, decision)  # remembered by content: the answer does not depend on it
        return decision
