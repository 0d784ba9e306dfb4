"""The two pattern languages of an AppProject: Argo CD's globs, and shell patterns for kinds (spec/cluster §9.1). Pure.

A pattern that cannot be read matches nothing, so a mistake in a rule never admits anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

DENY: Final = "!"


def matches(pattern: str, text: str, *, stop_at: str = "") -> bool:
    r"""Match a glob: `*`, `**`, `?`, `[a-c]`, `[!a]`, `{a,b}`, `\x`; `*` and `?` never match a character of `stop_at`.

    A lone `*` matches everything, whatever it is to stop at. `!p` matches where p does not.
    """
    if pattern.startswith(DENY):
        return not matches(pattern[1:], text, stop_at=stop_at)
    return pattern == "*" or _matches(pattern, text, stop_at)


def matches_kind(pattern: str, text: str) -> bool:
    """Match a shell pattern as Go's `filepath.Match` does: `*` and `?` stop at `/`, `[^a]` negates, no braces."""
    compiled = _compile(pattern, stop_at="/", braces=False, negation="^")
    return compiled is not None and compiled.fullmatch(text) is not None


def matches_namespace(patterns: Iterable[str], namespace: str) -> bool:
    """Say whether any pattern admits a namespace: a glob, or a regular expression between slashes (found anywhere)."""
    return any(_is_regex(pattern, namespace) or _matches(pattern, namespace, "") for pattern in patterns)


def _is_regex(pattern: str, text: str) -> bool:
    if len(pattern) < 2 or not (pattern.startswith("/") and pattern.endswith("/")):  # noqa: PLR2004  # two slashes
        return False
    try:
        return re.search(pattern[1:-1], text) is not None
    except re.error:
        return False


def _matches(pattern: str, text: str, stop_at: str) -> bool:
    compiled = _compile(pattern, stop_at=stop_at, braces=True, negation="!")
    return compiled is not None and compiled.fullmatch(text) is not None


class _UnreadableError(Exception):
    """The pattern is malformed."""


def _compile(pattern: str, *, stop_at: str, braces: bool, negation: str) -> re.Pattern[str] | None:
    one = f"[^{re.escape(stop_at)}]" if stop_at else "."
    try:
        text = _Translator(pattern, one, braces=braces, negation=negation).translate()
        return re.compile(text, re.DOTALL)
    except (_UnreadableError, re.error):
        return None


class _Translator:
    """One pass over a pattern, giving a regular expression."""

    def __init__(self, pattern: str, one: str, *, braces: bool, negation: str) -> None:
        self._pattern, self._at = pattern, 0
        self._one, self._braces, self._negation = one, braces, negation
        self._depth = 0

    def translate(self) -> str:
        parts = []
        while self._at < len(self._pattern):
            parts.append(self._piece(self._next()))
        if self._depth:
            raise _UnreadableError
        return "".join(parts)

    def _piece(self, char: str) -> str:
        if char == "*":
            return self._stars()
        if char == "[":
            return self._characters()
        if char == "\\":
            return re.escape(self._next())
        if self._braces and char == "{":
            self._depth += 1
            return "(?:"
        if self._depth and char == "}":
            self._depth -= 1
            return ")"
        return {"?": self._one, ",": "|" if self._depth else ","}.get(char) or re.escape(char)

    def _stars(self) -> str:
        begin = self._at
        while self._pattern.startswith("*", self._at):
            self._at += 1
        return ".*" if self._braces and self._at > begin else f"{self._one}*"

    def _characters(self) -> str:
        """Translate what stands between brackets; a range must be whole."""
        char, negated = self._next(), ""
        if char == self._negation:
            char, negated = self._next(), "^"
        parts: list[str] = []
        while char != "]":
            part = char if char == "-" and parts else re.escape(self._next() if char == "\\" else char)
            parts.append(part)
            char = self._next()
        if not parts or parts[-1] == "-":
            raise _UnreadableError
        return f"[{negated}{''.join(parts)}]"

    def _next(self) -> str:
        if self._at == len(self._pattern):
            raise _UnreadableError
        self._at += 1
        return self._pattern[self._at - 1]
