"""A tree of files without a repository: plat's own tree over objects that are kept in memory.

It is no imitation. Globs, symlinks, the jail, limits, errors and the read-set are those of a real commit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from plat.api import UserError
from plat.git import GitTree, Limits
from plat.git.export import Exports
from plat.git.objects import FILE, LINK, TREE, Directory, Entry, format_tree, object_id, parse_tree
from plat.git.tree import Origin

COMMIT: Final = "c0ffee0000000000000000000000000000000000"
URL: Final = "https://git.example/repository"


@dataclass(frozen=True)
class Link:
    """A symlink, for a tree of files."""

    target: str


Files: TypeAlias = Mapping[str, str | bytes | Link]
"""Content by path. Text is written as UTF-8."""


class _Objects:
    """Blobs and trees by object id; what a mirror is to a real tree."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}
        self._trees: dict[str, Directory] = {}

    def read(self, oid: str, *, limit: int) -> bytes:
        content = self._blobs[oid]
        if len(content) > limit:
            raise UserError(f"blob {oid} has {len(content):,} bytes, {limit:,} are allowed")
        return content

    def tree(self, oid: str) -> Directory:
        return self._trees[oid]

    def listing(self, oid: str) -> str:
        text = "\0".join(f"{entry.mode & 0o170000:o} {name}" for name, entry in sorted(self._trees[oid].items()))
        return hashlib.sha1(text.encode("utf-8", "surrogateescape")).hexdigest()  # noqa: S324  # git's own kind of id

    def add(self, files: Files) -> str:
        """Return the id of the tree that holds these files."""
        entries: dict[str, Entry] = {}
        below: dict[str, dict[str, str | bytes | Link]] = {}
        for path, content in files.items():
            name, _, rest = path.partition("/")
            if rest:
                below.setdefault(name, {})[rest] = content
            else:
                entries[name] = self._leaf(content)
        entries |= {name: Entry(TREE, self.add(inside)) for name, inside in below.items()}
        data = format_tree(entries)
        self._trees[key := object_id("tree", data)] = parse_tree(data)
        return key

    def _leaf(self, content: str | bytes | Link) -> Entry:
        text = content.target if isinstance(content, Link) else content
        data = text.encode() if isinstance(text, str) else text
        self._blobs[key := object_id("blob", data)] = data
        return Entry(LINK if isinstance(content, Link) else FILE, key)


class FakeTree(GitTree):
    """The files of one commit. `reads` says which paths were read or listed so far; `read_set` has their ids, too.

    `scratch` is where `export` writes; without it `export` fails.
    """

    def __init__(self, files: Files, *, commit: str = COMMIT, url: str = URL, scratch: Path | None = None) -> None:
        objects = _Objects()
        exports = Exports(scratch or Path("/nonexistent/give FakeTree a scratch directory to export to"))
        super().__init__(Origin(url, commit, exports, Limits()), objects, objects.add(files))

    @property
    def reads(self) -> tuple[str, ...]:
        """What was read or looked for, sorted; a directory whose names were listed ends in a slash."""
        return tuple(sorted(path for path, _ in self.read_set))
