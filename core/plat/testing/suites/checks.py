"""What several suites look at: purity, plain data, silence about secrets."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from plat.api import JSON, PlatError

T = TypeVar("T")

PURE: Final = 0.1
"""Seconds that a pure method may take: it runs in the loop itself (API.md §5, "Blocking")."""


def pure(call: Callable[..., T], *inputs: Any) -> T:
    """Return the answer of a pure method after asking it twice; fail where answers differ or an input was changed."""
    before = copy.deepcopy(inputs)
    first, second = _timed(call, inputs), _timed(call, copy.deepcopy(before))
    assert inputs == before, "the call changed what it was given; work on `editable(manifest)` instead"
    assert first[0] == second[0], "the same input gave another answer; use no clock, no randomness, no state"
    assert min(first[1], second[1]) < PURE, f"it took {min(first[1], second[1]):.2f} s in the loop; give it a `ctx`"
    return first[0]


def outcome(call: Callable[..., T], *inputs: Any) -> T | PlatError:
    """Return the answer or the error of `plat.api`; anything else that is raised is a bug of the plug-in's."""
    try:
        return pure(call, *inputs)
    except PlatError as error:
        return error


def plain(value: JSON, what: str) -> None:
    """Fail where a value is not JSON: no tuple keys, no dates, no objects of a class."""
    try:
        again = json.loads(json.dumps(value))
    except (TypeError, ValueError) as error:
        raise AssertionError(f"{what} is not plain JSON: {error}") from None
    assert again == _lists(value), f"{what} changes when it is written as JSON: {value!r}"


def silent(secrets: Iterable[str], texts: Iterable[object], what: str) -> None:
    """Fail where any text shows a secret."""
    shown = [str(text) for text in texts]
    for secret in secrets:
        assert not any(secret in text for text in shown), f"{what} shows the secret {secret[:2]}..."


def _timed(call: Callable[..., T], inputs: tuple[Any, ...]) -> tuple[T, float]:
    began = time.perf_counter()
    answer = call(*inputs)
    return answer, time.perf_counter() - began


def _lists(value: JSON) -> JSON:
    if isinstance(value, (list, tuple)):
        return [_lists(item) for item in value]
    if hasattr(value, "items"):
        return {key: _lists(item) for key, item in value.items()}
    return value
