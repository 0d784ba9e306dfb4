"""Health of the workload kinds (spec/cluster §5, first hit decides). Pure functions from an object to its health."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from plat.api import Health, HealthStatus, Manifest, at

HEALTHY: Final = Health(HealthStatus.HEALTHY)
IGNORE_RESTART_POLICY: Final = "argocd.argoproj.io/ignore-restart-policy"
HOOKS: Final = ("argocd.argoproj.io/hook", "helm.sh/hook")
_BAD_REASON: Final = re.compile(r"Err.*|.*Error|.*BackOff")


def progressing(text: str) -> Health:
    """Return Progressing with its reason."""
    return Health(HealthStatus.PROGRESSING, text)


def degraded(text: str) -> Health:
    """Return Degraded with its reason."""
    return Health(HealthStatus.DEGRADED, text)


def condition(manifest: Manifest, name: str) -> Mapping[str, Any]:
    """Return a condition of the status, or an empty mapping."""
    return next((c for c in at(manifest, "status.conditions", []) if c.get("type") == name), {})


def stale(manifest: Manifest) -> bool:
    """Say whether the controller has not seen the current generation yet."""
    return int(at(manifest, "metadata.generation", 0)) > int(at(manifest, "status.observedGeneration", 0))


def deployment(manifest: Manifest) -> Health:
    """Judge an apps/v1 Deployment."""
    if at(manifest, "spec.paused", False):
        return Health(HealthStatus.SUSPENDED, "Deployment is paused")
    if stale(manifest):
        return progressing("Waiting for rollout to finish: observed deployment generation less than desired generation")
    name = at(manifest, "metadata.name", "")
    if condition(manifest, "Progressing").get("reason") == "ProgressDeadlineExceeded":
        return degraded(f"Deployment {name!r} exceeded its progress deadline")
    wanted, status = int(at(manifest, "spec.replicas", 1)), at(manifest, "status", {})
    updated, replicas, available = (
        int(status.get(key) or 0) for key in ("updatedReplicas", "replicas", "availableReplicas")
    )
    if updated < wanted:
        return progressing(
            f"Waiting for rollout to finish: {updated} out of {wanted} new replicas have been updated..."
        )
    if replicas > updated:
        left = replicas - updated
        return progressing(f"Waiting for rollout to finish: {left} old replicas are pending termination...")
    if available < updated:
        return progressing(f"Waiting for rollout to finish: {available} of {updated} updated replicas are available...")
    return HEALTHY


def stateful_set(manifest: Manifest) -> Health:
    """Judge an apps/v1 StatefulSet."""
    if not at(manifest, "status.observedGeneration", 0) or stale(manifest):
        return progressing("Waiting for statefulset spec update to be observed...")
    wanted, ready = int(at(manifest, "spec.replicas", 1)), int(at(manifest, "status.readyReplicas", 0))
    if ready < wanted:
        return progressing(f"Waiting for {wanted - ready} pods to be ready...")
    strategy = at(manifest, "spec.updateStrategy", {})
    kind = strategy.get("type", "RollingUpdate")
    if kind == "RollingUpdate" and strategy.get("rollingUpdate") is not None:
        updated = int(at(manifest, "status.updatedReplicas", 0))
        due = wanted - int(strategy["rollingUpdate"].get("partition") or 0)
        if updated < due:
            return progressing(f"Waiting for partitioned roll out to finish: {updated} out of {due} new pods updated")
        return HEALTHY
    if kind == "OnDelete":
        return Health(HealthStatus.HEALTHY, f"statefulset has {ready} ready pods")
    if at(manifest, "status.updateRevision", "") != at(manifest, "status.currentRevision", ""):
        return progressing("Waiting for statefulset rolling update to complete")
    return HEALTHY


def daemon_set(manifest: Manifest) -> Health:
    """Judge an apps/v1 DaemonSet."""
    if stale(manifest):
        return progressing("Waiting for rollout to finish: observed daemon set generation less than desired generation")
    if at(manifest, "spec.updateStrategy.type", "RollingUpdate") == "OnDelete":
        return HEALTHY
    status = at(manifest, "status", {})
    keys = ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
    desired, updated, available = (int(status.get(key) or 0) for key in keys)
    if updated < desired:
        return progressing(f"Waiting for daemon set rollout: {updated} out of {desired} new pods have been updated...")
    if available < desired:
        return progressing(f"Waiting for daemon set rollout: {available} of {desired} updated pods are available...")
    return HEALTHY


def replica_set(manifest: Manifest) -> Health:
    """Judge an apps/v1 ReplicaSet."""
    if stale(manifest):
        return progressing(
            "Waiting for rollout to finish: observed replica set generation less than desired generation"
        )
    failure = condition(manifest, "ReplicaFailure")
    if failure.get("status") == "True":
        return degraded(str(failure.get("message", "")))
    wanted, available = int(at(manifest, "spec.replicas", 1)), int(at(manifest, "status.availableReplicas", 0))
    if available < wanted:
        return progressing(f"Waiting for rollout to finish: {available} out of {wanted} new replicas are available...")
    return HEALTHY


def pod(manifest: Manifest) -> Health:
    """Judge a Pod by its restart policy."""
    annotations = at(manifest, "metadata.annotations", {})
    hook = any(name in annotations for name in HOOKS)
    always = at(manifest, "spec.restartPolicy", "Always") == "Always"
    if not always and annotations.get(IGNORE_RESTART_POLICY) == "true" and not hook:
        always = True
    if always and (waiting := _bad_waiting(manifest)):
        return waiting
    phase, message = at(manifest, "status.phase", ""), str(at(manifest, "status.message", ""))
    if phase == "Running":
        return _running(manifest) if always else progressing(message)
    return {
        "Pending": progressing(message),
        "Succeeded": Health(HealthStatus.HEALTHY, message),
        "Failed": degraded(message or _termination(manifest)),
    }.get(phase, Health(HealthStatus.UNKNOWN, message))


def job(manifest: Manifest) -> Health:
    """Judge a batch/v1 Job; one that was resumed runs again [≠ B5]."""
    conditions = {c.get("type"): c for c in at(manifest, "status.conditions", []) if c.get("status") == "True"}
    for name, status in (
        ("Failed", HealthStatus.DEGRADED),
        ("Complete", HealthStatus.HEALTHY),
        ("Suspended", HealthStatus.SUSPENDED),
    ):
        if name in conditions:
            return Health(status, str(conditions[name].get("message", "")))
    return progressing("")


def cron_job(manifest: Manifest) -> Health:
    """Judge a batch/v1 CronJob."""
    status = at(manifest, "status", {})
    if not status:
        return progressing("Waiting for the first run")
    scheduled, succeeded = status.get("lastScheduleTime"), status.get("lastSuccessfulTime")
    if scheduled and not status.get("active") and (succeeded is None or succeeded < scheduled):
        return degraded("CronJob has not completed its last execution successfully")
    return HEALTHY


def _bad_waiting(manifest: Manifest) -> Health | None:
    messages = []
    for status in _containers(manifest):
        waiting = at(status, "state.waiting", {})
        if _BAD_REASON.fullmatch(str(waiting.get("reason", ""))):
            messages.append(str(waiting.get("message", "")) or str(waiting["reason"]))
    return degraded(", ".join(messages)) if messages else None


def _running(manifest: Manifest) -> Health:
    if condition(manifest, "Ready").get("status") == "True":
        return Health(HealthStatus.HEALTHY, str(at(manifest, "status.message", "")))
    if any(at(status, "lastState.terminated") for status in _containers(manifest)):
        return degraded(str(at(manifest, "status.message", "")) or _termination(manifest))
    return progressing(str(at(manifest, "status.message", "")))


def _termination(manifest: Manifest) -> str:
    for status in _containers(manifest):
        ended = at(status, "state.terminated") or at(status, "lastState.terminated") or {}
        if code := ended.get("exitCode"):
            reason = ended.get("message") or ended.get("reason") or ""
            return f"container {status.get('name', '')!r} failed with exit code {code} {reason}".strip()
    return ""


def _containers(manifest: Manifest) -> list[Mapping[str, Any]]:
    status = at(manifest, "status", {})
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
