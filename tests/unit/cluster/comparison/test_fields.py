from __future__ import annotations

import pytest

from plat.cluster.comparison.fields import leaves, managers_of, owned_paths
from plat.cluster.comparison.paths import MASK, shown, value_at, without_paths

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "web",
        "labels": {"app.kubernetes.io/name": "web"},
        "managedFields": [
            {
                "manager": "argocd-controller",
                "operation": "Apply",
                "time": "2026-01-01T10:00:00Z",
                "fieldsV1": {
                    "f:spec": {
                        "f:template": {
                            "f:spec": {"f:containers": {'k:{"name":"web"}': {".": {}, "f:image": {}, "f:name": {}}}}
                        }
                    }
                },
            },
            {
                "manager": "kubectl-edit",
                "operation": "Update",
                "time": "2026-01-01T12:00:00Z",
                "fieldsV1": {"f:spec": {"f:replicas": {}}},
            },
        ],
    },
    "spec": {
        "replicas": 5,
        "template": {"spec": {"containers": [{"name": "web", "image": "web:1"}, {"name": "side", "image": "side:2"}]}},
    },
}
IMAGE = '.spec.template.spec.containers[name="web"].image'


def test_who_owns_a_field():
    (owner,) = managers_of(DEPLOYMENT, ".spec.replicas")
    assert (owner.name, owner.operation, owner.time) == ("kubectl-edit", "Update", "2026-01-01T12:00:00Z")
    assert [m.name for m in managers_of(DEPLOYMENT, IMAGE)] == ["argocd-controller"]
    assert [m.name for m in managers_of(DEPLOYMENT, ".spec")] == ["kubectl-edit", "argocd-controller"]
    assert managers_of(DEPLOYMENT, ".spec.replicasX") == ()
    assert managers_of({}, ".spec") == ()


def test_paths_that_a_manager_owns():
    assert owned_paths(DEPLOYMENT, frozenset({"kubectl-edit"})) == (".spec.replicas",)
    assert IMAGE in owned_paths(DEPLOYMENT, frozenset({"argocd-controller"}))


def test_leaves_of_sets_and_keys_with_several_fields():
    tree = {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {"f:name": {}}}, "f:finalizers": {'v:"a/b"': {}}}
    assert set(leaves(tree)) == {'.ports[port=80,protocol="TCP"].name', '.finalizers[="a/b"]'}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (".spec.replicas", 5),
        (IMAGE, "web:1"),
        ('.spec.template.spec.containers[name="none"].image', None),
        (".spec.template.spec.containers[1].name", "side"),
        (".spec.nothing.below", None),
        (".metadata.labels.app.kubernetes.io/name", "web"),
        (".metadata.labels.app.kubernetes.io/version", None),
        (".metadata.labels.app", None),
    ],
)
def test_values_at_paths(path, value):
    assert value_at(DEPLOYMENT, path) == value


def test_the_content_of_a_secret_is_never_shown():
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"password": "aHVudGVyMg=="}}
    assert shown(secret, ".data.password") == MASK
    assert shown(secret, ".data") == {"password": MASK}
    assert shown(secret, ".metadata.name") == "s"


PORTS = {"ports": [{"port": 53}, {"port": 53, "protocol": "UDP"}, {"port": 80, "name": "web"}, {"name": "odd"}]}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ('.ports[port=53,protocol="UDP"]', {"port": 53, "protocol": "UDP"}),
        ('.ports[port=53,protocol="TCP"]', {"port": 53}),
        ('.ports[port=80,protocol="TCP"].name', "web"),
        ('.ports[port=81,protocol="TCP"]', None),
        ('.ports[protocol="SCTP"]', None),
    ],
)
def test_an_item_without_a_defaulted_key_is_found_by_the_others(path, value):
    assert value_at(PORTS, path) == value


NODE = {"a": {"b": 1, "b.c": {"d": 2}}, "l": [{"name": "x", "i": 1}, {"name": "y.z", "i": 2}], "s": ["p/q"]}


@pytest.mark.parametrize(
    ("paths", "left"),
    [
        ([".a.b"], {**NODE, "a": {"b.c": {"d": 2}}}),
        ([".a.b.c.d"], {**NODE, "a": {"b": 1, "b.c": {}}}),
        ([".a.b.c"], {**NODE, "a": {"b": 1}}),
        (['.l[name="y.z"].i'], {**NODE, "l": [{"name": "x", "i": 1}, {"name": "y.z"}]}),
        (['.l[name="x"]', '.s[="p/q"]', ".l[0]", ".none", ".a.b.d", '.l[name="w"].i', ".l.i"], NODE),
        (['.l[name="x"].name', '.l[name="y.z"].name'], NODE),
    ],
)
def test_fields_are_taken_out_and_items_stay(paths, left):
    before = repr(NODE)
    assert without_paths(NODE, paths) == left
    assert repr(NODE) == before
