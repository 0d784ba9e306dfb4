"""The selector of a generator: a label selector over flattened parameters, with any value allowed (§8.1.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict

from plat.api import JSON, UserError, checked, flattened, nearest, outside

_TESTS: Final[Mapping[str, Callable[[str | None, Sequence[str]], bool]]] = {
    "In": lambda value, values: value in values,
    "NotIn": lambda value, values: value not in values,
    "Exists": lambda value, _: value is not None,
    "DoesNotExist": lambda value, _: value is None,
}
_NEEDS_VALUES: Final = frozenset({"In", "NotIn"})


class Expression(BaseModel):
    """One requirement."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=outside)
    key: str
    operator: str
    values: tuple[str, ...] = ()


class Selector(BaseModel):
    """All requirements must hold; none selects everything."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=outside)
    match_labels: Mapping[str, str] = {}
    match_expressions: tuple[Expression, ...] = ()

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Say whether flat labels satisfy every requirement."""
        return all(labels.get(key) == value for key, value in self.match_labels.items()) and all(
            _TESTS[expression.operator](labels.get(expression.key), expression.values)
            for expression in self.match_expressions
        )


def read_selector(data: JSON, *, where: str) -> Selector:
    """Return a selector. Raises UserError for an unknown operator, or for values where none or some are needed."""
    selector = checked(Selector, data or {}, where=where)
    for index, expression in enumerate(selector.match_expressions):
        place = f"{where}.matchExpressions.{index}"
        if expression.operator not in _TESTS:
            remedy = nearest(expression.operator, list(_TESTS))
            raise UserError(f"no operator {expression.operator!r}", where=f"{place}.operator", remedy=remedy)
        if (expression.operator in _NEEDS_VALUES) != bool(expression.values):
            problem = "needs values" if expression.operator in _NEEDS_VALUES else "takes no values"
            raise UserError(f"{expression.operator} {problem}", where=f"{place}.values", remedy="see label selectors")
    return selector


def selected(sets: Sequence[Mapping[str, JSON]], data: JSON, *, where: str) -> list[Mapping[str, JSON]]:
    """Return the parameter sets that a selector selects; without a selector, all."""
    if not data:
        return list(sets)
    selector = read_selector(data, where=where)
    return [item for item in sets if selector.selects(flattened(item))]
