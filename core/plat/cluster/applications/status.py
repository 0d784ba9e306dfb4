"""The status of an application from what was observed (spec/cluster §3.4, §5, §11). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final, Literal

from plat.api import ApplicationState, Condition, Health, HealthStatus, OperationState, ResourceState
from plat.cluster.applications.observed import Observed
from plat.cluster.comparison.compare import Compared
from plat.cluster.health.rollup import Judged, judged, own_ref, roll_up
from plat.cluster.sync.annotations import compare_options, role_of, wave_of

NEW: Final = ApplicationState(sync="Unknown", health=Health(HealthStatus.UNKNOWN))
SyncStatus = Literal["Synced", "OutOfSync", "Unknown"]


def sync_status(observed: Observed) -> SyncStatus:
    """Return whether an application is in sync: Unknown if anything of it could not be compared."""
    if observed.problem is not None or any(item.status == "Unknown" for item in observed.compared):
        return "Unknown"
    counting = (item for item in observed.compared if _counts(item))
    differs = any(item.status == "OutOfSync" for item in counting)
    return "OutOfSync" if differs or namespace_changed(observed) else "Synced"


def namespace_changed(observed: Observed) -> bool:
    """Say whether the destination namespace is to carry something else than at the last sync (§3.4)."""
    wanted, operation = observed.app.namespace_metadata, observed.state.operation if observed.state else None
    if wanted is None or operation is None or observed.app.option("CreateNamespace") != "true":
        return False
    return operation.namespace_metadata is not None and operation.namespace_metadata != wanted


def app_health(observed: Observed) -> Health:
    """Return the health of an application; what cannot be observed keeps the last one."""
    if observed.problem is not None:
        return observed.state.health if observed.state else Health(HealthStatus.UNKNOWN, observed.problem.message)
    return roll_up(_judged(observed))


def state_of(
    observed: Observed, operation: OperationState | None, now: datetime, *, errors: Iterable[Condition] = ()
) -> ApplicationState:
    """Return the whole state; times move only where what they belong to has changed."""
    before = observed.state or NEW
    health = app_health(observed)
    found = [*([observed.problem] if observed.problem else []), *observed.warnings, *errors, *_unknowns(observed)]
    return ApplicationState(
        sync=sync_status(observed),
        health=health,
        health_since=before.health_since if before.health.status is health.status else stamp(now),
        revisions=observed.revisions or before.revisions,
        resources=tuple(_resources(observed)) if observed.problem is None else before.resources,
        operation=operation,
        history=before.history,
        conditions=tuple(_dated(found, before, now)),
        images=tuple(sorted(_images(observed))) if observed.problem is None else before.images,
        source_types=observed.kinds or before.source_types,
        reconciled_at=before.reconciled_at,
    )


def settled(before: ApplicationState | None, after: ApplicationState, now: datetime) -> ApplicationState:
    """Return the state with the time of its last change; the same state keeps its time, so nothing is written."""
    if before is not None and replace(after, reconciled_at=before.reconciled_at) == before:
        return before
    return replace(after, reconciled_at=stamp(now))


def stamp(now: datetime) -> str:
    """Return a time as Kubernetes writes it."""
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def _counts(item: Compared) -> bool:
    if item.extra and item.live is not None:
        return "IgnoreExtraneous" not in compare_options(item.live.body())
    return True


def _judged(observed: Observed) -> Iterator[Judged]:
    for item in observed.compared:
        target = item.target.manifest if item.target else None
        live = item.live.body() if item.live else None
        health = observed.health.get(item.ref)
        yield judged(item.ref, health, target=target, live=live, own=own_ref(observed.app))


def _resources(observed: Observed) -> Iterator[ResourceState]:
    for item in observed.compared:
        body = item.target.manifest if item.target else item.live.body() if item.live else {}
        health = observed.health.get(item.ref)
        if item.live is None:
            health = Health(HealthStatus.MISSING)
        yield ResourceState(
            ref=item.ref,
            version=item.version,
            sync=item.status,
            health=health,
            prune=item.extra,
            wave=wave_of(body),
        )
    for hook in observed.hooks:
        if hook.live is not None:
            version = str(hook.target.manifest.get("apiVersion", "")).rpartition("/")[2]
            health = observed.health.get(hook.target.ref)
            yield ResourceState(ref=hook.target.ref, version=version, health=health, hook=True)


def _unknowns(observed: Observed) -> Iterator[Condition]:
    bad = [item for item in observed.compared if item.status == "Unknown" and item.error]
    if bad:
        yield Condition(type="ComparisonError", message="; ".join(f"{item.ref}: {item.error}" for item in bad[:5]))


def _dated(found: Iterable[Condition], before: ApplicationState, now: datetime) -> Iterator[Condition]:
    known = {item.type: item.last_transition_time for item in before.conditions}
    for item in found:
        yield replace(item, last_transition_time=known.get(item.type) or stamp(now))


def _images(observed: Observed) -> set[str]:
    images: set[str] = set()
    for item in observed.compared:
        if item.target is not None and not role_of(item.target.manifest).hook:
            images |= set(images_of(item.target.manifest))
    return images


def images_of(node: object) -> Iterator[str]:
    """Return the images of containers anywhere in an object."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("containers", "initContainers") and isinstance(value, list):
                yield from (c["image"] for c in value if isinstance(c, dict) and isinstance(c.get("image"), str))
            else:
                yield from images_of(value)
    elif isinstance(node, list):
        for value in node:
            yield from images_of(value)
