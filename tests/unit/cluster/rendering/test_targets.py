from __future__ import annotations

import pytest

from plat.api import Application, Destination, Source, UserError
from plat.cluster.rendering.choose import merged
from plat.cluster.rendering.environment import Recording, environment
from plat.cluster.rendering.targets import digest, make_targets
from plat.store import merge

SCOPES = {("", "Namespace"): False, ("", "ConfigMap"): True, ("apps", "Deployment"): True, ("", "Secret"): True}


def _app(**changes) -> Application:
    values = {"name": "shop", "namespace": "argocd", "sources": (Source(url="https://example.com/r"),)}
    return Application(**{**values, "destination": Destination(name="c", namespace="prod"), **changes})


def _object(kind="ConfigMap", name="a", api="v1", **metadata):
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, **metadata}}


def _targets(*objects, app=None):
    return make_targets(app or _app(), objects, lambda group, kind: SCOPES.get((group, kind)))


@pytest.mark.parametrize(
    ("manifest", "namespace"),
    [
        (_object(), "prod"),
        (_object(namespace="other"), "other"),
        (_object("Namespace", "x", namespace="wrong"), None),
        (_object("Widget", api="acme.io/v1"), "prod"),
    ],
)
def test_the_namespace_is_only_a_default_and_only_for_namespaced_kinds(manifest, namespace):
    (target,), _ = _targets(manifest)
    assert target.manifest["metadata"].get("namespace") == namespace


def test_a_definition_among_the_targets_says_the_scope_of_its_kind():
    definition = {
        **_object("CustomResourceDefinition", "widgets.acme.io", "apiextensions.k8s.io/v1"),
        "spec": {"group": "acme.io", "names": {"kind": "Widget"}, "scope": "Cluster"},
    }
    targets, _ = _targets(_object("Widget", "w", "acme.io/v1"), definition)
    assert "namespace" not in targets[0].manifest["metadata"]


def test_of_equal_keys_the_last_wins_with_one_warning():
    first, second = {**_object(), "data": {"a": "1"}}, {**_object(), "data": {"a": "2"}}
    targets, warnings = _targets(first, _object(name="b"), second)
    assert [t.ref.name for t in targets] == ["b", "a"]
    assert targets[1].manifest["data"] == {"a": "2"}
    assert [w.type for w in warnings] == ["RepeatedResourceWarning"]


def test_kinds_that_are_never_managed_are_left_out_with_a_warning():
    targets, warnings = _targets(_object("Endpoints"), _object())
    assert [t.ref.kind for t in targets] == ["ConfigMap"]
    assert [w.type for w in warnings] == ["ExcludedResourceWarning"]


@pytest.mark.parametrize(
    ("manifest", "lacks"),
    [
        ({"kind": "X", "metadata": {"name": "a"}}, "apiVersion"),
        ({"apiVersion": "v1", "metadata": {"name": "a"}}, "kind"),
        ({"apiVersion": "v1", "kind": "X", "metadata": {}}, "metadata.name"),
        ({"apiVersion": "v1", "kind": "X"}, "metadata.name"),
    ],
)
def test_an_object_without_identity_is_an_error_that_says_what_it_lacks(manifest, lacks):
    with pytest.raises(UserError, match=lacks):
        _targets(manifest)


def test_the_rendered_object_is_not_changed_and_the_same_wish_has_the_same_digest():
    manifest = _object()
    (one,), _ = _targets(manifest)
    (two,), _ = _targets({"metadata": {"name": "a"}, "kind": "ConfigMap", "apiVersion": "v1"})
    assert manifest == _object()
    assert one.digest == two.digest
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 3})


@pytest.mark.parametrize(
    ("target", "patch", "expected"),
    [
        ({"a": 1, "b": 2}, {"b": None}, {"a": 1}),
        ({"a": {"b": 1}}, {"a": {"c": 2}}, {"a": {"b": 1, "c": 2}}),
        ({"a": [1]}, {"a": [2]}, {"a": [2]}),
        ("x", {"a": 1}, {"a": 1}),
    ],
)
def test_merge_patch(target, patch, expected):
    assert merge(target, patch) == expected


def test_an_override_file_never_changes_where_a_source_comes_from():
    source = Source(url="https://example.com/r", path="x", render={"use": "kustomize", "images": ["a:1"]})
    override = {"repoURL": "https://evil.example", "path": "y", "targetRevision": "z", "kustomize": {"images": ["a:2"]}}
    changed = merged(source, override)
    assert (changed.url, changed.path, changed.revision) == ("https://example.com/r", "x", "HEAD")
    assert changed.render == {"use": "kustomize", "images": ["a:2"]}


def test_an_override_for_another_renderer_is_an_error():
    with pytest.raises(UserError, match="the override is for helm, but the source uses kustomize"):
        merged(Source(url="u", render={"use": "kustomize"}), {"helm": {}})


def test_only_variables_that_were_looked_up_become_part_of_the_key():
    env = Recording(environment(_app(), Source(url="u", path="p"), "0123456789abcdef", "v1.35.4", "v1"))
    assert env["ARGOCD_APP_REVISION_SHORT"] == "0123456"
    assert env.get("ARGOCD_APP_NAME") == "shop"
    assert env.used == {"ARGOCD_APP_REVISION_SHORT": "0123456", "ARGOCD_APP_NAME": "shop"}
