"""Health of services, storage, autoscaling and definitions (spec/cluster §5, first hit decides). Pure."""

from __future__ import annotations

from typing import Final

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
    conditions = at(manifest, "status.conditions", [])
    if manifest.get("apiVersion") == "autoscaling/v1":
        text = at(manifest, "metadata.annotations", {}).get("autoscaling.alpha.kubernetes.io/conditions", "[]")
        try:
            conditions = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            return degraded(f"the annotation of conditions is not JSON: {error}")
    for item in conditions:
        kind, reason = item.get("type"), str(item.get("reason", ""))
        scaling = kind == "AbleToScale" and reason in _BAD_SCALING
        metrics = reason in _BAD_METRICS or (reason.startswith("FailedGet") and reason.endswith("Metric"))
        if scaling or (kind == "ScalingActive" and metrics):
            return degraded(str(item.get("message", "")))
    for item in conditions:
        if item.get("type") in ("AbleToScale", "ScalingLimited") and item.get("status") == "True":
            return Health(HealthStatus.HEALTHY, str(item.get("message", "")))
    return progressing("Waiting to Autoscale")


def definition(manifest: Manifest) -> Health:
    """Judge a CustomResourceDefinition."""
    if not at(manifest, "status.conditions", []):
        return progressing("Status conditions not found")
    names, structure = condition(manifest, "NamesAccepted"), condition(manifest, "NonStructuralSchema")
    established = condition(manifest, "Established")
    if names.get("status") == "False":
        return degraded(f"CRD names have not been accepted: {names.get('message', '')}")
    if structure.get("status") == "True":
        return degraded(f"Schema violations found: {structure.get('message', '')}")
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
