from __future__ import annotations

import pytest

from plat.api import Application, Destination, IgnoreRule, Ref, Source
from plat.cluster.comparison.normal import applicable, normal, without

SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}
ROLE = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"}}


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        (
            {"kind": "X", "status": {"a": 1}, "metadata": {"uid": "u", "name": "n", "managedFields": []}},
            {"kind": "X", "metadata": {"name": "n"}},
        ),
        ({**SECRET, "stringData": {"a": "b"}}, {**SECRET, "data": {"a": "Yg=="}}),
        ({**SECRET, "data": {"a": None}}, {**SECRET, "data": {"a": ""}}),
        ({**SECRET, "data": {"a": "eA=="}, "stringData": {"a": "y"}}, {**SECRET, "data": {"a": "eQ=="}}),
        ({**ROLE, "rules": []}, {**ROLE, "rules": None}),
        ({**ROLE, "rules": [{"verbs": ["get"]}]}, {**ROLE, "rules": [{"verbs": ["get"]}]}),
    ],
)
def test_both_sides_are_brought_to_one_form(manifest, expected):
    assert normal(manifest) == expected


def test_the_original_is_left_as_it_is():
    manifest = {"kind": "X", "status": {}, "metadata": {"uid": "u"}}
    normal(manifest)
    assert manifest == {"kind": "X", "status": {}, "metadata": {"uid": "u"}}


@pytest.mark.parametrize(
    ("pointers", "expected"),
    [
        (["/spec/replicas"], {"spec": {"list": [1, 2]}, "a/b": {"~c": 1}}),
        (["/spec/missing/deep", "/spec/replicas"], {"spec": {"list": [1, 2]}, "a/b": {"~c": 1}}),
        (["/spec/list/0"], {"spec": {"replicas": 3, "list": [2]}, "a/b": {"~c": 1}}),
        (["/spec/list/9"], {"spec": {"replicas": 3, "list": [1, 2]}, "a/b": {"~c": 1}}),
        (["/a~1b/~0c"], {"spec": {"replicas": 3, "list": [1, 2]}, "a/b": {}}),
    ],
)
def test_json_pointers_remove_each_on_its_own(pointers, expected):
    assert without({"spec": {"replicas": 3, "list": [1, 2]}, "a/b": {"~c": 1}}, pointers) == expected


def _app(*rules: IgnoreRule) -> Application:
    source = Source(url="https://example.com/r")
    return Application(name="shop", sources=(source,), destination=Destination(name="in-cluster"), ignore=rules)


@pytest.mark.parametrize(
    ("rule", "meant"),
    [
        (IgnoreRule(group="apps", kind="Deployment"), True),
        (IgnoreRule(group="*", kind="*"), True),
        (IgnoreRule(group="", kind="Deployment"), False),
        (IgnoreRule(group="apps", kind="Deploy*", name="web"), True),
        (IgnoreRule(group="apps", kind="Deployment", name="other"), False),
        (IgnoreRule(group="apps", kind="Deployment", namespace="prod"), True),
        (IgnoreRule(group="apps", kind="Deployment", namespace="dev"), False),
    ],
)
def test_which_rules_are_meant_for_an_object(rule, meant):
    ref = Ref(group="apps", kind="Deployment", namespace="prod", name="web")
    assert bool(applicable(_app(rule), ref)) is meant
