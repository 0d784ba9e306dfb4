"""Where something stands in a YAML file, for errors that name a line."""

from __future__ import annotations

import re
from collections.abc import Sequence

_KEY = re.compile(r"""^(?P<indent>\s*(?:-\s+)*)(?P<quote>["']?)(?P<key>[^"'#:\s][^"':]*)(?P=quote)\s*:(?:\s|$)""")


def line_of(text: str, path: Sequence[str], *, start: int = 1) -> int:
    """Return the line (from 1) of a dotted path in block style, as far as it can be followed.

    `start` is the line at which the document begins. Flow style and anchors are not followed: the line of the
    nearest enclosing key is returned then, which is where a person has to look anyway.
    """
    lines = text.splitlines()
    here, depth, position = start, -1, start - 1
    for step in path:
        found = _search(lines, step, position, depth)
        if found is None:
            break
        index, depth = found
        here, position = index + 1, index + (0 if step.isdigit() else 1)
    return here


def _search(lines: list[str], step: str, position: int, depth: int) -> tuple[int, int] | None:
    if step.isdigit():
        return _item(lines, int(step), position, depth)
    level = -1
    for index in range(position, len(lines)):
        if lines[index].startswith("---") and index > position:
            return None
        match = _KEY.match(lines[index])
        if match is None:
            continue
        indent = len(match["indent"])
        if indent <= depth and index > position:
            return None
        if level < 0 and indent > depth:
            level = indent
        if indent == level and match["key"].strip() == step:
            return index, indent
    return None


def _item(lines: list[str], number: int, position: int, depth: int) -> tuple[int, int] | None:
    seen, dash_at = -1, -1
    for index in range(position, len(lines)):
        stripped = lines[index].lstrip()
        indent = len(lines[index]) - len(stripped)
        if not stripped.startswith("-"):
            continue
        if dash_at < 0:
            dash_at = indent
        if indent < dash_at or indent < depth:
            return None
        if indent == dash_at:
            seen += 1
        if seen == number:
            return index, indent
    return None
