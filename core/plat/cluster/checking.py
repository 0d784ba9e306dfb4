"""What is wrong with sets, said before anything is generated: generators that nobody provides."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from plat.api import JSON, UserError
from plat.cluster.appset import NESTING, generator_kind, named
from plat.cluster.inventory import Inventory, LineOf, placed
from plat.cluster.manifests import Manifests


def set_problems(
    inventory: Inventory, manifests: Manifests, kinds: Collection[str], line_of: LineOf
) -> tuple[UserError, ...]:
    """Return the problems of all sets, each with file, line and remedy."""
    files = {found.where: found for found in manifests.found}
    return tuple(
        placed(error, files[item.where], line_of)
        for item in inventory.sets.values()
        for error in _unknown(item.object.generators, kinds, "spec.generators")
    )


def _unknown(generators: Sequence[Mapping[str, JSON]], kinds: Collection[str], where: str) -> Iterator[UserError]:
    for index, generator in enumerate(generators):
        place = f"{where}.{index}"
        try:
            key, fields = named(generator, where=place)
            if key not in NESTING:
                generator_kind(key, tuple(fields), kinds)
                continue
        except UserError as error:
            below = place if error.where.startswith("spec.") else f"{place}.{error.where}"
            yield UserError(error.args[0], where=below, remedy=error.remedy)
            continue
        children = fields.get("generators")
        if isinstance(children, (list, tuple)) and all(isinstance(child, Mapping) for child in children):
            yield from _unknown(children, kinds, f"{place}.{key}.generators")
