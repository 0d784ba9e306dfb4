"""Path patterns of the git generators."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from plat.api import UserError

_CLASS: Final = re.compile(r"\[(\^?)((?:\\.|[^\]\\])+)\]")


def matches(pattern: str, path: str) -> bool:
    """Say whether a path matches as Go's `path.Match` does: `*` and `?` stop at `/`, `[...]` is a class."""
    return compiled(pattern, crossing=False, doublestar=False).fullmatch(path) is not None


def matches_file(pattern: str, path: str, *, doublestar: bool) -> bool:
    """Say whether a file's path matches.

    By default as a git pathspec: `*` crosses `/`, and the name of a directory stands for all below it. With
    `doublestar` only `**` crosses, and `{a,b}` is a choice.
    """
    if doublestar:
        return compiled(pattern, crossing=False, doublestar=True).fullmatch(path) is not None
    if pattern in ("", ".") or path == pattern or path.startswith(pattern.rstrip("/") + "/"):
        return True
    return compiled(pattern, crossing=True, doublestar=False).fullmatch(path) is not None


@lru_cache(maxsize=1024)
def compiled(pattern: str, *, crossing: bool, doublestar: bool) -> re.Pattern[str]:
    """Return a pattern as a regular expression. Raises UserError for an unfinished class or choice."""
    try:
        return re.compile("".join(_parts(pattern, crossing=crossing, doublestar=doublestar)), re.DOTALL)
    except re.error as error:
        raise UserError(f"{pattern!r} is no pattern: {error}", remedy="close every [ and {") from None


def _parts(pattern: str, *, crossing: bool, doublestar: bool) -> Iterator[str]:
    position, depth = 0, 0
    one = "." if crossing else "[^/]"
    while position < len(pattern):
        char = pattern[position]
        step = 1
        if doublestar and pattern.startswith("**/", position) and (position == 0 or pattern[position - 1] == "/"):
            yield "(?:.*/)?"
            step = 3
        elif doublestar and pattern.startswith("**", position):
            yield ".*"
            step = 2
        elif char in "*?":
            yield one + ("*" if char == "*" else "")
        elif char == "[":
            text, step = _character_class(pattern, position)
            yield text
        elif char == "\\" and position + 1 < len(pattern):
            yield re.escape(pattern[position + 1])
            step = 2
        elif doublestar and char in "{,}" and (depth or char == "{"):
            depth += {"{": 1, "}": -1}.get(char, 0)
            yield {"{": "(?:", ",": "|", "}": ")"}[char]
        else:
            yield re.escape(char)
        position += step


def _character_class(pattern: str, position: int) -> tuple[str, int]:
    match = _CLASS.match(pattern, position)
    if match is None:
        raise re.error("[ without ]")
    body = match[2].replace("[", "\\[")
    return f"(?!/)[{match[1]}{body}]", len(match[0])
