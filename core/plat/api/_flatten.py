"""Values as Go prints them with `%v`, and nested values with flat keys: what ApplicationSets see (spec/cluster §8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from plat.api._values import JSON

_LEAST_EXPONENT: Final = -4
_SHORT_EXPONENT: Final = 6


def go_text(value: JSON) -> str:
    """Return a scalar of JSON as Go prints it, where every number is a float64: 8080, but 1e+06 and `<nil>`."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return _number(float(value))
    return str(value)


def flattened(value: JSON) -> dict[str, str]:
    """Return the leaves of a value as text, under keys joined by dots: `a.b`, `list.0`."""
    return dict(_leaves(value, ""))


def _leaves(value: JSON, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        items: list[tuple[str, JSON]] = [(str(name), item) for name, item in value.items()]
    elif isinstance(value, (list, tuple)):
        items = [(str(index), item) for index, item in enumerate(value)]
    else:
        yield key, go_text(value)
        return
    for name, item in items:
        yield from _leaves(item, f"{key}.{name}" if key else name)


def _number(value: float) -> str:
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    if not isinstance(exponent, int):
        return {"inf": "-Inf" if sign else "+Inf"}.get(str(abs(value)), "NaN")
    power = len(digits) - 1 + exponent
    if _LEAST_EXPONENT <= power < _SHORT_EXPONENT:
        return format(Decimal(repr(value)).normalize(), "f")
    head = str(digits[0]) + ("." + "".join(map(str, digits[1:])) if len(digits) > 1 else "")
    return f"{'-' if sign else ''}{head}e{'-' if power < 0 else '+'}{abs(power):02}"
