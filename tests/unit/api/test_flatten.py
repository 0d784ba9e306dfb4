from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plat.api import flattened, go_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        (None, "<nil>"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (8080, "8080"),
        (999999, "999999"),
        (1000000, "1e+06"),
        (1234567, "1.234567e+06"),
        (123456789012, "1.23456789012e+11"),
        (1e20, "1e+20"),
        (-3, "-3"),
        (1.5, "1.5"),
        (0.1, "0.1"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (-1.5e-7, "-1.5e-07"),
    ],
)
def test_scalars_as_go_prints_them(value: Any, text: str) -> None:
    assert go_text(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_digit_is_lost(value: float) -> None:
    assert float(go_text(value)) == value


def test_flat_keys() -> None:
    value = {"a": {"b": 1, "c": {"d": None}}, "l": ["p", {"q": True}], "empty": {}, "none": []}
    assert flattened(value) == {"a.b": "1", "a.c.d": "<nil>", "l.0": "p", "l.1.q": "true"}
