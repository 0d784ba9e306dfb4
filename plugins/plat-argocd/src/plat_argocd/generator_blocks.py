"""Generators of an ApplicationSet as the core wants them: one key, beside `template` and `selector`.

Argo CD writes a generator's own template inside its block, and a selector beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from plat.api import JSON, UserError

NESTING: Final = frozenset({"matrix", "merge"})
"""Generators that are made of others, under `generators`."""
_BESIDE: Final = frozenset({"selector"})


def generators_of(raw: Sequence[Any], *, where: str, doublestar: bool = False) -> tuple[dict[str, JSON], ...]:
    """Return the generators, with those nested in them in the same form.

    `doublestar` is the operator's choice of how `git.files` matches paths. Raises UserError for an entry that does
    not name exactly one generator.
    """
    return tuple(_generator(item, f"{where}.{index}", doublestar=doublestar) for index, item in enumerate(raw))


def _generator(raw: Any, where: str, *, doublestar: bool) -> dict[str, JSON]:
    given = {key: value for key, value in raw.items() if value is not None} if isinstance(raw, Mapping) else {}
    names = [name for name in given if name not in _BESIDE]
    if len(names) != 1:
        problem = f"more than one generator: {', '.join(names)}" if names else "names no generator"
        remedy = "one entry of the list is one generator, such as git, list, clusters or matrix"
        raise UserError(problem, where=where, remedy=remedy)
    name = names[0]
    block = given[name]
    if not isinstance(block, Mapping):
        raise UserError("must be a mapping", where=f"{where}.{name}", remedy="")
    fields = {key: value for key, value in block.items() if value is not None and key != "template"}
    if name in NESTING and isinstance(fields.get("generators"), list):
        inner = f"{where}.{name}.generators"
        fields["generators"] = list(generators_of(fields["generators"], where=inner, doublestar=doublestar))
    if name == "git" and "files" in fields and doublestar:
        fields["doublestar"] = True
    beside = {"template": block.get("template"), "selector": given.get("selector")}
    return {name: fields, **{key: value for key, value in beside.items() if value}}
