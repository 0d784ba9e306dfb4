"""Parameter sets that stand in the manifest itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from plat.api import JSON, Generator, GeneratorContext, UserError
from plat_argocd.generators.parameters import Parameters

_REMEDY = "write it in quotes, or set goTemplate: true"


class ListElements(Generator):
    """`list` (spec/cluster §8.3)."""

    kind = "list"
    needs = frozenset({"render"})
    elements: tuple[Mapping[str, JSON], ...] = ()
    elements_yaml: str = ""

    async def generate(self, ctx: GeneratorContext) -> Sequence[Mapping[str, JSON]]:
        """Return the elements in order, then those of `elementsYaml` unchanged.

        Raises UserError, under the plain engine, for a value that is no string.
        """
        sets: list[Mapping[str, JSON]] = [
            element if ctx.go_template else _flat(element, f"list.elements.{index}")
            for index, element in enumerate(self.elements)
        ]
        return sets + await self._from_yaml(ctx)

    async def _from_yaml(self, ctx: GeneratorContext) -> list[Mapping[str, JSON]]:
        if not self.elements_yaml.strip():
            return []
        where = "list.elementsYaml"
        documents: Sequence[JSON] = await ctx.render.yaml(self.elements_yaml.encode(), where=where)
        elements = documents[0] if len(documents) == 1 else documents
        if not isinstance(elements, list) or not all(isinstance(item, Mapping) for item in elements):
            raise UserError("is not a list of objects", where=where, remedy="write `- key: value` lines")
        return list(elements)


def _flat(element: Mapping[str, JSON], where: str) -> Parameters:
    return dict(_items(element, where))


def _items(element: Mapping[str, JSON], where: str) -> Iterator[tuple[str, str]]:
    for key, value in element.items():
        if key == "values":
            if not isinstance(value, Mapping):
                raise UserError("must be a mapping", where=f"{where}.values", remedy="write `key: value` lines")
            for name, inner in value.items():
                yield f"values.{name}", _text(inner, f"{where}.values.{name}")
        else:
            yield key, _text(value, f"{where}.{key}")


def _text(value: JSON, where: str) -> str:
    if not isinstance(value, str):
        raise UserError("is not a string", where=where, remedy=_REMEDY)
    return value
