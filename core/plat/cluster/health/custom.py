"""Health of custom resources that most clusters have (spec/cluster §5, first hit decides). Pure."""

from __future__ import annotations

from typing import Final

from plat.api import Health, HealthStatus, Manifest, at
from plat.cluster.health.workloads import condition, degraded, progressing

FLUX: Final = (
    "kustomize.toolkit.fluxcd.io/Kustomization",
    "helm.toolkit.fluxcd.io/HelmRelease",
    "source.toolkit.fluxcd.io/GitRepository",
    "source.toolkit.fluxcd.io/OCIRepository",
    "source.toolkit.fluxcd.io/HelmRepository",
    "source.toolkit.fluxcd.io/HelmChart",
    "source.toolkit.fluxcd.io/Bucket",
)
"""Kinds of Flux that carry the conditions Ready and Reconciling."""


def flux(manifest: Manifest) -> Health:
    """Judge a Kustomization, HelmRelease or source of Flux."""
    if at(manifest, "spec.suspend", False):
        return Health(HealthStatus.SUSPENDED, f"{manifest.get('kind')} is suspended")
    if at(manifest, "status.conditions") is None:
        return progressing("Status unknown")
    ready = condition(manifest, "Ready")
    reason = str(ready.get("reason", ""))
    if ready.get("status") == "Unknown" and condition(manifest, "Reconciling").get("status") == "True":
        return progressing(reason)
    return Health(HealthStatus.HEALTHY, reason) if ready.get("status") == "True" else degraded(reason)


def certificate(manifest: Manifest) -> Health:
    """Judge a Certificate of cert-manager. While one is being issued, what was ready before says nothing."""
    issuing, ready = condition(manifest, "Issuing"), condition(manifest, "Ready")
    if issuing.get("status") == "True":
        return progressing(str(issuing.get("message", "")))
    if ready.get("status") == "False":
        return degraded(str(ready.get("message", "")))
    if ready.get("status") == "True":
        return Health(HealthStatus.HEALTHY, str(ready.get("message", "")))
    return progressing("Waiting for certificate")
