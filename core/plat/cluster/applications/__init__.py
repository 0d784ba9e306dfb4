"""The reconciler of applications: observe, decide, and the records that follow."""

from __future__ import annotations

from plat.cluster.applications.deciding import decide
from plat.cluster.applications.observed import Asked, Observed
from plat.cluster.applications.observing import Observer, Sources
from plat.cluster.applications.reconciler import ApplicationReconciler

__all__ = ["ApplicationReconciler", "Asked", "Observed", "Observer", "Sources", "decide"]
