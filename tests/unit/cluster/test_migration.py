from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plat.api import JSON
from plat.cluster.migration import appliers, dropped, migrated, union

Fields = dict[str, Any]


def of_spec(name: str) -> Fields:
    return {"f:spec": {f"f:{name}": {}}}


REPLICAS, IMAGE, PAUSED = of_spec("replicas"), of_spec("image"), of_spec("paused")


def entry(manager: str, operation: str, fields: Fields, subresource: str = "", **more) -> dict:
    found = {
        "manager": manager,
        "operation": operation,
        "apiVersion": "apps/v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    return found | ({"subresource": subresource} if subresource else {}) | more


def live(*entries) -> dict:
    return {"kind": "Deployment", "metadata": {"name": "web", "managedFields": list(entries)}}


def only(found: list[JSON] | None) -> JSON:
    assert found is not None
    (one,) = found
    return one


KUBECTL = entry("kubectl-client-side-apply", "Update", REPLICAS)
OURS = entry("argocd-controller", "Apply", IMAGE, time="2026-01-01T00:00:00Z")
HPA = entry("hpa", "Update", REPLICAS, "scale")


def test_what_the_client_side_owns_is_added_to_ours():
    both: Fields = {"f:spec": {"f:replicas": {}, "f:image": {}}}
    assert migrated(live(HPA, KUBECTL, OURS), "argocd-controller") == [HPA, {**OURS, "fieldsV1": both}]


def test_the_entry_becomes_ours_where_we_have_none():
    assert migrated(live(KUBECTL, HPA), "argocd-controller") == [entry("argocd-controller", "Apply", REPLICAS), HPA]


def test_several_entries_become_one():
    other = entry("kubectl-client-side-apply", "Update", PAUSED)
    ours = only(migrated(live(KUBECTL, other), "me"))
    assert ours["fieldsV1"] == {"f:spec": {"f:replicas": {}, "f:paused": {}}}


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [OURS, HPA],
        [entry("kubectl-client-side-apply", "Apply", REPLICAS)],
        [entry("kubectl-client-side-apply", "Update", REPLICAS, "status")],
        [entry("kubectl-edit", "Update", REPLICAS)],
    ],
)
def test_nothing_to_move(entries):
    assert appliers(live(*entries), "argocd-controller") == ()
    assert migrated(live(*entries), "argocd-controller") is None


NOTED: Fields = {"f:metadata": {"f:annotations": {"f:kubectl.kubernetes.io/last-applied-configuration": {}}}}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([KUBECTL], ("kubectl-client-side-apply",)),
        ([entry("argocd-controller", "Update", NOTED)], ("argocd-controller",)),
        ([KUBECTL, entry("argocd-controller", "Update", NOTED)], ("argocd-controller", "kubectl-client-side-apply")),
        ([entry("argocd-controller", "Update", REPLICAS)], ()),  # it has replaced the object
        ([entry("argocd-controller", "Apply", NOTED)], ()),
        ([entry("somebody-else", "Update", NOTED)], ()),
    ],
)
def test_from_whom_is_taken_over(entries, expected):
    assert appliers(live(*entries), "argocd-controller") == expected


def test_our_own_client_side_applies_become_server_side_ones():
    own = entry("argocd-controller", "Update", NOTED)
    ours = only(migrated(live(OURS, own), "argocd-controller", ("argocd-controller",)))
    assert (ours["operation"], ours["fieldsV1"]) == ("Apply", {**IMAGE, **NOTED})


@pytest.mark.parametrize(
    "odd",
    [None, {}, {"metadata": None}, {"metadata": {"managedFields": "x"}}, {"metadata": {"managedFields": [1, None]}}],
)
def test_odd_objects_never_raise(odd):
    assert appliers(odd, "argocd-controller") == ()
    assert dropped(odd or {}, {}, "argocd-controller") == ()


LAST = "kubectl.kubernetes.io/last-applied-configuration"


def applied(last, fields, now, manager="kubectl-client-side-apply"):
    """Return an object that `last` was applied to on the client's side, whose applier owns `fields`, as it is `now`."""
    found = live(entry(manager, "Update", fields | NOTED))
    found["metadata"]["annotations"] = {LAST: last if isinstance(last, str) else json.dumps(last)}
    return found | now


@pytest.mark.parametrize(
    ("last", "now", "desired", "expected"),
    [
        ({"data": {"a": "1", "b": "2"}}, {"data": {"a": "1", "b": "2"}}, {"data": {"a": "1"}}, (".data.b",)),
        ({"data": {"a": "1", "b": "2"}}, {"data": {"a": "1"}}, {"data": {"a": "1"}}, ()),  # gone already
        ({"data": {"a": "1"}}, {"data": {"a": "1", "b": "2"}}, {"data": {"a": "1"}}, ()),  # the server's default
        ({"data": {"a": "1"}}, {"data": {"a": "1"}}, {"data": {"a": "2"}}, ()),  # a change is another matter
        ("not JSON", {"data": {"a": "1"}}, {}, ()),
        ("[]", {"data": {"a": "1"}}, {}, ()),
    ],
)
def test_what_the_last_apply_wrote_and_is_not_wanted_any_more(last, now, desired, expected):
    fields: Fields = {"f:data": {"f:a": {}, "f:b": {}}}
    assert dropped(applied(last, fields, now), desired, "argocd-controller") == expected


def test_items_of_lists_are_told_apart_by_their_keys():
    ports: Fields = {'k:{"port":80,"protocol":"TCP"}': {"f:port": {}}, 'k:{"port":81,"protocol":"TCP"}': {"f:port": {}}}
    last = {"spec": {"ports": [{"port": 80}, {"port": 81}]}}
    now = {"spec": {"ports": [{"port": 80, "protocol": "TCP"}, {"port": 81, "protocol": "TCP"}]}}
    desired = {"spec": {"ports": [{"port": 80}]}}
    found = dropped(applied(last, {"f:spec": {"f:ports": ports}}, now), desired, "argocd-controller")
    assert found == ('.spec.ports[port=81,protocol="TCP"].port',)


def test_what_somebody_else_applied_is_theirs():
    last = {"data": {"a": "1"}}
    theirs = applied(last, {"f:data": {"f:a": {}}}, last, manager="somebody-else")
    assert dropped(theirs, {}, "argocd-controller") == ()


EMPTY: Fields = {}
FIELDS: st.SearchStrategy[Fields] = st.recursive(
    st.just(EMPTY),
    lambda inner: st.dictionaries(st.sampled_from(["f:a", "f:b", "k:{}", "."]), inner, max_size=3),
    max_leaves=8,
)


@given(FIELDS, FIELDS)
def test_union_is_one_of_sets(one, other):
    assert union(one, other) == union(other, one)
    assert union(one, one) == one
    assert union(union(one, other), other) == union(one, other)
