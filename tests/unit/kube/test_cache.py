from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from plat.api import Kind, Ref
from plat.kube import Cache, Change, Facts, Live, live_of, tracking_by

WIDGET = Kind(group="example.io", kind="Widget")
TRACKING = "example.io/tracking"


def _live(name: str, version: int, *, owner: str = "", parent: str = "", namespace: str = "a", uid: str = "") -> Live:
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": namespace,
        "uid": uid or f"uid-{name}",
        "resourceVersion": str(version),
        "annotations": {TRACKING: owner} if owner else {},
        "ownerReferences": [{"uid": parent}] if parent else [],
    }
    manifest = {"apiVersion": "example.io/v1", "kind": "Widget", "metadata": metadata}
    return live_of(manifest, extract=tracking_by(TRACKING, owner=lambda value: value.partition(":")[0]))


def _ref(name: str, namespace: str = "a") -> Ref:
    return Ref(group="example.io", kind="Widget", namespace=namespace, name=name)


def test_a_record_has_the_facts_and_parses_its_body_on_demand() -> None:
    live = _live("w", 7, owner="shop:x", parent="p")
    assert (live.version, live.uid, live.owner, live.tracking, live.parent) == ("7", "uid-w", "shop", "shop:x", "p")
    assert live.body()["metadata"]["name"] == "w"
    live.body()["metadata"]["name"] = "changed"
    assert live.body()["metadata"]["name"] == "w"


def test_the_controller_is_the_first_parent() -> None:
    references = [{"uid": "other"}, {"uid": "boss", "controller": True}]
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "ownerReferences": references}}
    live = live_of(manifest, extract=lambda _: Facts())
    assert (live.parents, live.deleting, live.generation) == (("boss", "other"), False, 0)


def test_older_news_are_not_believed() -> None:
    cache = Cache()
    cache.put(_live("w", 5))
    assert cache.put(_live("w", 5)) is None
    assert cache.put(_live("w", 4)) is None
    assert cache.drop(_ref("w"), version="3") is None
    newer = cache.put(_live("w", 10))
    assert newer is not None
    assert newer.before is not None
    assert (newer.before.version, newer.after and newer.after.version) == ("5", "10")


def test_what_a_write_returned_is_known_at_once_but_never_revives_what_ended_since() -> None:
    cache = Cache()
    assert cache.learn(_live("w", 5)) is not None
    cache.drop(_ref("w"), version="6")
    assert cache.learn(_live("w", 5)) is None
    assert cache.get(_ref("w")) is None
    assert cache.learn(_live("w", 7, uid="new")) is not None


def test_a_list_computes_what_ended_and_keeps_what_is_newer() -> None:
    cache = Cache()
    cache.put(_live("gone", 3))
    cache.put(_live("kept", 4))
    cache.learn(_live("written", 12))
    changes = list(cache.replace(WIDGET, [_live("kept", 4), _live("new", 8)], version="10"))
    assert {(c.ref.name, c.after is not None) for c in changes} == {("gone", False), ("new", True)}
    assert {live.ref.name for live in cache.of(WIDGET)} == {"kept", "new", "written"}


def test_a_list_of_one_namespace_leaves_the_others() -> None:
    cache = Cache()
    cache.put(_live("w", 3))
    cache.put(_live("w", 4, namespace="b"))
    list(cache.replace(WIDGET, [], version="10", namespace="b"))
    assert [live.ref.namespace for live in cache.of(WIDGET)] == ["a"]


def test_forgetting_a_kind_tells_every_object() -> None:
    cache = Cache()
    cache.put(_live("w", 3, owner="shop", parent="p"))
    assert [c.ref.name for c in cache.forget(WIDGET)] == ["w"]
    assert (len(cache), cache.owned("shop"), cache.children("p"), cache.by_uid("uid-w")) == (0, [], [], None)


_names = st.sampled_from("abc")
_step = st.one_of(
    st.tuples(st.just("put"), _names, st.sampled_from(["", "x", "y"]), st.sampled_from(["", "p", "q"])),
    st.tuples(st.just("drop"), _names, st.just(""), st.just("")),
    st.tuples(st.just("list"), st.sets(_names).map(lambda names: "".join(sorted(names))), st.just("x"), st.just("")),
)


@given(st.lists(_step, max_size=30))
def test_indexes_always_agree_with_the_objects_and_the_changes_tell_all(steps: list[tuple[str, str, str, str]]) -> None:
    cache, model, told = Cache(), dict[Ref, Live](), dict[Ref, Live]()

    def hear(change: Change | None) -> None:
        if change is None:
            return
        assert change.before == told.get(change.ref)
        told.pop(change.ref, None)
        if change.after is not None:
            told[change.ref] = change.after

    for version, (what, name, owner, parent) in enumerate(steps, start=1):
        if what == "put":
            live = _live(name, version, owner=owner, parent=parent)
            model[live.ref] = live
            hear(cache.put(live))
        elif what == "drop":
            model.pop(_ref(name), None)
            hear(cache.drop(_ref(name), version=str(version)))
        else:
            model = {_ref(n): _live(n, version, owner=owner) for n in name}
            for change in cache.replace(WIDGET, model.values(), version=str(version)):
                hear(change)
    assert {live.ref: live for live in cache.of(WIDGET)} == model == told
    for owner in ("x", "y"):
        assert {v.ref for v in cache.owned(owner)} == {r for r, v in model.items() if v.owner == owner}
    for parent in ("p", "q"):
        assert {v.ref for v in cache.children(parent)} == {r for r, v in model.items() if v.parent == parent}
    assert set(cache.owners()) == {v.owner for v in model.values() if v.owner}
    assert all(cache.by_uid(v.uid) is v for v in cache.of(WIDGET))


def test_tracking_survives_odd_objects() -> None:
    extract = tracking_by(TRACKING)
    for metadata in ({}, {"annotations": None}, {"annotations": {TRACKING: None}}):
        assert extract(orjson.loads(orjson.dumps({"metadata": metadata}))) == Facts()
