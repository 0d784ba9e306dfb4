"""The status of an Application, as Argo CD's own tools read it (spec/cluster §11)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from plat.api import JSON, ApplicationState, Condition, Health, HistoryItem, Manifest, ResourceState, at
from plat_argocd.operation_status import operation_state
from plat_argocd.revisions import revised, sourced
from plat_argocd.sparse import sparse

LIMIT: Final = 1_000_000
"""Bytes of a status above which detail is dropped; the API server refuses objects of about 1.5 MB."""
SHORTENED: Final = "UnknownError"
"""The condition that says that detail was dropped: of upstream's types the one that blames nobody."""
_MAY_BE_LARGE: Final = 300
"""Below so many resources a status is not measured: they would need 3 kB each to reach the limit."""

_TYPES: Final = {"helm": "Helm", "kustomize": "Kustomize", "directory": "Directory", "plugin": "Plugin"}


def application_status(manifest: Manifest, state: ApplicationState, *, home: str) -> Mapping[str, JSON]:
    """Return every part of the status that is ours; None where a part is to be absent.

    `home` is the namespace of the control plane. Above LIMIT first the health of resources goes, then their messages,
    then the list, and a condition says so.
    """
    status = _status(manifest, state, home=home)
    if len(state.resources) < _MAY_BE_LARGE:
        return status
    for shorten, what in ((_drop_health, "health"), (_drop_messages, "messages"), (_drop_list, "resources")):
        if len(json.dumps(status)) <= LIMIT:
            break
        shorten(status)
        message = f"the status is too large, so {what} are left out; `plat status -o json` shows all"
        conditions = (*state.conditions, Condition(type=SHORTENED, message=message))
        status["conditions"] = _conditions(conditions)
    return status


def _status(manifest: Manifest, state: ApplicationState, *, home: str) -> dict[str, JSON]:
    spec: Mapping[str, Any] = at(manifest, "spec", {})
    several = bool(spec.get("sources"))
    types = [_TYPES.get(name, name) for name in state.source_types]
    return {
        "sync": _sync(spec, state),
        "health": sparse(
            status=state.health.status, message=state.health.because, lastTransitionTime=state.health_since
        ),
        "operationState": operation_state(spec, state.operation) if state.operation else None,
        "resources": [_resource(resource) for resource in state.resources] or None,
        "history": [_history(spec, item) for item in state.history] or None,
        "conditions": _conditions(state.conditions),
        "summary": {"images": list(state.images)} if state.images else {},
        "sourceType": None if several or not types else types[0],
        "sourceTypes": types if several else None,
        "reconciledAt": state.reconciled_at or None,
        "controllerNamespace": home,
        "resourceHealthSource": None,
    }


def _sync(spec: Mapping[str, Any], state: ApplicationState) -> dict[str, JSON]:
    rules = spec.get("ignoreDifferences")
    compared = {**sourced(spec), "destination": spec.get("destination") or {}, **sparse(ignoreDifferences=rules)}
    return {"status": state.sync, "comparedTo": compared, **revised(spec, state.revisions)}


def _resource(resource: ResourceState) -> dict[str, JSON]:
    ref = resource.ref
    return sparse(
        group=ref.group,
        version=resource.version,
        kind=ref.kind,
        namespace=ref.namespace,
        name=ref.name,
        status=resource.sync,
        health=_health(resource.health),
        hook=resource.hook,
        requiresPruning=resource.prune,
        requiresDeletionConfirmation=resource.prune_confirmation,
        syncWave=resource.wave,
    )


def _health(health: Health | None) -> dict[str, JSON] | None:
    return None if health is None else sparse(status=health.status, message=health.because)


def _history(spec: Mapping[str, Any], item: HistoryItem) -> dict[str, JSON]:
    return {
        "id": item.id,
        **revised(spec, item.revisions),
        **sourced(spec),
        **sparse(
            deployStartedAt=item.deploy_started_at,
            deployedAt=item.deployed_at,
            initiatedBy=sparse(automated=item.automated, username=item.by),
        ),
    }


def _conditions(conditions: Sequence[Condition]) -> list[JSON] | None:
    return [
        sparse(type=c.type, message=c.message, lastTransitionTime=c.last_transition_time) for c in conditions
    ] or None


def _drop_health(status: dict[str, JSON]) -> None:
    for resource in status["resources"]:
        resource.pop("health", None)


def _drop_messages(status: dict[str, JSON]) -> None:
    for result in at(status, "operationState.syncResult.resources", []):
        result.pop("message", None)


def _drop_list(status: dict[str, JSON]) -> None:
    status["resources"] = None
    (at(status, "operationState.syncResult") or {}).pop("resources", None)
