"""The file of a database: whose it is, how it is written to disk, and which tables it has by now."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from plat.api import UserError

_APPLICATION: Final = 0x706C6174  # "plat", in the header of the file (PRAGMA application_id)
_AGAIN: Final = 0.02  # seconds between two tries to switch a file to WAL


@dataclass(frozen=True)
class Schema:
    """The tables of one part of the store. Each step is one statement; its version is their number; they only grow."""

    part: str
    steps: tuple[str, ...]


def claim(connection: sqlite3.Connection, path: Path) -> None:
    """Make a new file ours; refuse that of another program."""
    connection.execute("BEGIN IMMEDIATE")
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    used = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if owner != _APPLICATION and (owner or used):
        connection.execute("ROLLBACK")
        raise UserError("this database belongs to another program", where=str(path), remedy="give plat its own path")
    if not used:
        connection.execute(f"PRAGMA application_id={_APPLICATION}")
        connection.execute("CREATE TABLE parts (part TEXT PRIMARY KEY, version INTEGER NOT NULL)")
    connection.execute("COMMIT")


def use_wal(connection: sqlite3.Connection, patience: float) -> None:
    """Switch to WAL, which SQLite refuses at once, without waiting, while another process does the same."""
    deadline = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_AGAIN)
        else:
            return


def migrate(connection: sqlite3.Connection, schema: Schema, path: Path) -> None:
    """Carry out the steps of a part that are missing. Raises UserError where a newer plat wrote it."""
    row = connection.execute("SELECT version FROM parts WHERE part = ?", (schema.part,)).fetchone()
    version, newest = (row[0] if row else 0), len(schema.steps)
    if version > newest:
        message = f"a newer plat wrote this ({schema.part} version {version}, known up to {newest})"
        raise UserError(message, where=str(path), remedy="update plat")
    for step in schema.steps[version:]:
        connection.execute(step)
    connection.execute("INSERT OR REPLACE INTO parts VALUES (?, ?)", (schema.part, newest))
