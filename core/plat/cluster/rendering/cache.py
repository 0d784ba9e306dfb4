"""Renders by content: the same files, parameters and renderer give the same objects, whatever the commit.

A row says which files were read at which object ids, and which variables were used. It is a hit for any tree in which
all of that is the same (DESIGN §9). The file is a cache: deleting it loses nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from plat.api import Manifest

ReadSet = frozenset[tuple[str, str]]
"""(path, object id); a directory that was listed is recorded by its tree's id."""


@dataclass(frozen=True)
class Rendering:
    """One render and what it depended on. `reads` maps the name of a source to its read-set; "" is its own."""

    objects: tuple[Manifest, ...] = field(repr=False)
    kind: str
    warnings: tuple[str, ...] = ()
    reads: Mapping[str, ReadSet] = field(default_factory=dict)
    used: Mapping[str, str] = field(default_factory=dict)


class RenderCache:
    """Renderings by a key of everything but the files. Several variants may be kept for one key."""

    KEEP = 8

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=off")
        self._db.execute("create table if not exists renders (key text, seq integer primary key, row blob)")
        self._db.execute("create index if not exists by_key on renders (key)")
        self._memory: dict[str, list[Rendering]] = {}

    def candidates(self, key: str) -> Iterable[Rendering]:
        """Return what is kept for a key, newest first."""
        if key not in self._memory:
            rows = self._db.execute("select row from renders where key = ? order by seq desc", (key,)).fetchall()
            self._memory[key] = [_decode(row[0]) for row in rows]
        return self._memory[key]

    def add(self, key: str, rendering: Rendering) -> None:
        """Keep one more rendering of a key; the oldest beyond KEEP go."""
        known = list(self.candidates(key))
        self._memory[key] = [rendering, *known][: self.KEEP]
        self._db.execute("insert into renders (key, row) values (?, ?)", (key, _encode(rendering)))
        if len(known) >= self.KEEP:
            keep = "select seq from renders where key = ? order by seq desc limit ?"
            self._db.execute(f"delete from renders where key = ? and seq not in ({keep})", (key, key, self.KEEP))  # noqa: S608  # no value is put into the text

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _encode(rendering: Rendering) -> bytes:
    reads = {name: sorted(read_set) for name, read_set in rendering.reads.items()}
    return orjson.dumps([rendering.objects, rendering.kind, rendering.warnings, reads, dict(rendering.used)])


def _decode(row: bytes) -> Rendering:
    objects, kind, warnings, reads, used = orjson.loads(row)
    sets = {name: frozenset((path, oid) for path, oid in pairs) for name, pairs in reads.items()}
    return Rendering(tuple(objects), kind, tuple(warnings), sets, used)
