from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plat.cluster.migration import migrated, needs_migration, union

REPLICAS, IMAGE, PAUSED = ({"f:spec": {f"f:{name}": {}}} for name in ("replicas", "image", "paused"))


def entry(manager: str, operation: str, fields, subresource: str = "", **more) -> dict:
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


KUBECTL = entry("kubectl-client-side-apply", "Update", REPLICAS)
OURS = entry("argocd-controller", "Apply", IMAGE, time="2026-01-01T00:00:00Z")
HPA = entry("hpa", "Update", REPLICAS, "scale")


def test_what_the_client_side_owns_is_added_to_ours():
    both = {"f:spec": {"f:replicas": {}, "f:image": {}}}
    assert migrated(live(HPA, KUBECTL, OURS), "argocd-controller") == [HPA, {**OURS, "fieldsV1": both}]


def test_the_entry_becomes_ours_where_we_have_none():
    assert migrated(live(KUBECTL, HPA), "argocd-controller") == [entry("argocd-controller", "Apply", REPLICAS), HPA]


def test_several_entries_become_one():
    other = entry("kubectl-client-side-apply", "Update", PAUSED)
    (ours,) = migrated(live(KUBECTL, other), "me")
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
    assert not needs_migration(live(*entries))
    assert migrated(live(*entries), "argocd-controller") is None


def test_another_manager_may_be_named():
    edited = live(entry("kubectl-edit", "Update", REPLICAS))
    assert needs_migration(edited, "kubectl-edit")
    assert migrated(edited, "me", "kubectl-edit") == [entry("me", "Apply", REPLICAS)]


@pytest.mark.parametrize(
    "odd",
    [None, {}, {"metadata": None}, {"metadata": {"managedFields": "x"}}, {"metadata": {"managedFields": [1, None]}}],
)
def test_odd_objects_never_raise(odd):
    assert not needs_migration(odd)


FIELDS = st.recursive(
    st.just({}),
    lambda inner: st.dictionaries(st.sampled_from(["f:a", "f:b", "k:{}", "."]), inner, max_size=3),
    max_leaves=8,
)


@given(FIELDS, FIELDS)
def test_union_is_one_of_sets(one, other):
    assert union(one, other) == union(other, one)
    assert union(one, one) == one
    assert union(union(one, other), other) == union(one, other)
