from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plat.api import UserError
from plat.store import difference, merge, same
from plat.store.encoding import dump, load

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # machines that tests share are slow
SCALARS = st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3)
NAMES = st.sampled_from(["a", "b", "c", "ü"])


def values(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(leaves, lambda deep: st.lists(deep, max_size=3) | st.dictionaries(NAMES, deep), max_leaves=8)


FULL = values(SCALARS)
OBJECTS = st.dictionaries(NAMES, FULL)
PATCHES = values(SCALARS | st.none())

# The table of RFC 7386, appendix A.
RFC = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "patch", "result"), RFC)
def test_the_table_of_the_rfc(target: Any, patch: Any, result: Any) -> None:
    assert merge(target, patch) == result


@UNHURRIED
@given(OBJECTS, OBJECTS)
def test_a_difference_makes_the_one_of_the_other(before: Any, after: Any) -> None:
    assert same(merge(before, difference(before, after)), after)


@UNHURRIED
@given(OBJECTS)
def test_equal_objects_differ_by_nothing(value: Any) -> None:
    assert difference(value, copy.deepcopy(value)) == {}


@UNHURRIED
@given(PATCHES, PATCHES)
def test_a_patch_applied_twice_is_the_patch_applied_once(target: Any, patch: Any) -> None:
    once = merge(target, patch)
    assert same(merge(once, patch), once)


@UNHURRIED
@given(PATCHES, PATCHES)
def test_nothing_given_is_changed(target: Any, patch: Any) -> None:
    kept = copy.deepcopy((target, patch))
    merge(target, patch)
    difference(target, patch)
    assert (target, patch) == kept


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [(1, True, False), (0, False, False), (1, 1.0, True), ([1], [True], False), ({"a": 1}, {"a": True}, False)],
)
def test_true_is_not_one(one: Any, other: Any, *, equal: bool) -> None:
    assert same(one, other) is equal
    assert difference({"x": one}, {"x": other}) == ({} if equal else {"x": other})


@UNHURRIED
@given(PATCHES)
def test_what_is_written_comes_back_and_always_the_same_way(value: Any) -> None:
    text = dump(value)
    assert same(load(text), value)
    assert dump(load(text)) == text


@pytest.mark.parametrize("value", [object(), {"a": {1: 2}}, "\ud800", 2**70, b"bytes"])
def test_what_is_no_json_is_refused(value: Any) -> None:
    with pytest.raises(UserError, match="cannot be stored") as caught:
        dump(value, where="Freight f1")
    assert caught.value.where == "Freight f1"
