"""Every small damage that can be done to plain data: what a plug-in must survive or refuse, never stumble over."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Final

from plat.api import JSON

WRONG: Final[tuple[JSON, ...]] = (None, 7, True, "text", [], ["text"], {}, {"key": "text"})
"""Values of every type, put where others belong."""


def damaged(value: JSON) -> Iterator[tuple[str, JSON]]:
    """Yield (what was done, the damaged copy): each field taken away, and each replaced by values of other types."""
    for path in _paths(value, ()):
        name = ".".join(map(str, path))
        yield f"without {name}", _without(value, path)
        for wrong in WRONG:
            yield f"with {name}={wrong!r}", _replaced(value, path, wrong)


def _paths(value: JSON, above: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    items: list[tuple[str | int, JSON]] = []
    if isinstance(value, Mapping):
        items = list(value.items())
    elif isinstance(value, (list, tuple)):
        items = list(enumerate(value))
    for key, inside in items:
        yield (*above, key)
        yield from _paths(inside, (*above, key))


def _without(value: JSON, path: tuple[str | int, ...]) -> JSON:
    changed, holder = _opened(value, path)
    del holder[path[-1]]
    return changed


def _replaced(value: JSON, path: tuple[str | int, ...], wrong: JSON) -> JSON:
    changed, holder = _opened(value, path)
    holder[path[-1]] = copy.deepcopy(wrong)
    return changed


def _opened(value: JSON, path: tuple[str | int, ...]) -> tuple[JSON, JSON]:
    changed = copy.deepcopy(value)
    holder = changed
    for step in path[:-1]:
        holder = holder[step]
    return changed, holder
