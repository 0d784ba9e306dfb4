"""Other controllers that do a tier's work in a cluster, and how one of them that runs shows itself there."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from plat.api._values import Kind


@dataclass(frozen=True, kw_only=True)
class StatusWrites:
    """What a controller writes again and again while it runs, whatever it is installed by."""

    kind: Kind
    manager: str
    """The field manager of these writes."""
    within: timedelta = timedelta(minutes=10)
    """How old its last write is at most while it runs."""


@dataclass(frozen=True, kw_only=True)
class Rival:
    """A controller of the same camp. One that runs is found before the first write to a cluster (DESIGN §10).

    Signs are looked for in this order: leases, workloads, and writes where there is no workload at all.
    """

    name: str
    """For people: `Argo CD's application controller`."""
    requires: Kind | None = None
    """A kind that it cannot run without: where that is not served, nothing else is asked."""
    labels: str = ""
    """A label selector of its Deployment or StatefulSet, in any namespace."""
    workloads: frozenset[str] = field(default=frozenset())
    """Names of its Deployment or StatefulSet, for one without these labels."""
    leases: frozenset[str] = field(default=frozenset())
    """Names of the leases that its leader renews."""
    writes: StatusWrites | None = None
