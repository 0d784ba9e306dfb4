"""Rows by application in a file: read once, written in one transaction a flush. Deleting the file loses nothing."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import orjson

from plat.api import JSON


class Book:
    """JSON by application."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=off")
        self._db.execute("create table if not exists rows (app text primary key, row blob) without rowid")
        self._rows: dict[str, bytes] = dict(self._db.execute("select app, row from rows"))
        self._fresh: dict[str, bytes | None] = {}

    def get(self, app: str) -> list[JSON] | None:
        """Return the row of an application."""
        row = self._rows.get(app)
        return None if row is None else list(orjson.loads(row))

    def put(self, app: str, row: list[JSON] | None) -> None:
        """Set the row of an application, or with None remove it; it is on disk after the next `flush`."""
        if row is None:
            self._rows.pop(app, None)
            self._fresh[app] = None
        else:
            self._rows[app] = self._fresh[app] = orjson.dumps(row)

    def flush(self) -> None:
        """Write what is new."""
        fresh, self._fresh = self._fresh, {}
        if not fresh:
            return
        self._db.execute("begin")
        kept = [(app, row) for app, row in fresh.items() if row is not None]
        self._db.executemany("insert or replace into rows values (?, ?)", kept)
        self._db.executemany("delete from rows where app = ?", [(app,) for app, row in fresh.items() if row is None])
        self._db.execute("commit")

    def close(self) -> None:
        """Write what is new and close the file."""
        self.flush()
        self._db.close()
