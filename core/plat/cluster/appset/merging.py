"""How parameter sets and templates are laid over each other. Source: spec/cluster §8.1.1 and §8.3 (matrix, merge)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from plat.api import JSON, UserError

Parameters = Mapping[str, JSON]


def filled_up(given: JSON, defaults: JSON) -> JSON:
    """Return a template with its empty fields taken from another: mappings by key, lists whole."""
    if isinstance(given, Mapping) and isinstance(defaults, Mapping):
        names = list(dict.fromkeys([*given, *defaults]))
        return {name: filled_up(given.get(name), defaults.get(name)) for name in names}
    return given if given not in (None, "", 0, False, [], {}) else defaults


def overlaid(below: Parameters, above: Parameters) -> dict[str, JSON]:
    """Return nested parameters merged by key; an empty value never wins over what is below."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            result[key] = overlaid(old, value)
        elif key not in result or value not in (None, "", 0, False, [], {}):
            result[key] = value
    return result


def combined(first: Parameters, second: Parameters, *, go: bool, where: str) -> dict[str, JSON]:
    """Return one cell of a matrix: the plain engine allows no key with two values, the other prefers child 1."""
    if go:
        return overlaid(second, first)
    for key in first.keys() & second.keys():
        if first[key] != second[key]:
            message = f"both children give {key!r}, as {first[key]!r} and as {second[key]!r}"
            raise UserError(message, where=where, remedy="rename one, for instance with pathParamPrefix")
    return {**first, **second}


def merged(
    children: Sequence[Sequence[Parameters]], keys: Sequence[str], *, go: bool, where: str
) -> list[dict[str, JSON]]:
    """Return the sets of the first child, in its order, with those of later children that have the same keys over it.

    Raises UserError where two sets of one child have the same keys.
    """
    base, *later = [_by_key(sets, keys, where=f"{where}.generators.{index}") for index, sets in enumerate(children)]
    for child in later:
        for key, parameters in child.items():
            if key in base:
                base[key] = overlaid(base[key], parameters) if go else {**base[key], **parameters}
    return [dict(parameters) for parameters in base.values()]


def _by_key(sets: Sequence[Parameters], keys: Sequence[str], *, where: str) -> dict[str, Parameters]:
    result: dict[str, Parameters] = {}
    for parameters in sets:
        key = json.dumps([parameters.get(name) for name in keys], sort_keys=True)
        if key in result:
            values = ", ".join(f"{name}={parameters.get(name)!r}" for name in keys)
            raise UserError(f"two parameter sets have {values}", where=where, remedy="add a key that tells them apart")
        result[key] = parameters
    return result
