"""What the last comparison of each live object said, by cluster and uid, kept in a file across runs.

It is a cache: without it every object is projected once more and, where that differs, asked about once more.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Verdict:
    """The verdict on one live object."""

    target: str
    """Digest of the wish that it was compared with."""
    version: str
    """Its resource version then."""
    projection: str
    """Digest of the projection; empty right after an apply, when the server's answer is in sync by definition."""
    synced: bool


class Verdicts:
    """All verdicts: in memory, and in a file that is written in one transaction a flush."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=off")
        self._db.execute(
            "create table if not exists verdicts (cluster text, uid text, target text, version text, projection text,"
            " synced integer, primary key (cluster, uid)) without rowid"
        )
        rows = self._db.execute("select cluster, uid, target, version, projection, synced from verdicts")
        self._known = {(row[0], row[1]): Verdict(row[2], row[3], row[4], synced=bool(row[5])) for row in rows}
        self._fresh: dict[tuple[str, str], Verdict] = {}

    def get(self, cluster: str, uid: str) -> Verdict | None:
        """Return the last verdict on an object."""
        return self._known.get((cluster, uid))

    def put(self, cluster: str, uid: str, verdict: Verdict) -> None:
        """Remember a verdict; it is on disk after the next `flush`."""
        if self._known.get((cluster, uid)) != verdict:
            self._known[cluster, uid] = self._fresh[cluster, uid] = verdict

    def forget(self, cluster: str, uid: str) -> None:
        """Forget an object that is gone."""
        self._known.pop((cluster, uid), None)
        self._db.execute("delete from verdicts where cluster = ? and uid = ?", (cluster, uid))

    def flush(self) -> None:
        """Write what is new."""
        rows = [(*key, v.target, v.version, v.projection, int(v.synced)) for key, v in self._fresh.items()]
        self._fresh.clear()
        if rows:
            self._db.execute("begin")
            self._db.executemany("insert or replace into verdicts values (?, ?, ?, ?, ?, ?)", rows)
            self._db.execute("commit")

    def close(self) -> None:
        """Write what is new and close the file."""
        self.flush()
        self._db.close()
