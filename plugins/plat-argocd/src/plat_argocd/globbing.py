"""Globs of directory sources: `*` matches anything, `/` too; `?`, `[a-z]`, `[!a]`, `{a,b}` (spec/cluster §2.4)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from plat.api import UserError

_CLASS: Final = re.compile(r"\[(!?)((?:\\.|[^\]\\])+)\]")


def matches_glob(pattern: str, path: str) -> bool:
    """Say whether a path matches as a whole. Raises UserError for an unfinished class or choice."""
    return compiled(pattern).fullmatch(path) is not None


@lru_cache(maxsize=256)
def compiled(pattern: str) -> re.Pattern[str]:
    """Return the glob as a regular expression."""
    try:
        return re.compile("".join(_parts(pattern)), re.DOTALL)
    except re.error as error:
        raise UserError(f"{pattern!r} is no glob: {error}", remedy="close every [ and {") from None


def _parts(pattern: str) -> Iterator[str]:
    position, depth = 0, 0
    while position < len(pattern):
        char = pattern[position]
        step = 1
        if char in "*?":
            yield ".*" if char == "*" else "."
        elif char == "[" and (match := _CLASS.match(pattern, position)):
            body = match[2].replace("[", "\\[")
            yield f"[{'^' if match[1] else ''}{body}]"
            step = len(match[0])
        elif char == "\\" and position + 1 < len(pattern):
            yield re.escape(pattern[position + 1])
            step = 2
        elif char in "{,}" and (depth or char == "{"):
            depth += {"{": 1, "}": -1}.get(char, 0)
            yield {"{": "(?:", ",": "|", "}": ")"}[char]
        else:
            yield re.escape(char)
        position += step
