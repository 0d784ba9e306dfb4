"""A stack as large as asked for: N applications of four small objects in one git repository, and one ApplicationSet."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.plane import NAMESPACES, Plane

AUTHOR = ("-c", "user.name=ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false", "-c", "gc.auto=0")
ADDRESS = "https://git.example/fleet"
Manifest = dict[str, Any]


@dataclass(frozen=True)
class Built:
    """A stack on disk."""

    root: Path
    checkout: Path
    bare: Path
    apps: int

    def push(self, number: int, text: str) -> None:
        """Change the ConfigMap of one application, commit, and push."""
        namespace, name = place(number)
        changed = config_map(namespace, name, text)
        path = self.checkout / "apps" / namespace / name / "configmap.json"
        path.write_text(json.dumps(changed, indent=1), encoding="utf-8")
        _git("commit", "--quiet", "--all", "-m", f"Change {name}", cwd=self.checkout)
        _git("push", "--quiet", "origin", "HEAD:main", cwd=self.checkout)


def build(folder: Path, plane: Plane, *, apps: int, server: Path | None = None) -> Built:
    """Write a stack for one cluster; `server` is another kubeconfig for it."""
    checkout, root, bare = folder / "work", folder / "stack", folder / "repos" / "fleet"
    for number in range(apps):
        directory = checkout / "apps" / place(number)[0] / place(number)[1]
        directory.mkdir(parents=True)
        for manifest in objects(number):
            path = directory / f"{manifest['kind'].lower()}.json"
            path.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    bare.parent.mkdir(parents=True)
    _git("init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    _git("init", "--quiet", "--initial-branch=main", str(checkout))
    _git("remote", "add", "origin", str(bare), cwd=checkout)
    _git("add", "--all", cwd=checkout)
    _git("commit", "--quiet", "-m", "Begin", cwd=checkout)
    _git("push", "--quiet", "origin", "HEAD:main", cwd=checkout)
    (root / "gitops").mkdir(parents=True)
    (root / "gitops" / "fleet.json").write_text(json.dumps(_application_set()), encoding="utf-8")
    (root / "plat.yaml").write_text(json.dumps(_stack_file(server or plane.path, bare.parent)), encoding="utf-8")
    return Built(root, checkout, bare, apps)


def place(number: int) -> tuple[str, str]:
    """Return the namespace and the name of an application."""
    return f"team-{number % NAMESPACES}", f"app-{number:04}"


def objects(number: int) -> Iterator[Manifest]:
    """Return the four objects of one application. No pods: what is measured is applying, not the kubelet."""
    namespace, name = place(number)
    metadata = {"name": name, "namespace": namespace, "labels": {"app": name}}
    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    yield config_map(namespace, name, f"number {number}")
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": {"app": name}, "ports": ports},
    }
    container = {
        "name": "app",
        "image": f"registry.example/app:{number}",
        "ports": [{"containerPort": 8080}],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
    }
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"serviceAccountName": name, "containers": [container]},
    }
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": name}}, "template": template}
    yield {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def config_map(namespace: str, name: str, text: str) -> Manifest:
    data = {"greeting": text, "settings.ini": "[server]\nport = 8080\nlog = info\n"}
    metadata = {"name": name, "namespace": namespace, "labels": {"app": name}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _application_set() -> Manifest:
    generator = {"git": {"repoURL": ADDRESS, "revision": "HEAD", "directories": [{"path": "apps/*/*"}]}}
    spec = {
        "project": "default",
        "source": {"repoURL": ADDRESS, "targetRevision": "HEAD", "path": "{{path}}"},
        "destination": {"name": "bench", "namespace": "{{path[1]}}"},
        "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
    }
    template = {"metadata": {"name": "{{path.basename}}"}, "spec": spec}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": "fleet", "namespace": "argocd"},
        "spec": {"generators": [generator], "template": template},
    }


def _stack_file(kubeconfig: Path, repositories: Path) -> Manifest:
    return {
        "stack": "bench",
        "clusters": {"bench": {"use": "kubeconfig", "kubeconfig": str(kubeconfig)}},
        "manifests": ["gitops/"],
        "sources": {"insteadOf": {"https://git.example/": f"file://{repositories}/"}},
    }


def _git(*arguments: str, cwd: Path | None = None) -> None:
    subprocess.run(["git", *AUTHOR, *arguments], cwd=cwd, check=True, capture_output=True)
