from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.e2e.conftest import cache, environ, make_world, world
from tests.e2e.kube import MERGE, until
from tests.e2e.world import World

__all__ = ["cache", "environ", "make_world", "world"]

GROUP = "argoproj.io"
LABELS = {
    "app.kubernetes.io/name": "argocd-application-controller",
    "app.kubernetes.io/part-of": "argocd",
    "app.kubernetes.io/component": "application-controller",
}


class ArgoCD:
    """What an installed Argo CD leaves in a cluster: its kinds, a namespace, and a controller that does nothing."""

    def __init__(self, world: World) -> None:
        self.kube = world.kube
        self.namespace = f"{world.name}-argocd"

    def install(self) -> None:
        """Install the kinds, and the namespace."""
        for kind in ("Application", "AppProject"):
            self.kube.apply(definition(kind))
        until(lambda: self.kube.request("GET", f"/apis/{GROUP}/v1alpha1/applications")[0] == 200, what="the kinds")
        self.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})

    def remove(self) -> None:
        """Take everything away, and wait until it is gone: others use the cluster, too."""
        self.kube.delete("Namespace", self.namespace)
        for kind in ("Application", "AppProject"):
            self.kube.delete("CustomResourceDefinition", f"{kind.lower()}s.{GROUP}")
        until(lambda: self.kube.request("GET", f"/apis/{GROUP}/v1alpha1")[0] == 404, what="the end of the kinds")
        until(lambda: not self.kube.names("Pod", self.namespace), what="the end of the controller")

    def run(self, kind: str = "StatefulSet", *, name: str = "argocd-application-controller", **labels: str) -> None:
        """Run the controller, and wait until its pod is ready."""
        wanted = controller(kind, self.namespace, name, labels or LABELS)
        status, body = self.kube.request("POST", self._path(kind), wanted)
        assert status == 201, body
        until(lambda: (self._get(kind, name).get("status") or {}).get("readyReplicas") == 1, what="the controller")

    def scale(self, replicas: int, kind: str = "StatefulSet", name: str = "argocd-application-controller") -> None:
        """Scale the controller; to 0: wait until its pods have ended."""
        status, body = self.kube.request("PATCH", self._path(kind, name), {"spec": {"replicas": replicas}}, kind=MERGE)
        assert status == 200, body
        until(lambda: (self._get(kind, name).get("status") or {}).get("replicas", 0) == replicas, what="the scaling")

    def _path(self, kind: str, name: str = "") -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}/{kind.lower()}s" + (f"/{name}" if name else "")

    def _get(self, kind: str, name: str) -> Any:
        return self.kube.request("GET", self._path(kind, name))[1]


@pytest.fixture
def argocd(world: World) -> Iterator[ArgoCD]:
    """An Argo CD whose controller does not run yet."""
    installed = ArgoCD(world)
    installed.install()
    yield installed
    installed.remove()


def definition(kind: str) -> dict[str, Any]:
    """Return a definition that takes any object of the kind, with a status of its own."""
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1alpha1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    names = {"kind": kind, "plural": plural, "singular": kind.lower()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def controller(kind: str, namespace: str, name: str, labels: dict[str, str]) -> dict[str, Any]:
    """Return a workload as upstream's manifests have it."""
    match = {"app.kubernetes.io/name": "argocd-application-controller"}
    containers = [{"name": "controller", "image": "quay.io/argoproj/argocd:v3"}]
    spec: dict[str, Any] = {
        "replicas": 1,
        "selector": {"matchLabels": match},
        "template": {"metadata": {"labels": match}, "spec": {"containers": containers}},
    }
    if kind == "StatefulSet":
        spec["serviceName"] = name
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}
