"""Health of the workload kinds (spec/cluster §5, first hit decides). Pure functions from an object to its health."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from plat.api import Health, HealthStatus, Manifest, at
from plat.cluster.sync.annotations import role_of

HEALTHY: Final = Health(HealthStatus.HEALTHY)
IGNORE_RESTART_POLICY: Final = "argocd.argoproj.io/ignore-restart-policy"
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


def number(manifest: Manifest, path: str) -> int:
    """Return a count; 0 where it is absent."""
    return int(at(manifest, path, 0))


def short_of(manifest: Manifest, path: str) -> int:
    """Return how many replicas are lacking by a count of the status; nothing lacks where none are asked for."""
    return int(at(manifest, "spec.replicas", 0)) - number(manifest, path)


def stale(manifest: Manifest) -> bool:
    """Say whether the controller has not seen the current generation yet."""
    return int(at(manifest, "metadata.generation", 0)) > int(at(manifest, "status.observedGeneration", 0))


def deployment(manifest: Manifest) -> Health:
    """Judge an apps/v1 Deployment."""
    if at(manifest, "spec.paused", False):
        return Health(HealthStatus.SUSPENDED, "Deployment is paused")
    if stale(manifest):
        return progressing("Waiting for rollout to finish: observed deployment generation less than desired generation")
    if condition(manifest, "Progressing").get("reason") == "ProgressDeadlineExceeded":
        return degraded(f'Deployment "{at(manifest, "metadata.name", "")}" exceeded its progress deadline')
    updated = number(manifest, "status.updatedReplicas")
    if short_of(manifest, "status.updatedReplicas") > 0:
        wanted = at(manifest, "spec.replicas")
        return progressing(
            f"Waiting for rollout to finish: {updated} out of {wanted} new replicas have been updated..."
        )
    if (left := number(manifest, "status.replicas") - updated) > 0:
        return progressing(f"Waiting for rollout to finish: {left} old replicas are pending termination...")
    if (available := number(manifest, "status.availableReplicas")) < updated:
        return progressing(f"Waiting for rollout to finish: {available} of {updated} updated replicas are available...")
    return HEALTHY


def stateful_set(manifest: Manifest) -> Health:
    """Judge an apps/v1 StatefulSet."""
    if not number(manifest, "status.observedGeneration") or stale(manifest):
        return progressing("Waiting for statefulset spec update to be observed...")
    if (lacking := short_of(manifest, "status.readyReplicas")) > 0:
        return progressing(f"Waiting for {lacking} pods to be ready...")
    strategy = at(manifest, "spec.updateStrategy", {})
    updated = number(manifest, "status.updatedReplicas")
    if strategy.get("type") == "RollingUpdate" and strategy.get("rollingUpdate") is not None:
        return _partitioned(manifest, updated)
    if strategy.get("type") == "OnDelete":
        return Health(HealthStatus.HEALTHY, f"statefulset has {number(manifest, 'status.readyReplicas')} ready pods")
    wanted, current = at(manifest, "status.updateRevision", ""), at(manifest, "status.currentRevision", "")
    if wanted != current:
        return progressing(f"waiting for statefulset rolling update to complete {updated} pods at revision {wanted}...")
    count = number(manifest, "status.currentReplicas")
    text = f"statefulset rolling update complete {count} pods at revision {current}..."
    return Health(HealthStatus.HEALTHY, text)


def _partitioned(manifest: Manifest, updated: int) -> Health:
    """Judge a rolling update with a partition; revisions are not compared, as they differ below the partition."""
    partition = at(manifest, "spec.updateStrategy.rollingUpdate.partition")
    due = int(at(manifest, "spec.replicas", 0)) - int(partition or 0)
    if partition is not None and updated < due:
        return progressing(
            f"Waiting for partitioned roll out to finish: {updated} out of {due} new pods have been updated..."
        )
    return Health(HealthStatus.HEALTHY, f"partitioned roll out complete: {updated} new pods have been updated...")


def daemon_set(manifest: Manifest) -> Health:
    """Judge an apps/v1 DaemonSet."""
    if stale(manifest):
        return progressing("Waiting for rollout to finish: observed daemon set generation less than desired generation")
    name = at(manifest, "metadata.name", "")
    keys = ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
    desired, updated, available = (number(manifest, f"status.{key}") for key in keys)
    counted = f"{updated} out of {desired} new pods have been updated"
    if at(manifest, "spec.updateStrategy.type", "") == "OnDelete":
        return Health(HealthStatus.HEALTHY, f"daemon set {counted}")
    waiting = f'Waiting for daemon set "{name}" rollout to finish:'
    if updated < desired:
        return progressing(f"{waiting} {counted}...")
    if available < desired:
        return progressing(f"{waiting} {available} of {desired} updated pods are available...")
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
    if short_of(manifest, "status.availableReplicas") > 0:
        wanted, available = at(manifest, "spec.replicas"), number(manifest, "status.availableReplicas")
        return progressing(f"Waiting for rollout to finish: {available} out of {wanted} new replicas are available...")
    return HEALTHY


def pod(manifest: Manifest) -> Health:
    """Judge a Pod by its restart policy."""
    ignored = at(manifest, "metadata.annotations", {}).get(IGNORE_RESTART_POLICY) == "true"
    always = at(manifest, "spec.restartPolicy", "Always") == "Always" or (ignored and not role_of(manifest).hook)
    if always and (waiting := _bad_waiting(manifest)):
        return waiting
    phase, message = at(manifest, "status.phase", ""), str(at(manifest, "status.message", ""))
    if phase == "Running":
        return _running(manifest) if always else progressing(message)
    return {
        "Pending": progressing(message),
        "Succeeded": Health(HealthStatus.HEALTHY, message),
        "Failed": degraded(message or _failure(manifest)),
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
    """Judge a CronJob. One that is suspended, never succeeded or runs just now is not known to be bad.

    The server gives each an empty status at once: an empty one says that nothing was scheduled yet.
    """
    status = at(manifest, "status")
    if at(manifest, "spec.suspend", False):
        return Health(HealthStatus.HEALTHY, "CronJob is Suspended")
    if not isinstance(status, Mapping):
        return progressing("Waiting for CronJob")
    scheduled, succeeded = status.get("lastScheduleTime"), status.get("lastSuccessfulTime")
    if scheduled is None:
        return Health(HealthStatus.HEALTHY, "CronJob has not been scheduled yet")
    if succeeded is None:
        return Health(HealthStatus.HEALTHY, "The CronJob never completed successfully. It may not be healthy")
    if status.get("active"):
        return Health(HealthStatus.HEALTHY, "The job is running. Its last execution may not have been successful")
    if succeeded < scheduled:
        return degraded("CronJob has not completed its last execution successfully")
    return Health(HealthStatus.HEALTHY, "CronJob has completed its last execution successfully")


def _bad_waiting(manifest: Manifest) -> Health | None:
    bad = [
        waiting
        for status in _containers(manifest)
        if _BAD_REASON.fullmatch(str((waiting := at(status, "state.waiting", {})).get("reason", "")))
    ]
    return degraded(", ".join(str(waiting.get("message") or waiting["reason"]) for waiting in bad)) if bad else None


def _running(manifest: Manifest) -> Health:
    message = str(at(manifest, "status.message", ""))
    if condition(manifest, "Ready").get("status") == "True":
        return Health(HealthStatus.HEALTHY, message)
    if any(at(status, "lastState.terminated") for status in _containers(manifest)):
        return degraded(message)
    return progressing(message)


def _failure(manifest: Manifest) -> str:
    """Return why a Pod failed, by the first container, initial ones included, that says anything."""
    for status in (*at(manifest, "status.initContainerStatuses", []), *_containers(manifest)):
        ended = at(status, "state.terminated", {})
        if ended.get("message"):
            return str(ended["message"])
        if ended.get("reason") == "OOMKilled":
            return "OOMKilled"
        if code := ended.get("exitCode"):
            return f'container "{status.get("name", "")}" failed with exit code {code}'
    return ""


def _containers(manifest: Manifest) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = at(manifest, "status.containerStatuses", [])
    return found
