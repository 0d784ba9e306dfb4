"""The built-in health rules as classes, registered by the same hook as anybody's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from plat.api import Health, HealthCheck, HealthStatus, Manifest, group_of, hookimpl
from plat.cluster.health import platform, workloads


class BuiltIn(HealthCheck):
    """A rule for one kind in its current versions; another version is Unknown, with an error that says so."""

    rule: ClassVar[Callable[[Manifest], Health]]
    versions: ClassVar[tuple[str, ...]] = ("v1",)

    def check(self, manifest: Manifest) -> Health | None:
        """Judge by the rule."""
        version = str(manifest.get("apiVersion", "")).rpartition("/")[2]
        if version not in self.versions:
            text = f"unsupported API version {group_of(manifest)}/{version} of {manifest.get('kind')}"
            return Health(HealthStatus.UNKNOWN, text)
        return type(self).rule(manifest)


def _rule(kind: str, rule: Callable[[Manifest], Health], *versions: str) -> type[HealthCheck]:
    space = {"kind": kind, "rule": staticmethod(rule), "versions": versions or ("v1",)}
    space |= {"__module__": __name__, "__annotations__": {}}
    return type(f"{kind.rpartition('/')[2]}Health", (BuiltIn,), space)


RULES: Sequence[type[HealthCheck]] = (
    _rule("apps/Deployment", workloads.deployment),
    _rule("apps/StatefulSet", workloads.stateful_set),
    _rule("apps/DaemonSet", workloads.daemon_set),
    _rule("apps/ReplicaSet", workloads.replica_set),
    _rule("Pod", workloads.pod),
    _rule("batch/Job", workloads.job),
    _rule("batch/CronJob", workloads.cron_job),
    _rule("Service", platform.service),
    _rule("networking.k8s.io/Ingress", platform.ingress),
    _rule("apiregistration.k8s.io/APIService", platform.api_service),
    _rule("PersistentVolumeClaim", platform.volume_claim),
    _rule("autoscaling/HorizontalPodAutoscaler", platform.autoscaler, "v1", "v2", "v2beta2"),
    _rule("apiextensions.k8s.io/CustomResourceDefinition", platform.definition),
    _rule("argoproj.io/Application", platform.argo_application, "v1alpha1"),
)


@hookimpl
def plat_health_checks() -> Sequence[type[HealthCheck]]:
    """Return the rules for Kubernetes' own kinds."""
    return RULES
