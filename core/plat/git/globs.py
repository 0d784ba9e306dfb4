"""Globs over paths: `*` and `?` stop at `/`, a segment `**` is any number of directories, `[a-z]` and `[!a-z]` classes.

A backslash takes the meaning from the next character. No pattern takes more than time proportional to text and pattern.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from plat.api import UserError

_MAGIC: Final = re.compile(r"(?<!\\)(?:\\\\)*[*?\[]")
_TOKEN: Final = re.compile(
    r"\\(?P<plain>.)|(?P<star>\*+)|(?P<one>\?)|\[(?P<not>[!^])?(?P<class>\]?[^\]]*)\]|(?P<text>.)", re.DOTALL
)


@dataclass(frozen=True)
class Glob:
    """A compiled glob: a directory without wildcards, then one pattern a segment; None stands for `**`."""

    prefix: str
    patterns: tuple[re.Pattern[str] | None, ...]

    @property
    def shallow(self) -> bool:
        """Whether only the names in `prefix` itself matter."""
        return len(self.patterns) == 1 and self.patterns[0] is not None


def escape(path: str) -> str:
    """Return a glob that matches exactly this path."""
    return re.sub(r"([*?\[\\])", r"\\\1", path)


@lru_cache(maxsize=4096)
def compile_glob(glob: str) -> Glob:
    """Compile a glob. Raises UserError for one that is absolute or leads upwards behind a wildcard."""
    if glob.startswith("/"):
        raise UserError(f"{glob!r} is not a glob inside the repository", remedy="use a relative path")
    segments = [segment for segment in glob.split("/") if segment not in ("", ".")]
    count = next((at for at, segment in enumerate(segments) if _MAGIC.search(segment)), len(segments))
    if ".." in segments[count:]:
        raise UserError(f"{glob!r} leads upwards behind a wildcard", remedy="name the directory")
    patterns: list[re.Pattern[str] | None] = []
    for segment in segments[count:]:
        if segment != "**":
            patterns.append(_segment(segment))
        elif not patterns or patterns[-1] is not None:
            patterns.append(None)
    return Glob("/".join(re.sub(r"\\(.)", r"\1", segment) for segment in segments[:count]), tuple(patterns))


def matches(glob: str, path: str) -> bool:
    """Say whether a path matches a glob, whatever is there."""
    compiled = compile_glob(glob)
    parts, prefix = path.split("/"), compiled.prefix.split("/") if compiled.prefix else []
    return parts[: len(prefix)] == prefix and _match(compiled.patterns, tuple(parts[len(prefix) :]))


def _match(patterns: tuple[re.Pattern[str] | None, ...], parts: tuple[str, ...]) -> bool:
    """Row by row, so that many `**` cost no more than their number. A last `**` needs something to stand for."""
    reached = {0}
    for number, pattern in enumerate(patterns, start=1):
        if pattern is not None:
            reached = {at + 1 for at in reached if at < len(parts) and pattern.fullmatch(parts[at])}
        elif reached:
            reached = set(range(min(reached) + (number == len(patterns)), len(parts) + 1))
    return len(parts) in reached


def _segment(segment: str) -> re.Pattern[str]:
    """One segment; what follows a star is an atomic group, so that no pattern backtracks more than once a star."""
    pieces: list[str] = [""]
    for token in _TOKEN.finditer(segment):
        if token["star"]:
            pieces.append("")
        else:
            pieces[-1] += _one(token)
    first, *rest = pieces
    middle = "".join(f"(?>.*?{piece})" for piece in rest[:-1])
    try:
        return re.compile(f"{first}{middle}.*{rest[-1]}" if rest else first, re.DOTALL)
    except re.error as error:
        raise UserError(
            f"{segment!r} is not a glob: {error}", remedy="put a backslash before what is meant literally"
        ) from None


def _one(token: re.Match[str]) -> str:
    if token["one"]:
        return "."
    if token["class"] is not None:
        body = re.sub(r"([\\\[\]^&~|])", r"\\\1", token["class"])
        return f"[{'^' if token['not'] else ''}{body}]" if body else re.escape(token[0])
    return re.escape(token["plain"] or token["text"] or token[0])
