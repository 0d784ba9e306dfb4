"""Small manifests that tests write down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

PREFIX = "argocd.argoproj.io"
IMAGE = "registry.example/app"


def text(*documents: Any) -> str:
    """Return documents as YAML."""
    return yaml.safe_dump_all(documents, sort_keys=False)


def noted(manifest: dict[str, Any], **notes: str) -> dict[str, Any]:
    """Add annotations: `wave`, `hook`, `policy`, `options`, `compare`, in Argo CD's words."""
    names = {
        "wave": "sync-wave",
        "hook": "hook",
        "policy": "hook-delete-policy",
        "options": "sync-options",
        "compare": "compare-options",
    }
    found = {f"{PREFIX}/{names[key]}": value for key, value in notes.items()}
    metadata = manifest["metadata"]
    metadata["annotations"] = {**metadata.get("annotations", {}), **found}
    return manifest


def config(name: str, data: Mapping[str, str] | None = None, **notes: str) -> dict[str, Any]:
    """Return a ConfigMap."""
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": dict(data or {"a": "1"})}
    return noted(manifest, **notes) if notes else manifest


def deployment(name: str, *, replicas: int = 1, tag: str = "v1", bad: bool = False, **notes: str) -> dict[str, Any]:
    """Return a Deployment; a bad one never becomes ready."""
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": _pods(name, tag, bad=bad),
        },
    }
    return noted(manifest, **notes) if notes else manifest


def job(name: str, *, bad: bool = False, tag: str = "v1", **notes: str) -> dict[str, Any]:
    """Return a Job; a bad one fails at once."""
    template = _pods(name, tag, bad=bad)
    template["spec"]["restartPolicy"] = "Never"
    manifest = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"backoffLimit": 0, "template": template},
    }
    return noted(manifest, **notes) if notes else manifest


def service(name: str, port: int = 80, **notes: str) -> dict[str, Any]:
    """Return a Service."""
    spec = {"selector": {"app": name}, "ports": [{"port": port}]}
    manifest = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}
    return noted(manifest, **notes) if notes else manifest


def definition(group: str, kind: str = "Widget") -> dict[str, Any]:
    """Return a custom resource definition with one field, `size`."""
    plural = f"{kind.lower()}s"
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}},
    }
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "versions": [version],
        },
    }


def kustomization(resources: Iterable[str], **more: Any) -> dict[str, Any]:
    """Return a kustomization."""
    head = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    return {**head, "resources": list(resources), **more}


def _pods(name: str, tag: str, *, bad: bool) -> dict[str, Any]:
    metadata: dict[str, Any] = {"labels": {"app": name}}
    if bad:
        metadata["annotations"] = {"plat.dev/fail": "true"}
    return {"metadata": metadata, "spec": {"containers": [{"name": "main", "image": f"{IMAGE}:{tag}"}]}}
