"""A tree with some files replaced, in memory: new tree objects in front of a repository's own."""

from __future__ import annotations

from collections.abc import Mapping

from plat.api import UserError
from plat.git.objects import (
    EXECUTABLE,
    FILE,
    TREE,
    Directory,
    Entry,
    Store,
    format_tree,
    object_id,
    parse_tree,
)


class Overlay:
    """A `Store` that knows a few objects more than the one below it."""

    def __init__(self, below: Store) -> None:
        self._below = below
        self._blobs: dict[str, bytes] = {}
        self._trees: dict[str, Directory] = {}

    def read(self, oid: str, *, limit: int) -> bytes:
        """Return the content of a blob."""
        return self._blobs[oid] if oid in self._blobs else self._below.read(oid, limit=limit)

    def tree(self, oid: str) -> Directory:
        """Return the names of a directory."""
        return self._trees[oid] if oid in self._trees else self._below.tree(oid)

    def listing(self, oid: str) -> str:
        """Return a digest of a directory; one that is new is its own digest."""
        return oid if oid in self._trees else self._below.listing(oid)

    def replaced(self, root: str, files: Mapping[str, bytes]) -> str:
        """Return the id of a tree with these files in it; a path names no symlink on its way.

        Raises UserError where a file would have to be in another file.
        """
        for path, content in files.items():
            root = self._put(root, path.split("/"), content, path)
        return root

    def _put(self, oid: str, steps: list[str], content: bytes, path: str) -> str:
        entries = dict(self.tree(oid)) if oid else {}
        name, old = steps[0], entries.get(steps[0])
        if len(steps) == 1:
            entries[name] = self._blob(content, old, path)
        elif old is not None and old.mode != TREE:
            raise UserError(f"cannot be put into the file {name!r}", where=path)
        else:
            entries[name] = Entry(TREE, self._put(old.oid if old else "", steps[1:], content, path))
        data = format_tree(entries)
        parse_tree(data)
        key = object_id("tree", data)
        self._trees[key] = entries
        return key

    def _blob(self, content: bytes, old: Entry | None, path: str) -> Entry:
        if old is not None and old.mode == TREE:
            raise UserError("is a directory, a file cannot take its place", where=path)
        oid = object_id("blob", content)
        self._blobs[oid] = content
        return Entry(EXECUTABLE if old is not None and old.mode == EXECUTABLE else FILE, oid)
