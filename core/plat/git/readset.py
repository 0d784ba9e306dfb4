"""From changed paths to those who read them: an inverted index, so that a push wakes only what it concerns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from typing import Generic, TypeVar

from plat.git.addresses import normalise
from plat.git.objects import TREE, Directory, Entry, Store
from plat.git.tree import ReadSet
from plat.git.walk import Budget, Limits

K = TypeVar("K", bound=Hashable)


class ReadIndex(Generic[K]):
    """Who read what, by repository and path. Addresses that mean one repository are one."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, str], set[K]] = defaultdict(set)
        self._below: dict[tuple[str, str], set[K]] = defaultdict(set)
        self._sets: dict[K, dict[str, ReadSet]] = {}

    def __len__(self) -> int:
        return len(self._sets)

    def add(self, key: K, url: str, read_set: ReadSet) -> None:
        """Remember what `key` read of a repository, in place of what it read there before."""
        repository = normalise(url)
        known = self._sets.get(key, {}).get(repository)
        if known == read_set:
            return
        if known is not None:
            self._forget(key, repository, known)
        self._sets.setdefault(key, {})[repository] = read_set
        for path, _ in read_set:
            self._read[repository, path.rstrip("/")].add(key)
            for parent in _parents(path.rstrip("/")):
                self._below[repository, parent].add(key)

    def remove(self, key: K) -> None:
        """Forget all that `key` read."""
        for repository, read_set in self._sets.pop(key, {}).items():
            self._forget(key, repository, read_set)

    def affected(self, url: str, changed: Iterable[str]) -> set[K]:
        """Return who may see a difference: read a changed path, a directory above it, or something below it.

        It may name a few too many (a file changed in a directory of which only the names were read), never too few;
        `GitTree.holds` decides.
        """
        repository = normalise(url)
        keys: set[K] = set()
        asked: set[str] = set()
        for path in changed:
            keys |= self._below.get((repository, path), set())
            for place in (path, *_parents(path)):
                if place in asked:
                    break
                asked.add(place)
                keys |= self._read.get((repository, place), set())
        return keys

    def readers(self, url: str) -> set[K]:
        """Return everybody who read anything of a repository."""
        repository = normalise(url)
        return {key for key, sets in self._sets.items() if repository in sets}

    def _forget(self, key: K, repository: str, read_set: ReadSet) -> None:
        places = {path.rstrip("/") for path, _ in read_set}
        for path in places:
            _discard(self._read, (repository, path), key)
        for parent in {parent for path in places for parent in _parents(path)}:
            _discard(self._below, (repository, parent), key)


def compare(store: Store, old: str, new: str, limits: Limits) -> Iterator[str]:
    """Yield the paths of all files that differ between two trees; equal directories are not entered."""
    yield from _Comparison(store, Budget(limits)).of(Entry(TREE, old), Entry(TREE, new), "", 0)


class _Comparison:
    def __init__(self, store: Store, budget: Budget) -> None:
        self._store, self._budget = store, budget

    def of(self, old: Entry | None, new: Entry | None, path: str, depth: int) -> Iterator[str]:
        if old == new:
            return
        self._budget.visit(path, depth)
        if any(entry is not None and entry.mode != TREE for entry in (old, new)):
            yield path
        before, after = self._names(old), self._names(new)
        for name in before.keys() | after.keys():
            below = f"{path}/{name}" if path else name
            yield from self.of(before.get(name), after.get(name), below, depth + 1)

    def _names(self, entry: Entry | None) -> Directory:
        return self._store.tree(entry.oid) if entry is not None and entry.mode == TREE else {}


def _parents(path: str) -> Iterator[str]:
    while path:
        path = path.rpartition("/")[0]
        yield path


def _discard(index: dict[tuple[str, str], set[K]], place: tuple[str, str], key: K) -> None:
    keys = index.get(place)
    if keys is not None:
        keys.discard(key)
        if not keys:
            del index[place]
