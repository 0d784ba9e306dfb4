"""Semantic versions and constraints on them, as Masterminds/semver v3 understands both (what upstream's users write).

Numbers left out are zero; a constraint with numbers left out, or `x` or `*` in their place, is a range. Prereleases
take part only in a group of a constraint that names one itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

_IDENTIFIERS: Final = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION: Final = re.compile(
    rf"v?(\d{{1,19}})(?:\.(\d{{1,19}}))?(?:\.(\d{{1,19}}))?(?:-({_IDENTIFIERS}))?(?:\+{_IDENTIFIERS})?", re.ASCII
)
_PART: Final = r"(\d{1,19}|[xX*])"
_LOOSE: Final = rf"v?{_PART}(?:\.{_PART})?(?:\.{_PART})?(?:-({_IDENTIFIERS}))?(?:\+{_IDENTIFIERS})?"
_COMPARATOR: Final = re.compile(rf"\s*(=>|=<|>=|<=|!=|~>|=|>|<|~|\^|)\s*{_LOOSE}(?=\s|,|$)\s*(?:,(?=\s*\S))?", re.ASCII)
_BARE: Final = _LOOSE.replace(f"({_IDENTIFIERS})", f"(?:{_IDENTIFIERS})").replace(_PART, _PART.replace("(", "(?:"))
_HYPHEN: Final = re.compile(rf"(?<!\S)({_BARE})\s+-\s+({_BARE})(?!\S)", re.ASCII)
_MAX_TEXT: Final = 1000

Release = tuple[int, int, int]


@dataclass(frozen=True)
class Version:
    """A version; build metadata is not part of it, as it never decides."""

    release: Release
    pre: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[Release, bool, tuple[tuple[bool, int, str], ...]]:
        """What orders versions: a prerelease before its release, numbers before words."""
        parts = tuple((not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in self.pre)
        return self.release, not self.pre, parts


Test = Callable[[Version], bool]


@dataclass(frozen=True)
class Constraint:
    """Groups of which one must hold; in each, all comparators."""

    groups: tuple[tuple[bool, tuple[Test, ...]], ...]
    """(whether prereleases take part, comparators)."""

    def allows(self, version: Version) -> bool:
        """Say whether a version satisfies the constraint."""
        return any(
            (prereleases or not version.pre) and all(test(version) for test in tests)
            for prereleases, tests in self.groups
        )


def parse_version(text: str) -> Version | None:
    """Parse a version, or return None for what is none; `v` before it and missing numbers are allowed."""
    match = _VERSION.fullmatch(text)
    if match is None:
        return None
    pre = tuple(match[4].split(".")) if match[4] else ()
    if any(part.isdigit() and part != "0" and part.startswith("0") for part in pre):
        return None
    return Version((int(match[1]), int(match[2] or 0), int(match[3] or 0)), pre)


def parse_constraint(text: str) -> Constraint | None:
    """Parse a constraint, or return None for what is none."""
    if not text.strip() or len(text) > _MAX_TEXT:
        return None
    groups = [_group(_HYPHEN.sub(r">=\1, <=\2", part)) for part in text.split("||")]
    return Constraint(tuple(group for group in groups if group)) if all(groups) else None


def highest(constraint: Constraint, versions: Iterable[tuple[str, str]]) -> str:
    """Return the name whose version is the highest that the constraint allows, of (name, version text); else "".

    Of names with equal versions the last in order of text wins, so that the answer is always the same.
    """
    parsed = ((parse_version(text), name) for name, text in versions)
    allowed = [(version.key, name) for version, name in parsed if version is not None and constraint.allows(version)]
    return max(allowed, default=((), ""))[1]


def _group(text: str) -> tuple[bool, tuple[Test, ...]] | None:
    at, tests, prereleases = 0, [], False
    while at < len(text):
        match = _COMPARATOR.match(text, at)
        if match is None:
            return None
        if match.end() == at:
            break
        made = _comparator(match)
        if made is None:
            return None
        tests.append(made[0])
        prereleases = prereleases or made[1]
        at = match.end()
    return (prereleases, tuple(tests)) if tests else None


def _comparator(match: re.Match[str]) -> tuple[Test, bool] | None:
    operator, numbers = match[1], [match[2], match[3], match[4]]
    known = next((at for at, number in enumerate(numbers) if number is None or not number.isdigit()), 3)
    major, minor, patch = [*(int(number) for number in numbers[:known]), 0, 0, 0][:3]
    floor = Version((major, minor, patch), tuple(match[5].split(".")) if match[5] else ())
    return _TESTS[operator](floor, known), bool(floor.pre)


def _after(release: Release, known: int) -> Release | None:
    """The first release behind a range in which only the first `known` numbers are fixed; None: there is none."""
    major, minor, patch = release
    return (None, (major + 1, 0, 0), (major, minor + 1, 0), (major, minor, patch + 1))[known]


def _between(floor: Version, end: Release | None) -> Test:
    return lambda version: version.key >= floor.key and (end is None or version.release < end)


def _tilde(floor: Version, known: int) -> Test:
    everything = floor.release == (0, 0, 0) and known in (0, 3)  # upstream: ~0.0.0 means anything
    return _between(floor, None if everything else _after(floor.release, min(known, 2)))


def _caret(floor: Version, known: int) -> Test:
    """Up to the next change of the first number that is not zero."""
    major, minor, _ = floor.release
    if major or known == 1:
        return _between(floor, _after(floor.release, 1))
    return _between(floor, _after(floor.release, 2 if minor or known == 2 else 3))  # noqa: PLR2004  # ^0.0


def _equal(floor: Version, known: int) -> Test:
    return _tilde(floor, known) if known < 3 else lambda version: version == floor  # noqa: PLR2004  # a full version


def _different(floor: Version, known: int) -> Test:
    if known in (0, 3):
        return lambda version: version != floor
    end = _after(floor.release, known)
    other_pre: Test = lambda version: known == 2 and version.pre != floor.pre  # noqa: E731, PLR2004  # as upstream
    return lambda version: version.release < floor.release or not _below(version, end) or other_pre(version)


def _greater(floor: Version, known: int) -> Test:
    end = _after(floor.release, known) if known in (1, 2) else None
    return (lambda version: version.key > floor.key) if end is None else lambda version: version.release >= end


def _at_most(floor: Version, known: int) -> Test:
    if known == 3:  # noqa: PLR2004  # a full version
        return lambda version: version.key <= floor.key
    end = _after(floor.release, known or 2)  # upstream: <=* means 0.0.x
    return lambda version: _below(version, end)


def _at_least(floor: Version, _: int) -> Test:
    return lambda version: version.key >= floor.key


def _less(floor: Version, _: int) -> Test:
    return lambda version: version.key < floor.key


def _below(version: Version, end: Release | None) -> bool:
    return end is None or version.release < end


_TESTS: Final[dict[str, Callable[[Version, int], Test]]] = {
    "": _equal,
    "=": _equal,
    "!=": _different,
    ">": _greater,
    "<": _less,
    ">=": _at_least,
    "=>": _at_least,
    "<=": _at_most,
    "=<": _at_most,
    "~": _tilde,
    "~>": _tilde,
    "^": _caret,
}
