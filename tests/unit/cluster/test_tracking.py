from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plat.api import Application, Camp, Destination, Source, ref_of
from plat.cluster.tracking import (
    TrackingId,
    instance_name,
    owner_of,
    ownership,
    parse,
    shared_warnings,
    shared_with,
    track,
    tracking_id,
)

ID = "argocd.argoproj.io/tracking-id"
INSTALLATION = "argocd.argoproj.io/installation-id"
LABEL = "app.kubernetes.io/instance"


def app(name: str = "shop", namespace: str = "argocd", **camp) -> Application:
    sources, destination = (Source(url="https://git.example/a"),), Destination(server="https://c", namespace="prod")
    return Application(name=name, namespace=namespace, sources=sources, destination=destination, camp=Camp(**camp))


def obj(version: str, kind: str, name: str, namespace: str = "", *, labels=None, **annotations) -> dict:
    metadata: dict[str, Any] = {"name": name} | ({"namespace": namespace} if namespace else {})
    metadata |= {"annotations": annotations} if annotations else {}
    return {"apiVersion": version, "kind": kind, "metadata": metadata | ({"labels": labels} if labels else {})}


WEB = obj("apps/v1", "Deployment", "web", "prod")


@pytest.mark.parametrize(
    ("application", "manifest", "expected"),
    [
        (app(), WEB, "shop:apps/Deployment:prod/web"),
        (app(), obj("v1", "Service", "web", "prod"), "shop:/Service:prod/web"),
        (app(namespace="team-a"), WEB, "team-a_shop:apps/Deployment:prod/web"),
        (app(namespace=""), WEB, "shop:apps/Deployment:prod/web"),
        (app(namespace="gitops", home="gitops"), WEB, "shop:apps/Deployment:prod/web"),
        (
            app(),
            obj("rbac.authorization.k8s.io/v1", "ClusterRole", "r"),
            "shop:rbac.authorization.k8s.io/ClusterRole:prod/r",
        ),
    ],
)
def test_ids_as_argo_cd_writes_them(application, manifest, expected):
    assert str(tracking_id(application, manifest)) == expected
    assert track(manifest, application)["metadata"]["annotations"] == {ID: expected}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("shop:apps/Deployment:prod/web", TrackingId("shop", "apps", "Deployment", "prod", "web")),
        ("shop:/Service:prod/web", TrackingId("shop", "", "Service", "prod", "web")),
        (
            "shop:rbac.authorization.k8s.io/ClusterRole:prod/system:node",
            TrackingId("shop", "rbac.authorization.k8s.io", "ClusterRole", "prod", "system:node"),
        ),
        ("", None),
        ("shop", None),
        ("shop:apps/Deployment", None),
        ("shop:Deployment:prod/web", None),
        ("shop:a/b/c:prod/web", None),
        ("shop:apps/Deployment:web", None),
        ("shop:apps/Deployment:a/b/c", None),
        (":apps/Deployment:prod/web", None),
    ],
)
def test_reading_ids(text, expected):
    assert parse(text) == expected


@given(st.text(max_size=40))
def test_reading_an_id_never_raises(text):
    parse(text)


@given(st.tuples(*[st.from_regex(r"[a-z][a-z.-]{0,9}", fullmatch=True)] * 5))
def test_what_is_written_is_read_again(parts):
    assert parse(str(TrackingId(*parts))) == TrackingId(*parts)


LONG = "a" * 62 + "-" + "b" * 10


@pytest.mark.parametrize(
    ("method", "name", "annotated", "label"),
    [
        ("annotation", "shop", True, None),
        ("label", "shop", False, "shop"),
        ("annotation+label", "shop", True, "shop"),
        ("label", LONG, False, LONG),
        ("annotation+label", LONG, True, "a" * 62),
        ("annotation+label", "x" * 63, True, "x" * 63),
        ("annotation+label", "x" * 60 + "-.-" + "y", True, "x" * 60),
    ],
)
def test_methods(method, name, annotated, label):
    metadata = track(WEB, app(name, tracking=method))["metadata"]
    assert (ID in metadata.get("annotations", {})) is annotated
    assert metadata.get("labels", {}).get(LABEL) == label


def test_the_label_may_have_another_key():
    assert track(WEB, app(tracking="label", instance_label="example.com/app"))["metadata"]["labels"] == {
        "example.com/app": "shop"
    }


def test_definitions_get_no_tracking():
    definition = obj("apiextensions.k8s.io/v1", "CustomResourceDefinition", "widgets.example.com")
    assert track(definition, app(tracking="annotation+label")) is definition


def test_the_manifest_that_is_given_stays_as_it_is_and_keeps_what_it_has():
    manifest = obj("v1", "Service", "s", "prod", labels={"a": "b"}, x="y")
    tracked = track(manifest, app(tracking="annotation+label"))
    assert manifest == obj("v1", "Service", "s", "prod", labels={"a": "b"}, x="y")
    assert tracked["metadata"]["labels"] == {"a": "b", LABEL: "shop"}
    assert tracked["metadata"]["annotations"] == {"x": "y", ID: "shop:/Service:prod/s"}


def test_null_annotations_and_labels_are_none():
    manifest = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "annotations": None, "labels": None}}
    assert track(manifest, app())["metadata"]["annotations"] == {ID: "shop:/Service:prod/s"}


COPIED = {ID: "shop:apps/Deployment:prod/web"}


@pytest.mark.parametrize(
    ("manifest", "camp", "owner"),
    [
        (track(WEB, app()), Camp(), "shop"),
        (track(WEB, app(namespace="team-a")), Camp(), "team-a_shop"),
        (WEB, Camp(), ""),
        (obj("apps/v1", "ReplicaSet", "web", "prod", **COPIED), Camp(), ""),
        (obj("apps/v1", "Deployment", "web", "dev", **COPIED), Camp(), ""),
        (obj("apps/v1", "Deployment", "other", "prod", **COPIED), Camp(), ""),
        (obj("extensions/v1beta1", "Deployment", "web", "prod", **COPIED), Camp(), ""),
        (obj("apps/v1", "Deployment", "web", "prod", **{ID: "nonsense"}), Camp(), ""),
        (
            obj(
                "rbac.authorization.k8s.io/v1",
                "ClusterRole",
                "r",
                **{ID: "shop:rbac.authorization.k8s.io/ClusterRole:anywhere/r"},
            ),
            Camp(),
            "shop",
        ),
        (obj("v1", "Service", "s", "prod", labels={LABEL: "shop"}), Camp(), ""),
        (obj("v1", "Service", "s", "prod", labels={LABEL: "shop"}), Camp(tracking="label"), "shop"),
        (obj("v1", "Service", "s", "prod", labels={LABEL: "shop"}), Camp(tracking="annotation+label"), ""),
        (track(WEB, app()), Camp(tracking="label"), ""),
        (track(WEB, app(installation_id="one")), Camp(installation_id="one"), "shop"),
        (track(WEB, app(installation_id="one")), Camp(installation_id="two"), ""),
        (track(WEB, app()), Camp(installation_id="two"), ""),
        ({"kind": "Odd", "metadata": {"name": "x", "annotations": "text"}}, Camp(), ""),
        ({"kind": "Odd", "metadata": {"name": "x", "annotations": {ID: 5}}}, Camp(), ""),
        ({"kind": "Odd", "metadata": "text"}, Camp(tracking="label"), ""),
        ({}, Camp(), ""),
    ],
)
def test_owners(manifest, camp, owner):
    assert owner_of(manifest, camp) == owner


@pytest.mark.parametrize("own", ["one", ""])
def test_the_installation_is_written_beside_the_id_and_what_was_copied_is_dropped(own):
    manifest = obj("v1", "Service", "s", "prod", **{INSTALLATION: "somebody's"})
    annotations = track(manifest, app(installation_id=own))["metadata"]["annotations"]
    assert annotations.get(INSTALLATION) == (own or None)


def test_an_object_of_two_applications():
    theirs, mine = track(WEB, app("bill")), app("shop")
    assert shared_with(theirs, mine) == "bill"
    assert shared_with(track(WEB, mine), mine) == ""
    assert shared_with(WEB, mine) == ""
    found = shared_warnings(mine, [(ref_of(WEB), owner) for owner in ("bill", "shop", "")])
    assert [(c.type, c.message) for c in found] == [
        ("SharedResourceWarning", "Deployment/web is part of applications argocd/shop and bill")
    ]


def test_instance_names():
    assert instance_name(app()) == "shop"
    assert instance_name(app(namespace="team-a")) == "team-a_shop"


@given(st.sampled_from(["annotation", "annotation+label", "label"]), st.sampled_from(["argocd", "team-a", ""]))
def test_whatever_is_tracked_is_owned_again_and_tracking_twice_changes_nothing(method, namespace):
    application = app(namespace=namespace, tracking=method)
    once = track(WEB, application)
    assert owner_of(once, application.camp) == instance_name(application)
    assert track(once, application) == once
    assert ref_of(once) == ref_of(WEB)


@pytest.mark.parametrize(
    ("camps", "owner"),
    [
        ([], "shop"),
        ([Camp()], "shop"),
        ([Camp(tracking="label")], "till"),
        ([Camp(tracking="label", instance_label="absent"), Camp()], "shop"),
    ],
)
def test_a_watch_plane_reads_owners_by_the_camps_of_the_stack(camps, owner):
    metadata = {
        "name": "web",
        "namespace": "prod",
        "annotations": {ID: "shop:/ConfigMap:prod/web"},
        "labels": {"app.kubernetes.io/instance": "till"},
    }
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    facts = ownership(camps)(manifest)
    assert (facts.owner, facts.tracking) == (owner, "shop:/ConfigMap:prod/web")
    copied = {**manifest, "metadata": {**metadata, "name": "copy", "labels": {}}}
    assert ownership(camps)(copied).owner == ""
