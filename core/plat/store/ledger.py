"""The append-only record of what happened, hash-chained so that nobody can change it unseen. Knows no type of row.

Each process that writes opens an epoch: a chain of its own for one stack, whose first link names the ends of the chains
before it. So what is changed, removed or reordered anywhere, and a whole chain that is removed, shows in `verify`. Only
rows at the very end can be cut off unseen; `heads` is what to keep elsewhere (a git note) to see that too.
Nothing is ever trimmed.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, Self

from plat.api import JSON, Clock, UserError
from plat.store.chains import Head, Verified, check_chains, genesis, link
from plat.store.database import Database
from plat.store.encoding import dump, dump_masked, load, moment, stamp
from plat.store.schemas import Schema

_SCHEMA: Final = Schema(
    "ledger",
    (
        """CREATE TABLE ledger (
            position INTEGER PRIMARY KEY AUTOINCREMENT, stack TEXT NOT NULL, epoch INTEGER NOT NULL,
            seq INTEGER NOT NULL, at TEXT NOT NULL, type TEXT NOT NULL, subject TEXT NOT NULL, by TEXT NOT NULL,
            because TEXT NOT NULL, facts TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL,
            UNIQUE (stack, epoch, seq))""",
        "CREATE INDEX ledger_by_subject ON ledger (stack, subject, position)",
        "CREATE INDEX ledger_by_type ON ledger (stack, type, position)",
        """CREATE TABLE epochs (
            stack TEXT NOT NULL, epoch INTEGER NOT NULL, after TEXT NOT NULL, writer TEXT NOT NULL UNIQUE,
            UNIQUE (stack, epoch))""",
        # Against accidents; against intent there is the chain.
        "CREATE TRIGGER ledger_keeps BEFORE DELETE ON ledger BEGIN SELECT raise(ABORT, 'append-only'); END",
        "CREATE TRIGGER ledger_stays BEFORE UPDATE ON ledger BEGIN SELECT raise(ABORT, 'append-only'); END",
    ),
)
_COLUMNS: Final = "epoch, seq, at, type, subject, by, because, facts, previous, hash"
_NOT_SAID: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One thing that happened. The ledger fills in what comes after `facts`, and the time where none is given.

    `by` is who: a person (`ann (os-user, unverified)`), a field manager, `plat`. Anything `Sensitive` in `facts` is
    masked before it is written.
    """

    at: datetime = _NOT_SAID
    type: str
    subject: str
    by: str = ""
    because: str = ""
    facts: Mapping[str, JSON] = field(default_factory=dict)
    epoch: int = 0
    seq: int = 0
    previous: str = ""
    hash: str = ""


class Ledger:
    """The ledger of one stack, for one process that writes."""

    def __init__(self, database: Database, stack: str, *, clock: Clock | None = None) -> None:
        self.stack = stack
        self._database, self._clock = database, clock
        self._writer = str(uuid.uuid4())

    @classmethod
    async def open(cls, database: Database, stack: str, *, clock: Clock | None = None) -> Self:
        """Make the tables where they are missing. An epoch begins with the first row that is written.

        `clock` dates rows that do not say when; without one it is the system's.
        """
        await database.ensure(_SCHEMA)
        return cls(database, stack, clock=clock)

    async def append(self, row: Row) -> Row:
        """Write one row and return it as written. It is on disk then, also if power is lost."""
        return (await self.extend([row]))[0]

    async def extend(self, rows: Sequence[Row]) -> list[Row]:
        """Write rows in order, all or none."""
        rows = [self._dated(row) for row in rows]
        texts = [_texts(row) for row in rows]
        if not texts:
            return []
        written = await self._database.write(lambda connection: self._extend(connection, texts), durable=True)
        return [_written(row, text[-1], at) for row, text, at in zip(rows, texts, written, strict=True)]

    async def query(
        self,
        *,
        type: str = "",  # noqa: A002  # the name of the column
        subject: str = "",
        since: datetime | None = None,
        limit: int = 100,
    ) -> list[Row]:
        """Return the newest rows of the stack first. Empty: any; `limit` 0: all."""
        wanted = {"type = ?": type, "subject = ?": subject, "at >= ?": stamp(since) if since else ""}
        tests = ["stack = ?", *(test for test, value in wanted.items() if value)]
        values: list[Any] = [self.stack, *(value for value in wanted.values() if value), limit or -1]
        query = f"SELECT {_COLUMNS} FROM ledger WHERE {' AND '.join(tests)} ORDER BY position DESC LIMIT ?"  # noqa: S608  # ours
        return await self._database.read(lambda connection: [_row(row) for row in connection.execute(query, values)])

    async def heads(self) -> list[Head]:
        """Return the last link of each chain of the stack, oldest chain first."""
        return await self._database.read(lambda connection: _heads(connection, self.stack))

    async def head(self) -> Head | None:
        """Return the last link of the newest chain; None for an empty ledger."""
        heads = await self.heads()
        return heads[-1] if heads else None

    async def verify(self, anchors: Sequence[Head] = ()) -> Verified:
        """Recompute every chain of the stack. `anchors` are heads that were kept elsewhere and must still be there."""
        return await self._database.read(lambda connection: _verify(connection, self.stack, anchors))

    def _dated(self, row: Row) -> Row:
        if row.at is not _NOT_SAID:
            return row
        return replace(row, at=self._clock.now() if self._clock else datetime.now(UTC))

    def _extend(self, connection: sqlite3.Connection, rows: Sequence[Sequence[str]]) -> list[tuple[int, int, str, str]]:
        epoch = _epoch(connection, self.stack, self._writer)
        seq, previous = _end(connection, self.stack, epoch)
        written = []
        for texts in rows:
            seq += 1
            digest = link(self.stack, epoch, seq, texts, previous)
            connection.execute(
                f"INSERT INTO ledger (stack, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  # ours
                (self.stack, epoch, seq, *texts, previous, digest),
            )
            written.append((epoch, seq, previous, digest))
            previous = digest
        return written


def _texts(row: Row) -> tuple[str, ...]:
    """Return the columns of a row that say what happened, in the order in which they are hashed."""
    if not row.type or not row.subject:
        raise UserError("a row of the ledger needs a type and a subject")
    facts = dump_masked(row.facts, where=row.subject).decode()
    return (stamp(row.at), row.type, row.subject, row.by, row.because, facts)


def _written(row: Row, facts: str, at: tuple[int, int, str, str]) -> Row:
    epoch, seq, previous, digest = at
    return replace(row, facts=load(facts), epoch=epoch, seq=seq, previous=previous, hash=digest)


def _row(columns: Sequence[Any]) -> Row:
    epoch, seq, at, type_, subject, by, because, facts, previous, digest = columns
    return Row(
        at=moment(at),
        type=type_,
        subject=subject,
        by=by,
        because=because,
        facts=load(facts),
        epoch=epoch,
        seq=seq,
        previous=previous,
        hash=digest,
    )


def _heads(connection: sqlite3.Connection, stack: str) -> list[Head]:
    query = """SELECT e.epoch, l.seq, l.hash FROM epochs e JOIN ledger l ON l.stack = e.stack AND l.epoch = e.epoch
        AND l.seq = (SELECT max(seq) FROM ledger WHERE stack = e.stack AND epoch = e.epoch)
        WHERE e.stack = ? ORDER BY e.epoch"""
    return [Head(*row) for row in connection.execute(query, (stack,))]


def _epoch(connection: sqlite3.Connection, stack: str, writer: str) -> int:
    """Return the epoch of a writer; open one that names the heads that no other has named yet."""
    mine = connection.execute("SELECT epoch FROM epochs WHERE writer = ?", (writer,)).fetchone()
    if mine:
        return int(mine[0])
    opened = connection.execute("SELECT epoch, after FROM epochs WHERE stack = ?", (stack,)).fetchall()
    named = {tuple(head) for _, after in opened for head in load(after)}
    heads = [(head.epoch, head.seq, head.hash) for head in _heads(connection, stack)]
    after = dump([head for head in heads if head not in named]).decode()
    epoch = 1 + max((number for number, _ in opened), default=0)
    connection.execute("INSERT INTO epochs VALUES (?, ?, ?, ?)", (stack, epoch, after, writer))
    return epoch


def _end(connection: sqlite3.Connection, stack: str, epoch: int) -> tuple[int, str]:
    query = "SELECT seq, hash FROM ledger WHERE stack = ? AND epoch = ? ORDER BY seq DESC LIMIT 1"
    row = connection.execute(query, (stack, epoch)).fetchone()
    if row:
        return int(row[0]), str(row[1])
    query = "SELECT after FROM epochs WHERE stack = ? AND epoch = ?"
    [after] = connection.execute(query, (stack, epoch)).fetchone()
    return 0, genesis(stack, epoch, after)


def _verify(connection: sqlite3.Connection, stack: str, anchors: Sequence[Head]) -> Verified:
    query = "SELECT epoch, after FROM epochs WHERE stack = ? ORDER BY epoch"
    epochs = connection.execute(query, (stack,)).fetchall()
    rows = connection.execute(f"SELECT {_COLUMNS} FROM ledger WHERE stack = ? ORDER BY position", (stack,))  # noqa: S608  # ours
    return check_chains(stack, epochs, rows, anchors=anchors)
