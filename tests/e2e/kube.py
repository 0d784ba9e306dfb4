"""A plain client of the API server: what a test asserts about a cluster must not be read through the code under test."""

from __future__ import annotations

import http.client
import json
import ssl
import tempfile
import time
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

CORE = "/api/v1"
APPS = "/apis/apps/v1"
PLURALS = {
    "Namespace": (CORE, "namespaces", False),
    "ConfigMap": (CORE, "configmaps", True),
    "Secret": (CORE, "secrets", True),
    "Service": (CORE, "services", True),
    "ServiceAccount": (CORE, "serviceaccounts", True),
    "Pod": (CORE, "pods", True),
    "Deployment": (APPS, "deployments", True),
    "ReplicaSet": (APPS, "replicasets", True),
    "Job": ("/apis/batch/v1", "jobs", True),
    "Lease": ("/apis/coordination.k8s.io/v1", "leases", True),
    "ClusterRole": ("/apis/rbac.authorization.k8s.io/v1", "clusterroles", False),
    "CustomResourceDefinition": ("/apis/apiextensions.k8s.io/v1", "customresourcedefinitions", False),
}
USUAL = frozenset({"kube-root-ca.crt", "default"})
"""What every namespace holds, sooner or later."""
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


class Kube:
    """Objects of one cluster, by kind and name, in one namespace unless another is given."""

    def __init__(self, kubeconfig: Mapping[str, Any], namespace: str) -> None:
        cluster, user = kubeconfig["clusters"][0]["cluster"], kubeconfig["users"][0]["user"]
        address = urlsplit(cluster["server"])
        self.namespace = namespace
        self._host, self._port = address.hostname or "", address.port or 443
        self._tls = tls_of(cluster, user)

    def path(self, kind: str, name: str = "", namespace: str = "") -> str:
        """Return the path of an object or, without a name, of its kind. `kind` may be a path of its own."""
        prefix, plural, namespaced = PLURALS.get(kind) or (
            "/apis/" + kind.rpartition("/")[0],
            kind.rpartition("/")[2],
            True,
        )
        space = f"/namespaces/{namespace or self.namespace}" if namespaced else ""
        return f"{prefix}{space}/{plural}" + (f"/{name}" if name else "")

    def request(self, method: str, path: str, body: Any = None, *, kind: str = "application/json") -> tuple[int, Any]:
        """Send one request; returns the status and what came."""
        connection = http.client.HTTPSConnection(self._host, self._port, context=self._tls, timeout=30)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {"Content-Type": kind, "Accept": "application/json"})
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read() or b"null")
        finally:
            connection.close()

    def get(self, kind: str, name: str, namespace: str = "") -> Any:
        """Return an object, or None."""
        status, body = self.request("GET", self.path(kind, name, namespace))
        assert status in (200, 404), body
        return body if status == 200 else None

    def list(self, kind: str, namespace: str = "") -> list[Any]:
        """Return the objects of a kind."""
        status, body = self.request("GET", self.path(kind, "", namespace))
        assert status == 200, body
        return list(body["items"])

    def names(self, kind: str, namespace: str = "") -> set[str]:
        """Return the names of the objects of a kind, but for what every namespace holds."""
        return {item["metadata"]["name"] for item in self.list(kind, namespace)} - USUAL

    def apply(self, manifest: Mapping[str, Any], *, manager: str = "somebody", force: bool = True) -> Any:
        """Apply as somebody else does."""
        metadata = manifest["metadata"]
        path = self.path(manifest["kind"], metadata["name"], metadata.get("namespace", ""))
        query = f"?fieldManager={manager}" + ("&force=true" if force else "")
        status, body = self.request("PATCH", path + query, manifest, kind=APPLY)
        assert status in (200, 201), body
        return body

    def create(self, manifest: Mapping[str, Any]) -> Any:
        """Create."""
        metadata = manifest["metadata"]
        status, body = self.request("POST", self.path(manifest["kind"], "", metadata.get("namespace", "")), manifest)
        assert status == 201, body
        return body

    def patch(self, kind: str, name: str, body: Any, *, manager: str = "somebody", sub: str = "") -> Any:
        """Merge a patch into an object."""
        path = self.path(kind, name) + (f"/{sub}" if sub else "")
        status, answer = self.request("PATCH", f"{path}?fieldManager={manager}", body, kind=MERGE)
        assert status == 200, answer
        return answer

    def delete(self, kind: str, name: str, namespace: str = "") -> None:
        """Delete; what is gone is fine."""
        status, body = self.request("DELETE", self.path(kind, name, namespace) + "?propagationPolicy=Background")
        assert status in (200, 202, 404), body

    def versions(self, *kinds: str) -> dict[str, str]:
        """Return the resource version of everything of these kinds, by `kind/name`."""
        return {
            f"{kind}/{item['metadata']['name']}": item["metadata"]["resourceVersion"]
            for kind in kinds
            for item in self.list(kind)
            if item["metadata"]["name"] not in USUAL
        }


def tls_of(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> ssl.SSLContext:
    """Return the TLS settings of a kubeconfig whose certificates stand in it."""
    context = ssl.create_default_context(cadata=_text(cluster, "certificate-authority"))
    with tempfile.NamedTemporaryFile("w") as pair:  # the library reads keys from files only
        pair.write(_text(user, "client-certificate") + _text(user, "client-key"))
        pair.flush()
        context.load_cert_chain(pair.name)
    return context


def _text(section: Mapping[str, Any], name: str) -> str:
    if data := section.get(f"{name}-data"):
        return b64decode(data).decode()
    with open(section[name], encoding="utf-8") as file:  # noqa: PTH123  # a path as it stands in a kubeconfig
        return file.read()


def until(wanted: Callable[[], Any], *, seconds: float = 20, what: str = "it") -> Any:
    """Wait until something is true, and return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := wanted():
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds:g} s for {what} in vain")
