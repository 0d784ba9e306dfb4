"""`status.operationState` of an Application (spec/cluster §11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plat.api import JSON, NamespaceMetadata, OperationState, Ref, TaskResult
from plat_argocd.revisions import revised, sourced
from plat_argocd.sparse import sparse


def operation_state(spec: Mapping[str, Any], state: OperationState) -> dict[str, JSON]:
    """Return a sync operation, running or ended, as Argo CD's tools read it."""
    result = {
        "resources": [_result(task) for task in state.results],
        **revised(spec, state.revisions),
        **sourced(spec),
        **sparse(managedNamespaceMetadata=_namespace_metadata(state.namespace_metadata)),
    }
    return {
        "operation": {
            "sync": _sync(spec, state),
            **sparse(initiatedBy=sparse(username=state.by, automated=state.automated)),
        },
        "phase": state.phase,
        "syncResult": result,
        **sparse(
            message=state.message,
            startedAt=state.started_at,
            finishedAt=state.finished_at,
            retryCount=state.retry_count,
        ),
    }


def _sync(spec: Mapping[str, Any], state: OperationState) -> dict[str, JSON]:
    return {
        **revised(spec, state.revisions),
        **sparse(
            prune=state.prune,
            dryRun=state.dry_run,
            syncOptions=sorted(state.options),
            resources=[_selected(ref) for ref in state.resources],
            syncStrategy=_strategy(state),
            autoHealAttemptsCount=state.heals,
        ),
    }


def _strategy(state: OperationState) -> dict[str, JSON]:
    """Return how objects are applied, where that is not the usual way: by force, or without hooks."""
    if state.hooks and not state.force:
        return {}
    return {"hook" if state.hooks else "apply": sparse(force=state.force)}


def _namespace_metadata(given: NamespaceMetadata | None) -> dict[str, JSON]:
    return {} if given is None else sparse(labels=dict(given.labels), annotations=dict(given.annotations))


def _selected(ref: Ref) -> dict[str, JSON]:
    return {"kind": ref.kind, "name": ref.name, **sparse(group=ref.group, namespace=ref.namespace)}


def _result(task: TaskResult) -> dict[str, JSON]:
    ref = task.ref
    return {
        "group": ref.group,
        "version": task.version,
        "kind": ref.kind,
        "namespace": ref.namespace,
        "name": ref.name,
        **sparse(
            status=task.status,
            message=task.message,
            hookType=task.hook_type,
            hookPhase=task.hook_phase,
            syncPhase=task.phase,
            images=list(task.images),
        ),
    }
