"""Walking down a tree: by patterns or as a whole, limited in names and depth."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from plat.api import UserError
from plat.git.objects import TREE, Entry, Store

Pattern = re.Pattern[str] | None


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much of a repository is read at once, so that a hostile one cannot exhaust memory or disk."""

    file_bytes: int = 64 << 20
    export_bytes: int = 1 << 30
    names: int = 500_000
    depth: int = 100


class Budget:
    """Counts what one walk has visited. A few small objects can describe a tree with more names than atoms exist."""

    def __init__(self, limits: Limits) -> None:
        self._limits, self._names, self._bytes = limits, 0, 0

    def visit(self, path: str, depth: int) -> None:
        """Count one name. Raises UserError beyond the limits."""
        self._names += 1
        if self._names > self._limits.names:
            raise UserError(f"has more than {self._limits.names:,} files", where=path.partition("/")[0])
        if depth > self._limits.depth:
            raise UserError(f"is nested more than {self._limits.depth} directories deep", where=path[:200])

    def add(self, path: str, size: int) -> None:
        """Count the bytes of a file. Raises UserError beyond the limits."""
        self._bytes += size
        if self._bytes > self._limits.export_bytes:
            raise UserError(f"has more than {self._limits.export_bytes:,} bytes in all", where=path.partition("/")[0])


def walk(
    store: Store, top: Entry, base: str, patterns: Sequence[Pattern], limits: Limits
) -> Iterator[tuple[str, Entry]]:
    """Yield (path, entry) of everything below `top` that matches the patterns; a path may come twice."""
    if top.mode == TREE:
        yield from _Walk(store, Budget(limits)).matching(top.oid, base, tuple(patterns), 0)


def everything(store: Store, oid: str, budget: Budget) -> Iterator[tuple[str, Entry]]:
    """Yield (path, entry) of everything in a tree, directories before what is in them."""
    yield from _Walk(store, budget).matching(oid, "", (None,), 0)


class _Walk:
    def __init__(self, store: Store, budget: Budget) -> None:
        self._store, self._budget = store, budget

    def matching(self, oid: str, base: str, patterns: tuple[Pattern, ...], depth: int) -> Iterator[tuple[str, Entry]]:
        head, rest = patterns[0], patterns[1:]
        if head is None and rest:
            yield from self.matching(oid, base, rest, depth)
        for name, entry in self._store.tree(oid).items():
            path = f"{base}/{name}" if base else name
            self._budget.visit(path, depth)
            if head is not None and not head.fullmatch(name):
                continue
            if not rest:
                yield path, entry
            deeper = patterns if head is None else rest
            if deeper and entry.mode == TREE:
                yield from self.matching(entry.oid, path, deeper, depth + 1)
