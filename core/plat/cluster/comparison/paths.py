"""Values at paths of structured-merge-diff, such as `.spec.containers[name="web"].image`. Pure.

A path names a key as it is, also one with dots (`.metadata.labels.app.kubernetes.io/name`): only the object tells which
keys there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

import orjson

from plat.api import JSON, Manifest, editable

Step: TypeAlias = str | int | dict[str, JSON]
"""A key, an index, or the keys of an item of a list."""
MASK: Final = "********"
_STEP: Final = re.compile(r"""\.([^.\[\]]+)|\[((?:"(?:\\.|[^"\\])*"|[^\]"])*)\]""")
_BRACKET: Final = re.compile(r"""\[((?:"(?:\\.|[^"\\])*"|[^\]"])*)\]""")
_STOP: Final = re.compile(r"[.\[]|$")
_PAIR: Final = re.compile(r"""([^=,"]*)=("(?:\\.|[^"\\])*"|[^,]+)""")


def value_at(manifest: Manifest | None, path: str) -> JSON:
    """Return the value at a path, or None where it leads nowhere.

    An item of a list that lacks a field of its key has the server's default there, so it is found by the others.
    """
    if not path:
        return manifest
    place = _place(manifest, path)
    return None if place is None else place[0][place[1]]


def without_paths(manifest: Manifest, paths: Iterable[str]) -> Manifest:
    """Return a copy without the fields at these paths; items of lists stay, with what tells them from each other."""
    body = editable(manifest)
    for path in paths:
        place = _place(body, path)
        if place is not None and isinstance(place[0], dict) and not _tells_apart(path, place[1]):
            del place[0][place[1]]
    return body


def shown(manifest: Manifest | None, path: str) -> JSON:
    """Return the value at a path as a person may see it: the content of a Secret is masked."""
    value = value_at(manifest, path)
    secret = manifest is not None and manifest.get("kind") == "Secret" and manifest.get("apiVersion") == "v1"
    if secret and value is not None and re.match(r"\.(data|stringData)\b", path):
        return dict.fromkeys(value, MASK) if isinstance(value, dict) else MASK
    return value


def steps_of(path: str) -> Iterator[Step]:
    """Return the steps of a path."""
    for match in _STEP.finditer(path):
        if match[1] is not None:
            yield match[1]
        elif match[2].isdigit():
            yield int(match[2])
        else:
            yield {name: orjson.loads(value) for name, value in _PAIR.findall(match[2])}


def enter(node: Any, step: Step, *, default: Any = None) -> Any:
    """Return what one step leads to."""
    if isinstance(node, dict):
        return default if isinstance(step, dict) else node.get(step if isinstance(step, str) else str(step), default)
    if not isinstance(node, list) or isinstance(step, str):
        return default
    if isinstance(step, int):
        return node[step] if step < len(node) else default
    return next((item for item in node if _is(item, step)), default)


def _place(node: Any, path: str) -> tuple[Any, Any] | None:
    """Return what holds the value at a path, and under which key or index."""
    for key, rest in _keys(node, path) if path[:1] == "." else _indexes(node, path):
        if not rest:
            return node, key
        found = _place(node[key], rest)
        if found is not None:
            return found
    return None


def _tells_apart(path: str, key: str) -> bool:
    """Whether a path ends at a field by which its item is named, as `.ports[port=80].port` does."""
    item = path.removesuffix(f".{key}")
    last = item[item.rfind("[") :] if item.endswith("]") else ""
    return key in dict(_PAIR.findall(last.strip("[]")))


def _keys(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """Give the keys that a path may begin with, the longest first, each with the rest of the path."""
    if isinstance(node, dict):
        for stop in reversed([match.start() for match in _STOP.finditer(path, 1)]):
            if path[1:stop] in node:
                yield path[1:stop], path[stop:]


def _indexes(node: Any, path: str) -> Iterator[tuple[int, str]]:
    match = _BRACKET.match(path)
    if match is None or not isinstance(node, list):
        return
    (step,) = steps_of(match[0])
    items = range(len(node))
    if isinstance(step, int):
        found = step if step in items else None
    else:
        keys: dict[str, JSON] = step if isinstance(step, dict) else {}
        exact = next((index for index in items if _is(node[index], keys)), None)
        found = next((index for index in items if _nearly(node[index], keys)), None) if exact is None else exact
    if found is not None:
        yield found, path[match.end() :]


def _is(item: Any, keys: dict[str, JSON]) -> bool:
    if set(keys) == {""}:
        return bool(item == keys[""])
    return isinstance(item, dict) and all(item.get(name) == value for name, value in keys.items())


def _nearly(item: Any, keys: dict[str, JSON]) -> bool:
    """Whether an item has what it has of these keys."""
    if not isinstance(item, dict) or not keys.keys() & item.keys():
        return False
    return all(item[name] == value for name, value in keys.items() if name in item)
