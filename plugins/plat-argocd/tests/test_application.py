from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from plat.api import (
    Application,
    Automated,
    Destination,
    IgnoreRule,
    NamespaceMetadata,
    Retry,
    Source,
    UserError,
    Verb,
    WriteBack,
)
from plat_argocd.application import ArgoApplication

SOURCE = {"repoURL": "https://git.example/shop.git", "path": "apps/web", "targetRevision": "main"}
DESTINATION = {"server": "https://kubernetes.default.svc", "namespace": "web"}


def manifest(*, metadata: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "web", **(metadata or {})},
        "spec": {"source": SOURCE, "destination": DESTINATION, **spec},
    }


def read(given: dict[str, Any], **config: Any) -> Application:
    reading = ArgoApplication(**config).read(given, NOBODY)
    (app,) = reading.objects
    assert isinstance(app, Application)
    return app


class Nobody:
    def get(self, ref: Any) -> None:
        return None

    def list(self, ref: Any) -> tuple[()]:
        return ()


NOBODY = Nobody()


def test_the_least_application() -> None:
    assert read(manifest()) == Application(
        name="web",
        namespace="argocd",
        sources=(Source(url="https://git.example/shop.git", revision="main", path="apps/web"),),
        destination=Destination(server="https://kubernetes.default.svc", namespace="web"),
    )


EVERYTHING = manifest(
    metadata={
        "namespace": "team-a",
        "labels": {"tier": "web"},
        "annotations": {
            "argocd.argoproj.io/manifest-generate-paths": ".;/shared ; ../common;",
            "argocd.argoproj.io/compare-options": "ServerSideDiff=false, IncludeMutationWebhook=true",
            "argocd.argoproj.io/skip-reconcile": "true",
            "argocd.argoproj.io/deletion-approved": "2026-11-25T10:00:00Z",
        },
        "finalizers": ["other.example/x", "resources-finalizer.argocd.argoproj.io/background"],
        "ownerReferences": [{"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "name": "services"}],
        "creationTimestamp": None,
    },
    project="shop",
    destination={"name": "prod"},
    syncPolicy={
        "automated": {"prune": True, "selfHeal": True, "allowEmpty": True},
        "syncOptions": ["CreateNamespace=true", "PruneLast=true"],
        "retry": {
            "limit": -1,
            "backoff": {"duration": 10, "factor": 3, "maxDuration": "1h30m"},
            "refresh": True,
        },
        "managedNamespaceMetadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
    },
    ignoreDifferences=[
        {
            "group": "apps",
            "kind": "Deployment",
            "name": "web",
            "namespace": "web",
            "jsonPointers": ["/spec/replicas"],
            "jqPathExpressions": [".spec.x"],
            "managedFieldsManagers": ["hpa"],
        }
    ],
    revisionHistoryLimit=3,
    info=[{"name": "docs", "value": "https://docs.example"}],
)


def test_every_field() -> None:
    app = read(EVERYTHING, namespace="control", tracking="label", instance_label="acme.example/app")
    assert app.id == "team-a/web"
    assert app.project == "shop"
    assert app.destination == Destination(name="prod")
    assert app.automated == Automated(prune=True, self_heal=True, allow_empty=True)
    assert app.options == {"CreateNamespace=true", "PruneLast=true"}
    assert app.retry == Retry(
        limit=-1, duration=timedelta(seconds=10), factor=3, max_duration=timedelta(minutes=90), refresh=True
    )
    assert app.namespace_metadata == NamespaceMetadata(labels={"a": "b"}, annotations={"c": "d"})
    assert app.ignore == (
        IgnoreRule(
            group="apps",
            kind="Deployment",
            name="web",
            namespace="web",
            json_pointers=("/spec/replicas",),
            jq=(".spec.x",),
            managers=("hpa",),
        ),
    )
    assert app.history_limit == 3
    assert app.labels == {"tier": "web"}
    assert app.generate_paths == ("apps/web", "shared", "apps/common")
    assert app.compare_options == {"ServerSideDiff=false", "IncludeMutationWebhook=true"}
    assert app.deletion == "background"
    assert app.paused is True
    assert app.approved_at == "2026-11-25T10:00:00Z"
    assert app.owner == "services"
    assert (app.camp.tracking, app.camp.instance_label, app.camp.home) == ("label", "acme.example/app", "control")


@pytest.mark.parametrize(
    ("policy", "automated"),
    [
        ({}, None),
        ({"automated": None}, None),
        ({"automated": {}}, Automated()),
        ({"automated": {"enabled": True, "prune": True}}, Automated(prune=True)),
        ({"automated": {"enabled": False, "prune": True}}, None),
        ({"automated": {"enabled": None, "prune": None}}, Automated()),
        (None, None),
    ],
)
def test_automated_sync(policy: Any, automated: Automated | None) -> None:
    assert read(manifest(syncPolicy=policy)).automated == automated


@pytest.mark.parametrize(
    ("policy", "retry"),
    [
        ({}, None),
        ({"retry": None}, None),
        ({"retry": {}}, Retry(limit=0)),
        ({"retry": {"limit": 3}}, Retry(limit=3, duration=timedelta(seconds=5), factor=2)),
        ({"retry": {"backoff": {"maxDuration": "0"}}}, Retry(max_duration=timedelta(0))),
        ({"retry": {"backoff": {"duration": "90"}}}, Retry(duration=timedelta(seconds=90))),
    ],
)
def test_retries(policy: Any, retry: Retry | None) -> None:
    assert read(manifest(syncPolicy=policy)).retry == retry


@pytest.mark.parametrize(
    ("finalizers", "deletion"),
    [
        ([], "leave"),
        (["foregroundDeletion"], "leave"),
        (["resources-finalizer.argocd.argoproj.io"], "foreground"),
        (["resources-finalizer.argocd.argoproj.io/foreground"], "foreground"),
        (["resources-finalizer.argocd.argoproj.io/background"], "background"),
        (["post-delete-finalizer.argocd.argoproj.io", "resources-finalizer.argocd.argoproj.io"], "foreground"),
    ],
)
def test_finalizers(finalizers: list[str], deletion: str) -> None:
    assert read(manifest(metadata={"finalizers": finalizers})).deletion == deletion


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"path": "./a/b/"}, {"path": "a/b", "revision": "HEAD"}),
        ({"path": "."}, {"path": "."}),
        ({"path": "a", "tagPrefix": "web-", "targetRevision": "1.*"}, {"tag_prefix": "web-", "revision": "1.*"}),
        ({"chart": "redis", "targetRevision": "^1"}, {"chart": "redis", "path": ""}),
        ({"ref": "values"}, {"ref": "values", "path": ""}),
        ({"path": "a", "helm": {"releaseName": "x"}}, {"render": {"use": "helm", "releaseName": "x"}}),
        ({"path": "a", "kustomize": {"images": ["a=b"]}}, {"render": {"use": "kustomize", "images": ["a=b"]}}),
        ({"path": "a", "directory": {"recurse": True}}, {"render": {"use": "directory", "recurse": True}}),
        ({"path": "a", "directory": {"recurse": False, "jsonnet": {}}}, {"render": {}}),
        ({"path": "a", "helm": {"values": None}, "kustomize": {}}, {"render": {}}),
        ({"path": "a", "helm": None, "directory": {"include": "x"}}, {"render": {"use": "directory", "include": "x"}}),
    ],
)
def test_a_source(source: dict[str, Any], expected: dict[str, Any]) -> None:
    (got,) = read(manifest(source={"repoURL": "u", **source})).sources
    assert {name: getattr(got, name) for name in expected} == expected


def test_sources_win_over_source_and_that_is_said() -> None:
    given = manifest(sources=[SOURCE, {"repoURL": "v", "ref": "values"}])
    reading = ArgoApplication().read(given, NOBODY)
    (app,) = reading.objects
    assert isinstance(app, Application)
    assert [source.url for source in app.sources] == [SOURCE["repoURL"], "v"]
    assert [(note.path, note.instead) for note in reading.notes] == [("spec.source", "spec.sources")]


@pytest.mark.parametrize(
    ("change", "where", "words"),
    [
        ({"syncPolicy": {"automated": {"prun": True}}}, "spec.syncPolicy.automated.prun", "did you mean 'prune'?"),
        ({"sources": [SOURCE, {**SOURCE, "pat": "x"}]}, "spec.sources.1.pat", "did you mean 'path'?"),
        ({"source": {**SOURCE, "repoUrl": "x"}}, "spec.source.repoUrl", "did you mean 'repoURL'?"),
        (
            {"ignoreDifferences": [{"kind": "X", "jsonPointer": []}]},
            "spec.ignoreDifferences.0.jsonPointer",
            "jsonPointers",
        ),
        ({"destinaton": {}}, "spec.destinaton", "did you mean 'destination'?"),
        ({"syncPolicy": {"automated": True}}, "spec.syncPolicy.automated", "must be a mapping"),
        ({"syncPolicy": {"automated": {"prune": "true"}}}, "spec.syncPolicy.automated.prune", "boolean"),
        ({"syncPolicy": {"retry": {"backoff": {"duration": "soon"}}}}, "spec.syncPolicy.retry.backoff.duration", "90s"),
        ({"syncPolicy": {"syncOptions": "CreateNamespace=true"}}, "spec.syncPolicy.syncOptions", "list"),
        ({"destination": {"server": "https://a", "name": "a"}}, "spec.destination", "both"),
        ({"destination": {"namespace": "web"}}, "spec.destination", "neither"),
        ({"revisionHistoryLimit": -1}, "spec.revisionHistoryLimit", "greater"),
        ({"source": {"path": "a"}}, "spec.source.repoURL", "required"),
        ({"source": {"repoURL": "u"}}, "spec.source", "path, chart and ref"),
        ({"source": None}, "spec.source", "required"),
        ({"source": {"repoURL": "u", "path": "../x"}}, "spec.source.path", "out of the repository"),
        ({"source": {"repoURL": "u", "path": "/etc"}}, "spec.source.path", "out of the repository"),
        ({"source": {"repoURL": "u", "ref": "r", "chart": "c"}}, "spec.source", "ref"),
        ({"source": {"repoURL": "u", "path": "p", "chart": "c"}}, "spec.source", "path or chart"),
        ({"source": {**SOURCE, "helm": {"a": 1}, "kustomize": {"b": 1}}}, "spec.source", "helm, kustomize"),
        ({"source": {**SOURCE, "plugin": {}}}, "spec.source.plugin", "not supported yet"),
        ({"source": {"repoURL": "oci://r/x", "path": "."}}, "spec.source.repoURL", "not supported yet"),
        ({"sourceHydrator": {"drySource": {}}}, "spec.sourceHydrator", "not supported yet"),
    ],
)
def test_what_cannot_be_meant(change: dict[str, Any], where: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        read(manifest(**change))
    assert caught.value.where == where
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"apiVersion": "argoproj.io/v2"}, "apiVersion"),
        ({"metadata": {}}, "metadata.name"),
        ({"metadata": {"name": ""}}, "metadata.name"),
        ({"metadata": {"name": "a", "labels": {"x": True}}}, "metadata.labels.x"),
        ({"spec": None}, "spec"),
        ({"operations": {}}, "operations"),
    ],
)
def test_a_manifest_that_is_no_application(given: dict[str, Any], where: str) -> None:
    with pytest.raises(UserError) as caught:
        read({**manifest(), **given})
    assert caught.value.where == where


@pytest.mark.parametrize(
    ("option", "instead"),
    [
        ("createNamespace=true", "CreateNamespace=true"),
        ("CreateNamespace", "CreateNamespace=true"),
        ("Nonsense=1", ""),
    ],
)
def test_a_sync_option_that_does_nothing_is_said(option: str, instead: str) -> None:
    (note,) = ArgoApplication().read(manifest(syncPolicy={"syncOptions": ["Prune=false", option]}), NOBODY).notes
    assert (note.path, note.instead) == ("spec.syncPolicy.syncOptions.1", instead)


def test_namespace_metadata_without_its_option_is_said() -> None:
    policy = {"managedNamespaceMetadata": {"labels": {"a": "b"}}}
    (note,) = ArgoApplication().read(manifest(syncPolicy=policy), NOBODY).notes
    assert note.path == "spec.syncPolicy.managedNamespaceMetadata"


@pytest.mark.parametrize(("value", "hard"), [("normal", False), ("hard", True), ("anything", False), ("", False)])
def test_refresh(value: str, hard: bool) -> None:  # noqa: FBT001  # a column of the table
    given = manifest(metadata={"annotations": {"argocd.argoproj.io/refresh": value}})
    (verb,) = ArgoApplication().read(given, NOBODY).verbs
    assert verb == Verb(name="refresh", arguments={"hard": hard})
    removed = ArgoApplication().acknowledge(given, verb)
    assert removed == WriteBack(annotations={"argocd.argoproj.io/refresh": None})
    assert ArgoApplication().acknowledge(manifest(), verb) == WriteBack()


def test_a_sync_operation() -> None:
    operation = {
        "initiatedBy": {"username": "ann"},
        "retry": {"limit": 2},
        "sync": {
            "revision": "abc",
            "prune": True,
            "dryRun": True,
            "syncStrategy": {"apply": {"force": True}},
            "resources": [{"group": "apps", "kind": "Deployment", "name": "web"}],
            "syncOptions": ["PruneLast=true"],
        },
    }
    given = {**manifest(), "operation": operation}
    (verb,) = ArgoApplication().read(given, NOBODY).verbs
    assert (verb.name, verb.by) == ("sync", "ann")
    retry = verb.arguments["retry"]
    assert Retry.model_validate(retry) == Retry(limit=2)
    assert {**verb.arguments, "retry": None} == {
        "revisions": ("abc",),
        "prune": True,
        "dry_run": True,
        "hooks": False,
        "force": True,
        "resources": ({"group": "apps", "kind": "Deployment", "name": "web", "namespace": ""},),
        "options": ("PruneLast=true",),
        "automated": False,
        "retry": None,
    }
    assert ArgoApplication().acknowledge(given, verb) == WriteBack(fields={"operation": None})


def test_a_sync_operation_with_manifests_is_refused() -> None:
    given = {**manifest(), "operation": {"sync": {"manifests": ["{}"]}}}
    with pytest.raises(UserError, match="not supported yet"):
        ArgoApplication().read(given, NOBODY)


def test_terminate_is_asked_for_in_the_status() -> None:
    status = {"operationState": {"phase": "Terminating", "startedAt": "2026-11-25T10:00:00Z"}}
    (verb,) = ArgoApplication().read({**manifest(), "status": status}, NOBODY).verbs
    assert verb == Verb(name="terminate", token="2026-11-25T10:00:00Z")
    ended = {"operationState": {**status["operationState"], "finishedAt": "2026-11-25T10:01:00Z"}}
    assert ArgoApplication().read({**manifest(), "status": ended}, NOBODY).verbs == ()


def test_reading_changes_nothing() -> None:
    given = manifest(syncPolicy={"automated": None})
    ArgoApplication().read(given, NOBODY)
    assert given == manifest(syncPolicy={"automated": None})


class WithConfigMap:
    def __init__(self, **data: Any) -> None:
        self.data = data

    def get(self, ref: Any) -> Any:
        assert (ref.kind, ref.namespace, ref.name) == ("ConfigMap", "argocd", "argocd-cm")
        return {"kind": "ConfigMap", "data": self.data}

    def list(self, ref: Any) -> tuple[()]:
        return ()


@pytest.mark.parametrize(
    ("data", "config", "expected"),
    [
        ({}, {}, ("annotation", "app.kubernetes.io/instance")),
        ({"application.resourceTrackingMethod": "label"}, {}, ("label", "app.kubernetes.io/instance")),
        ({"application.instanceLabelKey": "acme/app"}, {}, ("annotation", "acme/app")),
        ({"application.resourceTrackingMethod": "label"}, {"tracking": "annotation+label"}, ("annotation+label", None)),
        ({"application.instanceLabelKey": "acme/app"}, {"instance_label": "mine/app"}, ("annotation", "mine/app")),
    ],
)
def test_tracking_as_the_stacks_own_settings_say(data: Any, config: Any, expected: Any) -> None:
    (app,) = ArgoApplication(**config).read(manifest(), WithConfigMap(**data)).objects
    assert isinstance(app, Application)
    assert app.camp.tracking == expected[0]
    assert expected[1] in {None, app.camp.instance_label}


def test_a_tracking_method_that_does_not_exist() -> None:
    others = WithConfigMap(**{"application.resourceTrackingMethod": "labels"})
    with pytest.raises(UserError, match="did you mean 'label'"):
        ArgoApplication().read(manifest(), others)
