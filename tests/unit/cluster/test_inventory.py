from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plat.cluster.inventory import take_inventory
from plat.cluster.manifests import Found, Manifests
from plat_argocd.application import ArgoApplication
from plat_argocd.project import ArgoProject
from plat_argocd.secrets import ArgoSecret

DIALECTS: dict[str, Any] = {cls.kind: cls() for cls in (ArgoApplication, ArgoProject, ArgoSecret)}
WINDOWS = {"syncWindows": [{"kind": "deny"}], "roles": [{"name": "dev"}]}


def project(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "p"}, "spec": spec}


def repository(**more: str) -> dict[str, Any]:
    metadata = {"name": "r", "labels": {"argocd.argoproj.io/secret-type": "repository"}}
    content = {"url": "https://git.example/x", **more}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": content}


def application(**policy: Any) -> dict[str, Any]:
    spec = {"source": {"repoURL": "https://git.example/x", "path": "a"}, "destination": {"name": "one"}}
    body = {"project": "p", **spec, "syncPolicy": policy}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "a"}, "spec": body}


@pytest.mark.parametrize(
    ("manifest", "noted"),
    [
        (project(), []),
        (project(**WINDOWS), ["spec.roles", "spec.syncWindows"]),
        (repository(), []),
        (repository(githubAppID="1"), ["data.githubAppID"]),
        (application(syncOptions=["CreateNamespace=true"]), []),
        (application(syncOptions=["createNamespace=true"]), ["spec.syncPolicy.syncOptions.0"]),
        ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}, []),
    ],
)
def test_what_has_no_effect_is_noted_with_its_place(manifest: dict[str, Any], noted: list[str]) -> None:
    found = Manifests([Found(manifest, Path("gitops/x.yaml"), 7)])
    inventory = take_inventory(found, DIALECTS.get, lambda item, _: item.line)
    assert sorted((where, note.path) for where, note in inventory.notes) == [
        ("gitops/x.yaml:7", path) for path in noted
    ]
    assert inventory.problems == ()
