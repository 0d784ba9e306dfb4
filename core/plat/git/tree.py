"""The files of one commit without a checkout: jailed, limited, and remembering what was read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from plat.api import UserError, nearest
from plat.git.export import Exports
from plat.git.globs import compile_glob
from plat.git.lookup import DanglingLinkError, Found, find, raw
from plat.git.objects import LINK, MODULE, TREE, Entry, Store
from plat.git.overlay import Overlay
from plat.git.walk import Limits, walk

ReadSet = frozenset[tuple[str, str]]
"""(path, object id) of what was read, without symlinks in the path; the id is empty for what was looked for in vain.

A directory below which anything may matter is recorded by its tree's id. A directory of which only the names matter is
recorded with a final slash, by a digest of its names and kinds: a new file there is seen, a changed one is not.
"""


@dataclass(frozen=True)
class Origin:
    """What all trees of one commit share."""

    url: str
    commit: str
    exports: Exports
    limits: Limits


class GitTree:
    """One tree; implements `plat.api.Tree`. Overlays share the read-set of the tree that they were made from."""

    def __init__(self, origin: Origin, store: Store, root: str) -> None:
        self._origin, self._store, self._root = origin, store, root
        self._below: tuple[Store, str] = (store, root)
        self._reads: dict[str, str] = {}
        self._warnings: dict[str, None] = {}
        self._own: frozenset[str] = frozenset()

    @property
    def url(self) -> str:
        """The address as it was asked for."""
        return self._origin.url

    @property
    def commit(self) -> str:
        """The commit's id."""
        return self._origin.commit

    @property
    def root(self) -> str:
        """The object id of the whole tree."""
        return self._root

    @property
    def read_set(self) -> ReadSet:
        """Everything read so far, with the object ids that it had."""
        return frozenset(self._reads.items())

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was left out of listings, and why: symlinks that lead to nothing."""
        return tuple(self._warnings)

    def read(self, path: str) -> bytes:
        """Return the content of a file; symlinks are followed inside the tree.

        Raises UserError (LeavesTreeError, DanglingLinkError) for paths that lead out or to nothing, and for more bytes
        than the limits allow.
        """
        found = self._find(path)
        self._record(found.path)
        if found.entry is None:
            raise self._missing(path, found)
        if found.entry.mode in (TREE, MODULE):
            kind = "a directory" if found.entry.mode == TREE else "a submodule, which is not read"
            raise UserError(f"is {kind}", where=path, remedy="name a file")
        return self._store.read(found.entry.oid, limit=self._origin.limits.file_bytes)

    def files(self, *globs: str) -> tuple[str, ...]:
        """Return the paths of all files that match any of the globs (none: all), sorted.

        A symlink counts as what it leads to: one to a file is listed, one to a directory is not entered, one to
        nothing is left out and noted in `warnings`. One that leads out of the tree raises LeavesTreeError.
        """
        return tuple(sorted({path for glob in globs or ("**",) for path in self._files(glob)}))

    def directories(self, *globs: str) -> tuple[str, ...]:
        """Return the paths of all directories that match any of the globs, sorted; symlinks are none."""
        return tuple(sorted({path for glob in globs for path, entry in self._matching(glob) if entry.mode == TREE}))

    def names(self, path: str = "") -> tuple[str, ...]:
        """Return the names in a directory, sorted; empty where there is none."""
        found = self._find(path)
        if found.entry is None or found.entry.mode != TREE:
            self._record(found.path)
            return ()
        self._record(f"{found.path}/")
        return tuple(sorted(self._store.tree(found.entry.oid)))

    def oid(self, path: str) -> str:
        """Return the object id at a path, empty for nothing; with a final slash, the digest of a directory's names.

        Symlinks are not followed, and nothing is recorded: this is how a read-set is compared with another commit.
        """
        return _oid(self._store, self._root, path)

    def holds(self, read_set: ReadSet) -> bool:
        """Say whether everything in a read-set has the same object id here."""
        known: dict[str, Entry | None] = {"": Entry(TREE, self._root)}  # most paths share their directories
        return all(_object_id(self._store, _standing(self._store, known, path), path) == oid for path, oid in read_set)

    def note(self, paths: Iterable[str]) -> None:
        """Record paths that somebody read from an exported directory, as if they had been read here."""
        for path in paths:
            self._record(self._find(path).path)

    def overlay(self, files: Mapping[str, bytes]) -> GitTree:
        """Return this tree with some files replaced or added, in memory; symlinks on the way are followed.

        What is read of the replaced files is not recorded: it comes from the caller, not from the repository.
        """
        real = {self._real(path): content for path, content in files.items()}
        store = Overlay(self._store)
        tree = GitTree(self._origin, store, store.replaced(self._root, real))
        tree._below, tree._reads, tree._warnings = self._below, self._reads, self._warnings
        tree._own = self._own | frozenset(real)
        return tree

    async def export(self, *, record: bool = True) -> Path:
        """Return a read-only directory with all files of the tree, shared by everybody who wants the same content.

        `record=False`: the caller says by `note` what was really read of it; else every change of the tree counts.
        Raises LeavesTreeError where any symlink leads out of the tree, UserError beyond the limits.
        """
        if record:
            self._record("")
        return await self._origin.exports.directory(self._store, self._root, self._origin.limits)

    def _files(self, glob: str) -> Iterable[str]:
        for path, entry in self._matching(glob):
            if entry.mode == LINK:
                if self._leads_to_file(path):
                    yield path
            elif entry.mode not in (TREE, MODULE):
                yield path

    def _matching(self, glob: str) -> Iterable[tuple[str, Entry]]:
        compiled = compile_glob(glob)
        found = self._find(compiled.prefix)
        directory = found.entry is not None and found.entry.mode == TREE
        self._record(f"{found.path}/" if directory and compiled.shallow else found.path)
        if found.entry is None:
            return ()
        if not compiled.patterns:
            return ((compiled.prefix, found.entry),)
        return walk(self._store, found.entry, compiled.prefix, compiled.patterns, self._origin.limits)

    def _leads_to_file(self, path: str) -> bool:
        found = self._find(path)
        self._record(found.path)
        if found.entry is None:
            self._warnings[f"{path} is a symlink to {found.path}, which does not exist"] = None
        return found.entry is not None and found.entry.mode not in (TREE, MODULE)

    def _find(self, path: str) -> Found:
        found = find(self._store, self._root, path)
        for link, _ in found.links:
            self._record(link)
        return found

    def _real(self, path: str) -> str:
        real = self._find(path).path
        if not real:
            raise UserError(f"{path!r} is not the path of a file", remedy="name a file")
        return real

    def _record(self, path: str) -> None:
        if path not in self._reads and path not in self._own:
            self._reads[path] = _oid(*self._below, path)

    def _missing(self, path: str, found: Found) -> UserError:
        if found.links:
            return DanglingLinkError(f"is a symlink to {found.path}, which does not exist", where=path)
        folder, _, name = found.path.rpartition("/")
        parent = raw(self._store, self._root, folder)
        known = list(self._store.tree(parent.oid)) if parent is not None and parent.mode == TREE else []
        remedy = nearest(name, known) if known and len(known) <= _FEW else "check the path"
        return UserError(f"there is no such file in {self.url} at {self.commit[:12]}", where=path, remedy=remedy)


_FEW: Final = 50
"""More names than this are not listed in an error."""


def _oid(store: Store, root: str, path: str) -> str:
    return _object_id(store, raw(store, root, path.rstrip("/")), path)


def _standing(store: Store, known: dict[str, Entry | None], path: str) -> Entry | None:
    """Return what stands at a path, as `raw` does, from what is known of the directories above it."""
    path = path.rstrip("/")
    if path not in known:
        folder, _, name = path.rpartition("/")
        above = _standing(store, known, folder)
        known[path] = store.tree(above.oid).get(name) if above is not None and above.mode == TREE else None
    return known[path]


def _object_id(store: Store, entry: Entry | None, path: str) -> str:
    if entry is None:
        return ""
    if not path.endswith("/"):
        return entry.oid
    return store.listing(entry.oid) if entry.mode == TREE else ""


def same(read_set: ReadSet, tree: GitTree) -> bool:
    """Say whether a read-set is the same at another commit: then what was made from it is the same, too."""
    return tree.holds(read_set)
