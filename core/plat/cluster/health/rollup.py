"""The health of an application from that of its objects (spec/cluster §5, last paragraph and table). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from plat.api import Health, HealthStatus, Ref

ORDER: Final = tuple(HealthStatus)


@dataclass(frozen=True)
class Judged:
    """One object that may count: whether it is live, and its health (None: no rule)."""

    ref: Ref
    live: bool
    health: Health | None = None
    counts: bool = True
    """False for hooks, `Skip`, the application itself, and objects with `ignore-healthcheck`."""


def worse(one: HealthStatus, other: HealthStatus) -> bool:
    """Say whether one status is worse than another."""
    return ORDER.index(one) > ORDER.index(other)


def roll_up(objects: Iterable[Judged]) -> Health:
    """Return the worst health over live objects; Missing only where objects are wanted and nothing is live."""
    counting = [item for item in objects if item.counts]
    worst = Health(HealthStatus.HEALTHY)
    for item in counting:
        if not item.live or item.health is None or _silent(item):
            continue
        if worse(item.health.status, worst.status):
            because = f"{item.ref}: {item.health.because}" if item.health.because else str(item.ref)
            worst = Health(item.health.status, because)
    if counting and not any(item.live for item in counting):
        return Health(HealthStatus.MISSING, "none of its objects is there")
    return worst


def _silent(item: Judged) -> bool:
    """A child Application that is Missing or Unknown does not count."""
    child = (item.ref.group, item.ref.kind) == ("argoproj.io", "Application")
    unsure = item.health is not None and item.health.status in (HealthStatus.MISSING, HealthStatus.UNKNOWN)
    return child and unsure
