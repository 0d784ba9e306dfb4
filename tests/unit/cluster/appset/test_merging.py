from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from plat.cluster.appset.merging import filled_up, overlaid

LEAVES = st.sampled_from(["", "a", "b", 0, 1, False, True, None]) | st.lists(st.integers(0, 2), max_size=2)
VALUES = st.recursive(LEAVES, lambda inner: st.dictionaries(st.sampled_from("xyz"), inner, max_size=3), max_leaves=8)
SETS = st.dictionaries(st.sampled_from("xyz"), VALUES, max_size=3)


@given(SETS)
def test_nothing_laid_over_or_under_changes_nothing(value: dict[str, Any]) -> None:
    assert overlaid(value, {}) == value
    assert overlaid({}, value) == value
    assert overlaid(value, value) == value
    assert filled_up(value, value) == value


@given(SETS, SETS)
def test_no_key_is_lost_and_none_invented(below: dict[str, Any], above: dict[str, Any]) -> None:
    assert overlaid(below, above).keys() == below.keys() | above.keys()
    assert filled_up(above, below).keys() == below.keys() | above.keys()


@given(SETS, SETS)
def test_laying_over_twice_is_once(below: dict[str, Any], above: dict[str, Any]) -> None:
    once = overlaid(below, above)
    assert overlaid(once, above) == once


@given(SETS, SETS)
def test_what_is_given_is_not_changed(below: dict[str, Any], above: dict[str, Any]) -> None:
    kept = repr((below, above))
    overlaid(below, above)
    filled_up(above, below)
    assert repr((below, above)) == kept
