"""What is asked through the object itself: refresh, sync, terminate; and what to write once that is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from plat.api import JSON, Manifest, UnsupportedError, Verb, WriteBack, at
from plat_argocd.annotations import REFRESH
from plat_argocd.raw.application import RawApplication, RawOperation, RawSync
from plat_argocd.retries import retry_of

UNSUPPORTED: Final = ("source", "sources", "manifests")
"""Parts of a sync operation that replace what git says; refused until they can be carried out."""


def verbs(raw: RawApplication) -> tuple[Verb, ...]:
    """Return what the object asks for, in the order in which it is to be done."""
    return tuple(_verbs(raw))


def _verbs(raw: RawApplication) -> Iterator[Verb]:
    status: Mapping[str, Any] = raw.status if isinstance(raw.status, Mapping) else {}
    if at(status, "operationState.phase") == "Terminating" and not at(status, "operationState.finishedAt"):
        yield Verb(name="terminate", token=str(at(status, "operationState.startedAt", "")))
    if (depth := raw.metadata.annotations.get(REFRESH)) is not None:
        yield Verb(name="refresh", arguments={"hard": depth == "hard"})
    if raw.operation is not None and raw.operation.sync is not None:
        yield _sync(raw.operation, raw.operation.sync)


def _sync(operation: RawOperation, sync: RawSync) -> Verb:
    for name in UNSUPPORTED:
        if getattr(sync, name):
            remedy = "commit the change and sync again"
            raise UnsupportedError("is not supported yet", where=f"operation.sync.{name}", remedy=remedy)
    by = operation.initiated_by.username
    return Verb(name="sync", arguments=_arguments(operation, sync), by=by)


def _arguments(operation: RawOperation, sync: RawSync) -> dict[str, JSON]:
    strategy = sync.sync_strategy.apply or sync.sync_strategy.hook
    return {
        "revisions": tuple(sync.revisions or ([sync.revision] if sync.revision else [])),
        "prune": sync.prune,
        "dry_run": sync.dry_run,
        "hooks": sync.sync_strategy.apply is None,
        "force": strategy is not None and strategy.force,
        "resources": tuple(selected.model_dump() for selected in sync.resources),
        "options": tuple(sync.sync_options),
        "automated": operation.initiated_by.automated,
        "retry": None if (retry := retry_of(operation.retry)) is None else retry.model_dump(mode="json"),
    }


def acknowledge(manifest: Manifest, verb: Verb) -> WriteBack:
    """Return what to write once a verb is carried out: only what is there, so that nothing is written twice."""
    if verb.name == "refresh" and REFRESH in (at(manifest, "metadata.annotations") or {}):
        return WriteBack(annotations={REFRESH: None})
    if verb.name == "sync" and manifest.get("operation") is not None:
        return WriteBack(fields={"operation": None})
    return WriteBack()
