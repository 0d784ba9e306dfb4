from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
from tests.e2e.conftest import cache, environ, make_world, world
from tests.e2e.kube import MERGE, until
from tests.e2e.world import World
from tests.integration.app.doors import Door

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
        until(lambda: self._served() == {"applications", "appprojects"}, what="the kinds")
        self.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})

    def remove(self) -> None:
        """Take everything away, and wait until it is gone: others use the cluster, too."""
        for kind in ("StatefulSet", "Deployment"):
            self.kube.request("DELETE", self._path(kind))
        for kind in ("Application", "AppProject"):
            self.kube.delete("CustomResourceDefinition", f"{kind.lower()}s.{GROUP}")
        until(lambda: not self._served(), what="the end of the kinds")
        until(lambda: not self.kube.names("Pod", self.namespace), what="the end of the controller")
        self.kube.delete("Namespace", self.namespace)

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

    def fail(self) -> None:
        """Let the controller's pod become unready."""
        (name,) = self.kube.names("Pod", self.namespace)
        status = {"conditions": [{"type": "Ready", "status": "False"}]}
        path = f"/api/v1/namespaces/{self.namespace}/pods/{name}/status"
        code, body = self.kube.request("PATCH", path, {"status": status}, kind="application/strategic-merge-patch+json")
        assert code == 200, body
        until(lambda: not self._get("StatefulSet", name[:-2])["status"].get("readyReplicas"), what="the failure")

    def application(self, name: str, *, manager: str) -> None:
        """Leave an Application, written by somebody."""
        metadata = {"name": name, "namespace": self.namespace}
        manifest = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "Application", "metadata": metadata, "spec": {}}
        path = f"/apis/{GROUP}/v1alpha1/namespaces/{self.namespace}/applications?fieldManager={manager}"
        status, body = self.kube.request("POST", path, manifest)
        assert status == 201, body

    def _served(self) -> set[str]:
        with contextlib.suppress(json.JSONDecodeError):  # not served, or not for long: the answer is plain text
            status, found = self.kube.request("GET", f"/apis/{GROUP}/v1alpha1")
            return {resource["name"] for resource in found["resources"]} if status == HTTPStatus.OK else set()
        return set()

    def _path(self, kind: str, name: str = "") -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}/{kind.lower()}s" + (f"/{name}" if name else "")

    def _get(self, kind: str, name: str) -> Any:
        return self.kube.request("GET", self._path(kind, name))[1]


@pytest.fixture
def door(control_plane: Any) -> Iterator[Door]:
    """A closed door before the cluster."""
    made = Door(control_plane.server)
    yield made
    made.close()


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
