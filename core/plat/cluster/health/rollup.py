"""The health of an application from that of its objects (spec/cluster §5, last paragraph and table). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from plat.api import Application, Health, HealthStatus, Kind, Manifest, Ref, at
from plat.cluster.sync.annotations import IGNORE_HEALTH, role_of

ORDER: Final = tuple(HealthStatus)
APPLICATION: Final = Kind(group="argoproj.io", kind="Application")


@dataclass(frozen=True)
class Judged:
    """One object that may count: whether it is live, and its health (None: no rule)."""

    ref: Ref
    live: bool
    health: Health | None = None
    counts: bool = True
    """False for hooks and `Skip`, which are no part of the application here."""
    weighs: bool = True
    """False for the application itself and objects with `ignore-healthcheck`: they are there, whatever their health."""


def judged(
    ref: Ref, health: Health | None, *, target: Manifest | None, live: Manifest | None, own: Ref | None = None
) -> Judged:
    """Return how an object counts; `own` is the application itself, should it be one of its objects."""
    if live is None:
        return Judged(ref, live=False, counts=not (target and role_of(target).skipped))
    role, skipped = role_of(live), target is not None and role_of(target).skipped
    ignored = at(live, "metadata.annotations", {}).get(IGNORE_HEALTH) == "true"
    weighs = not ignored and ref != own
    return Judged(ref, live=True, health=health, counts=not (role.hook or skipped), weighs=weighs)


def own_ref(app: Application) -> Ref:
    """Return the address that an application has where it is an object of itself."""
    return Ref(group=APPLICATION.group, kind=APPLICATION.kind, namespace=app.namespace, name=app.name)


def worse(one: HealthStatus, other: HealthStatus) -> bool:
    """Say whether one status is worse than another."""
    return ORDER.index(one) > ORDER.index(other)


def roll_up(objects: Iterable[Judged]) -> Health:
    """Return the worst health over live objects; Missing only where objects are wanted and nothing is live."""
    counting = [item for item in objects if item.counts]
    worst = Health(HealthStatus.HEALTHY)
    for item in counting:
        if not (item.live and item.weighs) or item.health is None or _silent(item):
            continue
        if worse(item.health.status, worst.status):
            because = f"{item.ref}: {item.health.because}" if item.health.because else str(item.ref)
            worst = Health(item.health.status, because)
    if counting and not any(item.live for item in counting):
        return Health(HealthStatus.MISSING, "none of its objects is there")
    return worst


def _silent(item: Judged) -> bool:
    """A child Application that is Missing or Unknown does not count."""
    child = (item.ref.group, item.ref.kind) == (APPLICATION.group, APPLICATION.kind)
    unsure = item.health is not None and item.health.status in (HealthStatus.MISSING, HealthStatus.UNKNOWN)
    return child and unsure
