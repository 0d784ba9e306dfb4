"""From generators to parameter sets: calls, selectors, matrix and merge (spec/cluster §8.1 and §8.3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from plat.api import JSON, UserError, nearest
from plat.cluster.appset.engines import Engine, Parameters
from plat.cluster.appset.merging import combined, merged, overlaid
from plat.cluster.appset.selector import selected

CallGenerator = Callable[[str, Mapping[str, JSON]], Awaitable[Sequence[Parameters]]]
"""`await call(key, fields)`: the sets of one generator, in a stable order. It raises for what fails."""

Fields = Mapping[str, JSON]
"""What stands below a generator's key."""

NESTING: Final = frozenset({"matrix", "merge"})
_BESIDE: Final = frozenset({"template", "selector"})
_DEEPEST: Final = 1
_CELLS: Final = 2


@dataclass(frozen=True)
class Sets:
    """Parameter sets with the template of the generator that they come from."""

    sets: tuple[Parameters, ...]
    template: Mapping[str, JSON]


def named(generator: Mapping[str, JSON], *, where: str) -> tuple[str, Mapping[str, JSON]]:
    """Return the key under which a generator stands, and its fields. Raises UserError unless it is exactly one."""
    names = [name for name in generator if name not in _BESIDE]
    if len(names) != 1:
        raise UserError("one generator is required", where=where, remedy="such as git, list, clusters or matrix")
    fields = generator[names[0]]
    if not isinstance(fields, Mapping):
        raise UserError("must be a mapping", where=f"{where}.{names[0]}")
    return names[0], fields


def generator_kind(key: str, fields: Collection[str], kinds: Collection[str]) -> str:
    """Return the plug-in kind of a generator: its key, or `key.field` where one key covers several.

    Raises UserError with the nearest known kind.
    """
    if key in kinds:
        return key
    several = [kind for kind in kinds if kind.partition(".")[0] == key]
    found = [kind for kind in several if kind.partition(".")[2] in fields]
    if len(found) == 1:
        return found[0]
    choices = " or ".join(sorted(kind.partition(".")[2] for kind in several))
    if several:
        problem = f"needs {choices}" if not found else f"takes only one of {choices}"
        raise UserError(problem, where=key, remedy="keep one of them" if found else f"add {choices}")
    known = sorted({*(kind.partition(".")[0] for kind in kinds), *NESTING})
    raise UserError(f"no plug-in provides generator {key!r}", where=key, remedy=nearest(key, known))


async def parameter_sets(
    generators: Sequence[Mapping[str, JSON]], call: CallGenerator, engine: Engine, *, where: str = "spec.generators"
) -> list[Sets]:
    """Return what each generator gives, in order. Raises what a generator raises; then nothing may be changed."""
    walk = _Walk(call, engine)
    return [
        Sets(tuple(await walk.sets(generator, {}, f"{where}.{index}")), generator.get("template") or {})
        for index, generator in enumerate(generators)
    ]


class _Walk:
    """One walk through generators that may be made of others."""

    def __init__(self, call: CallGenerator, engine: Engine) -> None:
        self._call, self._engine = call, engine

    async def sets(
        self, generator: Mapping[str, JSON], given: Parameters, where: str, *, depth: int = 0
    ) -> list[Parameters]:
        key, fields = named(generator, where=where)
        place = f"{where}.{key}"
        if key in NESTING:
            if depth > _DEEPEST:
                raise UserError(
                    "is nested too deeply", where=place, remedy="only one level of matrix or merge may nest"
                )
            make = self._matrix if key == "matrix" else self._merge
            sets = await make(fields, given, place, depth=depth)
        else:
            sets = list(await self._call(key, await self._filled(fields, given)))
        selector = await self._filled(generator.get("selector"), given)
        return selected(sets, selector, where=f"{where}.selector")

    async def _filled(self, value: JSON, given: Parameters) -> JSON:
        return (await self._engine.fill([(value, given)]))[0] if given else value

    async def _matrix(
        self, fields: Mapping[str, JSON], given: Parameters, where: str, *, depth: int
    ) -> list[Parameters]:
        children = _children(fields, where, allowed=frozenset({"generators"}))
        if len(children) != _CELLS:
            raise UserError(f"has {len(children)} children", where=f"{where}.generators", remedy="give exactly two")
        first, second = children
        cells: list[Parameters] = []
        for outer in await self.sets(first, given, f"{where}.generators.0", depth=depth + 1):
            seen = overlaid(outer, given)
            sets = await self.sets(second, seen, f"{where}.generators.1", depth=depth + 1)
            cells += [combined(outer, inner, go=self._engine.go, where=where) for inner in sets]
        return cells

    async def _merge(
        self, fields: Mapping[str, JSON], given: Parameters, where: str, *, depth: int
    ) -> list[Parameters]:
        children = _children(fields, where, allowed=frozenset({"generators", "mergeKeys"}))
        keys = fields.get("mergeKeys")
        if not isinstance(keys, (list, tuple)) or not keys:
            raise UserError("is required", where=f"{where}.mergeKeys", remedy="name the keys by which sets are matched")
        if len(children) < _CELLS:
            raise UserError("needs at least two children", where=f"{where}.generators", remedy="add one")
        places = [f"{where}.generators.{index}" for index in range(len(children))]
        sets = [
            await self.sets(child, given, place, depth=depth + 1) for child, place in zip(children, places, strict=True)
        ]
        return list(merged(sets, [str(key) for key in keys], go=self._engine.go, where=where))


def _children(fields: Mapping[str, JSON], where: str, *, allowed: frozenset[str]) -> Sequence[Mapping[str, JSON]]:
    for name in fields:
        if name not in allowed:
            raise UserError(f"unknown field {name!r}", where=f"{where}.{name}", remedy=nearest(name, sorted(allowed)))
    children = fields.get("generators")
    if not isinstance(children, (list, tuple)) or not all(isinstance(child, Mapping) for child in children):
        raise UserError(
            "must be a list of generators", where=f"{where}.generators", remedy="see the reference of matrix"
        )
    return children
