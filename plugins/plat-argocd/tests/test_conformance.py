from __future__ import annotations

import base64
from typing import Any

from plat.api import ApplicationState, Condition, Health, HealthStatus, HistoryItem, OperationState, Ref, ResourceState
from plat.testing import DialectSuite, FakeCluster, GeneratorExample, GeneratorSuite, RendererSuite, RenderExample
from plat_argocd.application import ArgoApplication
from plat_argocd.applicationset import ArgoApplicationSet
from plat_argocd.directory import Directory
from plat_argocd.generators import Clusters, GitDirectories, GitFiles, ListElements
from plat_argocd.project import ArgoProject
from plat_argocd.secrets import ArgoSecret

URL = "https://git.example/config"
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n"


def argo(kind: str, spec: Any, **more: Any) -> dict[str, Any]:
    metadata = {"name": "web", "namespace": "argocd", **more.pop("metadata", {})}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec, **more}


SOURCE = {"repoURL": URL, "path": "web", "targetRevision": "main"}
DESTINATION = {"server": "https://kubernetes.default.svc", "namespace": "shop"}
SPEC = {"project": "default", "source": SOURCE, "destination": DESTINATION}
APPLICATION = argo(
    "Application",
    {
        **SPEC,
        "syncPolicy": {
            "automated": {"prune": True, "selfHeal": True},
            "syncOptions": ["CreateNamespace=true"],
            "retry": {"limit": 3, "backoff": {"duration": "5s", "factor": 2, "maxDuration": "3m"}},
        },
        "ignoreDifferences": [{"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}],
    },
    metadata={
        "annotations": {"argocd.argoproj.io/refresh": "hard"},
        "finalizers": ["resources-finalizer.argocd.argoproj.io"],
    },
    operation={"sync": {"revision": "main", "prune": True}, "initiatedBy": {"username": "ann"}},
)
WEB = Ref(group="apps", kind="Deployment", namespace="shop", name="web")
STATE = ApplicationState(
    sync="OutOfSync",
    health=Health(HealthStatus.DEGRADED, "crashes"),
    revisions=("c0ffee",),
    resources=(ResourceState(ref=WEB, version="v1", sync="OutOfSync", health=Health(HealthStatus.DEGRADED, "x")),),
    operation=OperationState(phase="Succeeded", message="done", started_at="2026-11-25T12:00:00Z"),
    history=(
        HistoryItem(
            id=0,
            revisions=("c0ffee",),
            deploy_started_at="2026-11-25T12:00:00Z",
            deployed_at="2026-11-25T12:00:01Z",
        ),
    ),
    conditions=(Condition(type="SyncError", message="no", last_transition_time="2026-11-25T12:00:00Z"),),
)


class TestApplication(DialectSuite):
    plugin = ArgoApplication
    configurations = ({}, {"namespace": "gitops"})
    manifests = (argo("Application", SPEC), APPLICATION)
    broken = ((argo("Application", {**SPEC, "sorce": {}}), "spec.sorce"),)
    states = (STATE, ApplicationState(sync="Synced", health=Health(HealthStatus.HEALTHY)))


class TestApplicationSet(DialectSuite):
    plugin = ArgoApplicationSet
    manifests = (
        argo(
            "ApplicationSet",
            {
                "generators": [{"list": {"elements": [{"name": "a"}]}}],
                "template": {"metadata": {"name": "{{name}}"}, "spec": SPEC},
            },
        ),
    )


class TestProject(DialectSuite):
    plugin = ArgoProject
    manifests = (
        argo(
            "AppProject",
            {
                "sourceRepos": ["*"],
                "destinations": [{"server": "*", "namespace": "shop"}],
                "clusterResourceWhitelist": [{"group": "*", "kind": "Namespace"}],
            },
        ),
    )


def secret(kind: str, **data: str) -> dict[str, Any]:
    metadata = {"name": "s", "namespace": "argocd", "labels": {"argocd.argoproj.io/secret-type": kind}}
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded}


class TestSecret(DialectSuite):
    plugin = ArgoSecret
    secrets = ("correct horse", base64.b64encode(b"correct horse").decode())
    manifests = (
        secret("cluster", name="prod", server="https://prod", config='{"bearerToken": "correct horse"}'),
        secret("repository", url=URL, username="ann", password="correct horse"),
        secret("repo-creds", url="https://git.example", password="correct horse", githubAppID="1"),
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "other"}, "data": {}},
    )
    broken = ((secret("cluster", name="prod", config="correct horse"), "stringData.server"),)


class TestDirectory(RendererSuite):
    plugin = Directory
    configurations = ({}, {"recurse": True, "exclude": "x*", "jsonnet": {"extVars": [{"name": "a", "value": "b"}]}})
    examples = (
        RenderExample({"web/a.yaml": MAP % "a", "web/b.json": '{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "b"}}'}, "web", objects=["ConfigMap a", "Secret b"]),
        RenderExample({"a.yaml": MAP % "a", "x/b.yaml": MAP % "b"}, objects=["ConfigMap a"]),
        RenderExample({"a.yaml": MAP % "a", "x/b.yaml": MAP % "b"}, configuration={"recurse": True}, objects=["ConfigMap a", "ConfigMap b"]),
    )  # fmt: skip
    broken = ((RenderExample({"a.yaml": "apiVersion: v1\nkind: A\nmetadata: [\n"}), "a.yaml"),)


class TestListElements(GeneratorSuite):
    plugin = ListElements
    configurations = ({}, {"elements": [{"name": "a"}]})
    examples = (
        GeneratorExample(configuration={"elements": [{"name": "a", "n": "1"}]}, expected=[{"name": "a", "n": "1"}]),
        GeneratorExample(configuration={"elementsYaml": "- size: 1\n"}, go_template=True, expected=[{"size": 1}]),
    )
    broken = ((GeneratorExample(configuration={"elementsYaml": "a: 1"}), "elementsYaml"),)


class TestClusters(GeneratorSuite):
    plugin = Clusters
    configurations = ({}, {"selector": {"matchLabels": {"env": "prod"}}, "values": {"a": "b"}})
    examples = (
        GeneratorExample(clusters=[FakeCluster(name="prod", server="https://p", labels={"env": "prod"})]),
        GeneratorExample(configuration={"values": {"a": "{{name}}"}}, clusters=[FakeCluster(name="prod")]),
        GeneratorExample(),
    )


class TestGitDirectories(GeneratorSuite):
    plugin = GitDirectories
    configurations = ({"repoURL": URL, "directories": [{"path": "*"}]},)
    examples = (
        GeneratorExample(
            configuration={"repoURL": URL, "directories": [{"path": "apps/*"}, {"path": "apps/old", "exclude": True}]},
            repositories={URL: {"apps/web/a.yaml": "", "apps/old/a.yaml": "", "x": ""}},
            expected=[
                {
                    "path": "apps/web",
                    "path[0]": "apps",
                    "path[1]": "web",
                    "path.basename": "web",
                    "path.basenameNormalized": "web",
                }
            ],
        ),
    )


class TestGitFiles(GeneratorSuite):
    plugin = GitFiles
    configurations = ({"repoURL": URL, "files": [{"path": "*.yaml"}]},)
    examples = (
        GeneratorExample(
            configuration={"repoURL": URL, "files": [{"path": "envs/*.yaml"}]},
            repositories={URL: {"envs/prod.yaml": "replicas: 3", "envs/dev.yaml": "replicas: 1"}},
        ),
    )
