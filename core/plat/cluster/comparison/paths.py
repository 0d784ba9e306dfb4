"""Reading the value at a path of structured-merge-diff, such as `.spec.containers[name="web"].image`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import orjson

from plat.api import JSON, Manifest

Step: TypeAlias = str | int | dict[str, JSON]
"""A key, an index, or the keys of an item of a list."""
MASK: Final = "********"
_STEP: Final = re.compile(r"""\.([^.\[\]]+)|\[((?:"(?:\\.|[^"\\])*"|[^\]"])*)\]""")
_PAIR: Final = re.compile(r"""([^=,"]*)=("(?:\\.|[^"\\])*"|[^,]+)""")


def value_at(manifest: Manifest | None, path: str) -> JSON:
    """Return the value at a path, or None where it leads nowhere."""
    node: Any = manifest
    for step in steps_of(path):
        node = enter(node, step)
        if node is None:
            return None
    return node


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


def _is(item: Any, keys: dict[str, JSON]) -> bool:
    if set(keys) == {""}:
        return bool(item == keys[""])
    return isinstance(item, dict) and all(item.get(name) == value for name, value in keys.items())
