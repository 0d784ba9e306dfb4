"""Health of services, storage, autoscaling and definitions (spec/cluster §5, first hit decides). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from plat.api import Health, HealthStatus, Manifest, at
from plat.cluster.health.workloads import HEALTHY, condition, degraded, progressing

_BAD_SCALING: Final = ("FailedGetScale", "FailedUpdateScale")
_BAD_METRICS: Final = ("FailedComputeMetricsReplicas", "InvalidSelector")


def service(manifest: Manifest) -> Health:
    """Judge a Service."""
    if at(manifest, "spec.type", "") == "LoadBalancer" and not at(manifest, "status.loadBalancer.ingress", []):
        return progressing("Waiting for a load balancer")
    return HEALTHY


def ingress(manifest: Manifest) -> Health:
    """Judge an Ingress."""
    has = at(manifest, "status.loadBalancer.ingress", [])
    return HEALTHY if has else progressing("Waiting for a load balancer")


def api_service(manifest: Manifest) -> Health:
    """Judge an APIService."""
    available = condition(manifest, "Available")
    text = f"{available.get('reason', '')}: {available.get('message', '')}" if available else "Waiting to be processed"
    return Health(HealthStatus.HEALTHY, text) if available.get("status") == "True" else progressing(text)


def volume_claim(manifest: Manifest) -> Health:
    """Judge a PersistentVolumeClaim."""
    phase = at(manifest, "status.phase", "")
    statuses = {
        "Bound": HealthStatus.HEALTHY,
        "Pending": HealthStatus.PROGRESSING,
        "Lost": HealthStatus.DEGRADED,
    }
    return Health(statuses.get(phase, HealthStatus.UNKNOWN))


def autoscaler(manifest: Manifest) -> Health:
    """Judge a HorizontalPodAutoscaler, v1 by its annotation of conditions, later ones by their status."""
    try:
        conditions = _scaling_conditions(manifest)
    except ValueError as error:
        return Health(HealthStatus.UNKNOWN, f"failed to convert conditions annotation to typed: {error}")
    for item in conditions:
        if _scales_badly(str(item.get("type", "")), str(item.get("reason", ""))):
            return degraded(str(item.get("message", "")))
    for item in conditions:
        if item.get("type") in ("AbleToScale", "ScalingLimited") and item.get("status") == "True":
            return Health(HealthStatus.HEALTHY, str(item.get("message", "")))
    return progressing("Waiting to Autoscale")


def definition(manifest: Manifest) -> Health:
    """Judge a CustomResourceDefinition."""
    if not at(manifest, "status.conditions", []):
        return progressing("Status conditions not found")
    for name, bad, judge, text in (
        ("Terminating", "True", progressing, "CRD is terminating"),
        ("NamesAccepted", "False", degraded, "CRD names have not been accepted"),
        ("NonStructuralSchema", "True", degraded, "Schema violations found"),
    ):
        found = condition(manifest, name)
        if found.get("status") == bad:
            return judge(f"{text}: {found.get('message', '')}")
    established = condition(manifest, "Established")
    if established.get("status") == "True":
        return Health(HealthStatus.HEALTHY, "CRD is healthy")
    if established.get("reason") == "Installing":
        return progressing("CRD is being installed")
    return degraded("CRD is not established")


def argo_application(manifest: Manifest) -> Health:
    """Judge an Application by what its own status says [≠ B6]."""
    status = at(manifest, "status.health.status", "")
    if status not in set(HealthStatus):
        return progressing("Waiting for the application to be assessed")
    return Health(HealthStatus(status), str(at(manifest, "status.health.message", "")))


def _scaling_conditions(manifest: Manifest) -> list[Mapping[str, Any]]:
    if manifest.get("apiVersion") != "autoscaling/v1":
        return list(at(manifest, "status.conditions", []))
    text = at(manifest, "metadata.annotations", {}).get("autoscaling.alpha.kubernetes.io/conditions", "[]")
    found = orjson.loads(text)
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise ValueError("it is no list of conditions")
    return found


def _scales_badly(kind: str, reason: str) -> bool:
    if kind == "AbleToScale":
        return reason in _BAD_SCALING
    metric = reason.startswith("FailedGet") and reason.endswith("Metric")
    return kind == "ScalingActive" and (metric or reason in _BAD_METRICS)
