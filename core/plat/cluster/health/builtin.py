"""The built-in health rules as classes, registered by the same hook as anybody's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from plat.api import Health, HealthCheck, HealthStatus, Manifest, hookimpl
from plat.cluster.health import custom, platform, workloads


class BuiltIn(HealthCheck):
    """A rule for one kind in its current versions; another version is Unknown, with an error that says so."""

    rule: ClassVar[Callable[[Manifest], Health]]
    versions: ClassVar[tuple[str, ...]] = ("v1",)
    """Empty: the rule reads nothing that differs by version."""

    def check(self, manifest: Manifest) -> Health | None:
        """Judge by the rule."""
        version = str(manifest.get("apiVersion", ""))
        if self.versions and version.rpartition("/")[2] not in self.versions:
            kind = manifest.get("kind")
            return Health(HealthStatus.UNKNOWN, f"unsupported {kind} GVK: {version}, Kind={kind}")
        return type(self).rule(manifest)


ANY: Final = ()


def _rule(kind: str, rule: Callable[[Manifest], Health], versions: tuple[str, ...] = ("v1",)) -> type[HealthCheck]:
    space = {"kind": kind, "rule": staticmethod(rule), "versions": versions, "__module__": __name__}
    name = "".join(part.capitalize() for part in kind.replace("/", ".").split("."))
    return type(f"{name}Health", (BuiltIn,), space)


RULES: Sequence[type[HealthCheck]] = (
    _rule("apps/Deployment", workloads.deployment),
    _rule("apps/StatefulSet", workloads.stateful_set),
    _rule("apps/DaemonSet", workloads.daemon_set),
    _rule("apps/ReplicaSet", workloads.replica_set),
    _rule("Pod", workloads.pod),
    _rule("batch/Job", workloads.job),
    _rule("batch/CronJob", workloads.cron_job, ANY),
    _rule("Service", platform.service),
    _rule("networking.k8s.io/Ingress", platform.ingress, ANY),
    _rule("extensions/Ingress", platform.ingress, ANY),
    _rule("apiregistration.k8s.io/APIService", platform.api_service, ("v1", "v1beta1")),
    _rule("PersistentVolumeClaim", platform.volume_claim),
    _rule("autoscaling/HorizontalPodAutoscaler", platform.autoscaler, ("v1", "v2", "v2beta2")),
    _rule("apiextensions.k8s.io/CustomResourceDefinition", platform.definition, ANY),
    _rule("argoproj.io/Application", platform.argo_application, ANY),
    *(_rule(kind, custom.flux, ANY) for kind in custom.FLUX),
    _rule("cert-manager.io/Certificate", custom.certificate, ANY),
)


@hookimpl
def plat_health_checks() -> Sequence[type[HealthCheck]]:
    """Return the rules for Kubernetes' own kinds."""
    return RULES
