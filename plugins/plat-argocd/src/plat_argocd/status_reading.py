"""Read a status back, written by us or by Argo CD's controller. Lenient: what cannot be read counts as absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from plat.api import (
    ApplicationState,
    Condition,
    Health,
    HealthStatus,
    HistoryItem,
    Manifest,
    NamespaceMetadata,
    OperationState,
    Ref,
    ResourceState,
    TaskResult,
    at,
)

_KINDS: Final = {"Helm": "helm", "Kustomize": "kustomize", "Directory": "directory", "Plugin": "plugin"}
_PHASES: Final = ("Running", "Terminating", "Succeeded", "Failed", "Error")


def application_state(manifest: Manifest) -> ApplicationState | None:
    """Return the state that a status tells; None where nothing was compared and nothing done yet."""
    status = _mapping(manifest.get("status"))
    if not at(status, "sync.status") and not at(status, "operationState.phase"):
        return None
    sync = _mapping(status.get("sync"))
    return ApplicationState(
        sync=_one_of(sync.get("status"), ("Synced", "OutOfSync", "Unknown"), "Unknown"),
        health=_health(status.get("health")) or Health(HealthStatus.UNKNOWN),
        health_since=_text(status, "health.lastTransitionTime"),
        revisions=_revisions(sync),
        resources=tuple(_resource(_mapping(item)) for item in _list(status, "resources")),
        operation=_operation(_mapping(status.get("operationState"))),
        history=tuple(_history(_mapping(item)) for item in _list(status, "history")),
        conditions=tuple(_condition(_mapping(item)) for item in _list(status, "conditions")),
        images=tuple(map(str, _list(status, "summary.images"))),
        source_types=_source_types(status),
        reconciled_at=_text(status, "reconciledAt"),
    )


def _operation(state: Mapping[str, Any]) -> OperationState | None:
    if state.get("phase") not in _PHASES:
        return None
    asked = _mapping(at(state, "operation.sync"))
    strategy = _mapping(asked.get("syncStrategy"))
    return OperationState(
        phase=state["phase"],
        message=_text(state, "message"),
        started_at=_text(state, "startedAt"),
        finished_at=_text(state, "finishedAt"),
        retry_count=_number(state.get("retryCount")),
        revisions=_revisions(_mapping(state.get("syncResult"))) or _revisions(asked),
        automated=at(state, "operation.initiatedBy.automated") is True,
        by=_text(state, "operation.initiatedBy.username"),
        options=frozenset(map(str, _list(asked, "syncOptions"))),
        prune=asked.get("prune") is True,
        dry_run=asked.get("dryRun") is True,
        force=any(at(strategy, f"{name}.force") is True for name in ("apply", "hook")),
        hooks=not isinstance(strategy.get("apply"), Mapping),
        heals=_number(asked.get("autoHealAttemptsCount")),
        namespace_metadata=_namespace_metadata(_mapping(at(state, "syncResult.managedNamespaceMetadata"))),
        resources=tuple(_ref(_mapping(item)) for item in _list(asked, "resources")),
        results=tuple(_result(_mapping(item)) for item in _list(state, "syncResult.resources")),
    )


def _namespace_metadata(item: Mapping[str, Any]) -> NamespaceMetadata | None:
    found = {name: {str(k): str(v) for k, v in _mapping(item.get(name)).items()} for name in ("labels", "annotations")}
    return NamespaceMetadata(labels=found["labels"], annotations=found["annotations"]) if item else None


def _result(item: Mapping[str, Any]) -> TaskResult:
    return TaskResult(
        ref=_ref(item),
        version=_text(item, "version"),
        status=_one_of(item.get("status"), ("Synced", "SyncFailed", "Pruned", "PruneSkipped"), ""),
        message=_text(item, "message"),
        phase=_text(item, "syncPhase"),
        hook_type=_text(item, "hookType"),
        hook_phase=_text(item, "hookPhase"),
        images=tuple(map(str, _list(item, "images"))),
    )


def _resource(item: Mapping[str, Any]) -> ResourceState:
    return ResourceState(
        ref=_ref(item),
        version=_text(item, "version"),
        sync=_one_of(item.get("status"), ("Synced", "OutOfSync", "Unknown"), ""),
        health=_health(item.get("health")),
        prune=item.get("requiresPruning") is True,
        prune_confirmation=item.get("requiresDeletionConfirmation") is True,
        hook=item.get("hook") is True,
        wave=_number(item.get("syncWave")),
    )


def _history(item: Mapping[str, Any]) -> HistoryItem:
    return HistoryItem(
        id=_number(item.get("id")),
        revisions=_revisions(item),
        deploy_started_at=_text(item, "deployStartedAt"),
        deployed_at=_text(item, "deployedAt"),
        automated=at(item, "initiatedBy.automated") is True,
        by=_text(item, "initiatedBy.username"),
    )


def _condition(item: Mapping[str, Any]) -> Condition:
    return Condition(
        type=_text(item, "type"),
        message=_text(item, "message"),
        last_transition_time=_text(item, "lastTransitionTime"),
    )


def _health(value: Any) -> Health | None:
    item = _mapping(value)
    if not item.get("status"):
        return None
    status = _one_of(item["status"], tuple(HealthStatus), HealthStatus.UNKNOWN)
    return Health(HealthStatus(status), _text(item, "message"))


def _source_types(status: Mapping[str, Any]) -> tuple[str, ...]:
    types = _list(status, "sourceTypes") or [status.get("sourceType")]
    return tuple(_KINDS.get(name, name) for name in types if isinstance(name, str) and name)


def _revisions(item: Mapping[str, Any]) -> tuple[str, ...]:
    several = tuple(map(str, _list(item, "revisions")))
    return several or ((item["revision"],) if isinstance(item.get("revision"), str) and item["revision"] else ())


def _ref(item: Mapping[str, Any]) -> Ref:
    return Ref(
        group=_text(item, "group"),
        kind=_text(item, "kind"),
        namespace=_text(item, "namespace"),
        name=_text(item, "name"),
    )


def _one_of(value: Any, known: tuple[Any, ...], default: Any) -> Any:
    return value if value in known else default


def _text(item: Mapping[str, Any], path: str) -> str:
    value = at(item, path)
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _list(item: Mapping[str, Any], path: str) -> list[Any]:
    value = at(item, path)
    return value if isinstance(value, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
