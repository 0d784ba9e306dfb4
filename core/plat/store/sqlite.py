"""`ObjectStore` on SQLite: the default, a file in `.plat/`.

The version of an object is the number of the last change of the whole store that touched it, as etcd's revisions are.
A watch therefore needs no log of changes: what is newer than its version, in order, and what has been deleted since.
Of deletions the last `DELETIONS` are remembered; a watch from before the oldest has expired.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import AsyncGenerator, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, NamedTuple, Self, TypeVar

from plat.api import JSON, RefusedError
from plat.store.database import Database, Schema, Work
from plat.store.encoding import dump, load
from plat.store.objects import (
    Added,
    Deleted,
    Event,
    ExpiredError,
    Listing,
    Modified,
    Stored,
    check_body,
    check_patch,
    check_place,
)
from plat.store.patches import merge, same

DELETIONS: Final = 10_000
T = TypeVar("T")

_FIELDS: Final = "kind, namespace, name, uid, version, generation, labels, spec, status"
_SCHEMA: Final = Schema(
    "objects",
    (
        """CREATE TABLE objects (
            kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, uid TEXT NOT NULL,
            version INTEGER NOT NULL, generation INTEGER NOT NULL, labels TEXT NOT NULL, spec TEXT NOT NULL,
            status TEXT NOT NULL, created INTEGER NOT NULL, UNIQUE (kind, namespace, name))""",
        "CREATE INDEX objects_by_version ON objects (kind, version)",
        f"CREATE TABLE deleted AS SELECT {_FIELDS}, created FROM objects WHERE false",  # noqa: S608  # ours
        "CREATE INDEX deleted_by_version ON deleted (version)",
        "CREATE TABLE revision (version INTEGER NOT NULL, forgotten INTEGER NOT NULL)",
        "INSERT INTO revision VALUES (0, 0)",
    ),
)
_AT: Final = "kind = ? AND namespace = ? AND name = ?"


class _Page(NamedTuple):
    """What a watch has to tell, and the version up to which it has been told."""

    events: list[Event]
    version: int


class SqliteStore:
    """Objects in a database of ours. Writes that are asked for side by side are committed together.

    Every write that has returned survives a kill; those of the `durable` kinds also a loss of power.
    """

    def __init__(self, database: Database, *, durable: Collection[str] = (), deletions: int = DELETIONS) -> None:
        self.database = database
        self._durable, self._deletions = frozenset(durable), deletions

    @classmethod
    async def open(cls, path: Path, *, durable: Collection[str] = (), deletions: int = DELETIONS) -> Self:
        """Open or create the file; `aclose` closes it. See `Database.open` for errors."""
        database = await Database.open(path)
        try:
            return await cls.over(database, durable=durable, deletions=deletions)
        except BaseException:
            await database.aclose()
            raise

    @classmethod
    async def over(cls, database: Database, *, durable: Collection[str] = (), deletions: int = DELETIONS) -> Self:
        """Use a database that others use too."""
        await database.ensure(_SCHEMA)
        return cls(database, durable=durable, deletions=deletions)

    async def get(self, kind: str, name: str, namespace: str = "") -> Stored | None:
        """Return one object, or None."""
        check_place(kind, name, namespace)
        return await self.database.read(lambda connection: _get(connection, kind, namespace, name))

    async def list(
        self, kind: str, *, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> Listing:
        """Return the objects of a kind, and the version of the store."""
        check_body({}, labels or {})
        return await self.database.read(lambda connection: _list(connection, kind, namespace, labels or {}))

    async def create(
        self, kind: str, name: str, namespace: str = "", *, spec: JSON, labels: Mapping[str, str] | None = None
    ) -> Stored:
        """Add an object, its status empty. Refuses `exists`."""
        check_place(kind, name, namespace)
        check_body(spec, labels or {})
        obj = Stored(
            kind=kind,
            namespace=namespace,
            name=name,
            uid=str(uuid.uuid4()),
            generation=1,
            labels=dict(labels or {}),
            spec=load(dump(spec, where=name)),
        )
        return await self._write(kind, lambda connection: _create(connection, obj))

    async def update(self, obj: Stored, *, expected: str = "") -> Stored:
        """Write `spec` and `labels` under the version. Refuses `conflict` and `absent`."""
        check_body(obj.spec, obj.labels)
        wanted = replace(obj, version=expected or obj.version, spec=load(dump(obj.spec, where=str(obj))))
        return await self._write(obj.kind, lambda connection: _update(connection, wanted))

    async def update_status(self, obj: Stored, patch: JSON, *, expected: str = "") -> Stored:
        """Apply a merge patch to the status under the version. Refuses `conflict` and `absent`."""
        check_patch(patch)
        if same(merge(obj.status, patch), obj.status):
            return obj
        text = dump(patch, where=str(obj)).decode()
        place = (obj.kind, obj.namespace, obj.name)
        return await self._write(obj.kind, lambda connection: _patch(connection, place, text, expected or obj.version))

    async def delete(self, kind: str, name: str, namespace: str = "", *, expected: str = "") -> bool:
        """Remove an object; False where there is none. Refuses `conflict`."""
        check_place(kind, name, namespace)

        def work(connection: sqlite3.Connection) -> bool:
            return _delete(connection, (kind, namespace, name), expected=expected, keep=self._deletions)

        return await self._write(kind, work)

    async def watch(self, kind: str, since: str = "") -> AsyncGenerator[Event, None]:
        """Tell every change of a kind after a version, until the store is closed. Raises ExpiredError."""
        cursor = _cursor(since)
        going = True
        while going:
            moves = self.database.moves
            page = await self.database.read(_Since(kind, cursor, first=not since and cursor == 0))
            for event in page.events:
                yield event
            cursor = page.version
            going = await self.database.moved(moves)

    async def aclose(self) -> None:
        """Close the database."""
        await self.database.aclose()

    async def _write(self, kind: str, work: Work[T]) -> T:
        return await self.database.write(work, durable=kind in self._durable)


@dataclass(frozen=True)
class _Since:
    """The changes of one kind after a version, as work for `Database.read`."""

    kind: str
    after: int
    first: bool = field(kw_only=True)

    def __call__(self, connection: sqlite3.Connection) -> _Page:
        version, forgotten = connection.execute("SELECT version, forgotten FROM revision").fetchone()
        if not self.first and not forgotten <= self.after <= version:
            raise ExpiredError(f"changes of {self.kind} since version {self.after} are no longer known")
        rows = [(row[4], self._kept(row)) for row in self._rows(connection, "objects")]
        if not self.first:
            gone = self._rows(connection, "deleted")
            rows += [(row[4], Deleted(_stored(row))) for row in gone if row[-1] <= self.after]
        return _Page([event for _, event in sorted(rows, key=lambda row: row[0])], version)

    def _rows(self, connection: sqlite3.Connection, table: str) -> sqlite3.Cursor:
        query = f"SELECT {_FIELDS}, created FROM {table} WHERE kind = ? AND version > ?"  # noqa: S608  # ours
        return connection.execute(query, (self.kind, self.after))

    def _kept(self, row: tuple[Any, ...]) -> Event:
        return Added(_stored(row)) if row[-1] > self.after else Modified(_stored(row))


def _cursor(since: str) -> int:
    if since and not since.isdecimal():
        raise ExpiredError(f"{since!r} is not a version of this store")
    return int(since or 0)


def _stored(row: tuple[Any, ...]) -> Stored:
    return Stored(
        kind=row[0],
        namespace=row[1],
        name=row[2],
        uid=row[3],
        version=str(row[4]),
        generation=row[5],
        labels=load(row[6]),
        spec=load(row[7]),
        status=load(row[8]),
    )


def _get(connection: sqlite3.Connection, *place: str) -> Stored | None:
    row = connection.execute(f"SELECT {_FIELDS} FROM objects WHERE {_AT}", place).fetchone()  # noqa: S608  # ours
    return _stored(row) if row else None


def _list(connection: sqlite3.Connection, kind: str, namespace: str | None, labels: Mapping[str, str]) -> Listing:
    query, values = [f"SELECT {_FIELDS} FROM objects WHERE kind = ?"], [kind]  # noqa: S608  # ours
    if namespace is not None:
        query.append("AND namespace = ?")
        values.append(namespace)
    for key, value in labels.items():
        query.append("AND json_extract(labels, ?) = ?")
        values += [f'$."{key}"', value]
    rows = connection.execute(" ".join([*query, "ORDER BY namespace, name"]), values)
    return Listing(tuple(map(_stored, rows)), str(_revision(connection)))


def _revision(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT version FROM revision").fetchone()[0])


def _next(connection: sqlite3.Connection) -> int:
    return int(connection.execute("UPDATE revision SET version = version + 1 RETURNING version").fetchone()[0])


def _create(connection: sqlite3.Connection, obj: Stored) -> Stored:
    if _get(connection, obj.kind, obj.namespace, obj.name):
        raise RefusedError(f"{obj} exists already", code="exists")
    version = _next(connection)
    connection.execute(
        f"INSERT INTO objects ({_FIELDS}, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  # ours
        (obj.kind, obj.namespace, obj.name, obj.uid, version, 1, _text(obj.labels), _text(obj.spec), "{}", version),
    )
    return replace(obj, version=str(version))


def _update(connection: sqlite3.Connection, wanted: Stored) -> Stored:
    current = _current(connection, (wanted.kind, wanted.namespace, wanted.name), wanted.version)
    moved = not same(current.spec, wanted.spec)
    if not moved and dict(current.labels) == dict(wanted.labels):
        return current
    after = replace(
        current,
        version=str(_next(connection)),
        generation=current.generation + moved,
        labels=dict(wanted.labels),
        spec=wanted.spec,
    )
    connection.execute(
        f"UPDATE objects SET version = ?, generation = ?, labels = ?, spec = ? WHERE {_AT}",  # noqa: S608  # ours
        (
            int(after.version),
            after.generation,
            _text(after.labels),
            _text(after.spec),
            after.kind,
            after.namespace,
            after.name,
        ),
    )
    return after


def _patch(connection: sqlite3.Connection, place: tuple[str, str, str], patch: str, expected: str) -> Stored:
    current = _current(connection, place, expected)
    status = merge(current.status, load(patch))
    after = replace(current, version=str(_next(connection)), status=status)
    connection.execute(
        f"UPDATE objects SET version = ?, status = ? WHERE {_AT}",  # noqa: S608  # ours
        (int(after.version), _text(status), *place),
    )
    return after


def _delete(connection: sqlite3.Connection, place: tuple[str, str, str], *, expected: str, keep: int) -> bool:
    current = _get(connection, *place)
    if current is None:
        return False
    if expected and current.version != expected:
        raise _conflict(current, expected)
    version = _next(connection)
    connection.execute(
        f"INSERT INTO deleted SELECT kind, namespace, name, uid, ?, generation, labels, spec, status, created"  # noqa: S608  # ours
        f" FROM objects WHERE {_AT}",
        (version, *place),
    )
    connection.execute(f"DELETE FROM objects WHERE {_AT}", place)  # noqa: S608  # ours
    _forget(connection, keep)
    return True


def _forget(connection: sqlite3.Connection, keep: int) -> None:
    """Keep only the newest deletions, and remember from when on they are known."""
    query = "SELECT version FROM deleted ORDER BY version DESC LIMIT 1 OFFSET ?"
    row = connection.execute(query, (keep,)).fetchone()
    if row:
        connection.execute("DELETE FROM deleted WHERE version <= ?", row)
        connection.execute("UPDATE revision SET forgotten = ?", row)


def _current(connection: sqlite3.Connection, place: tuple[str, str, str], expected: str) -> Stored:
    current = _get(connection, *place)
    if current is None:
        raise RefusedError(f"{place[0]} {place[1]}/{place[2]} is gone", code="absent")
    if current.version != expected:
        raise _conflict(current, expected)
    return current


def _conflict(current: Stored, expected: str) -> RefusedError:
    return RefusedError(f"{current} has changed: version {current.version}, not {expected}", code="conflict")


def _text(value: JSON) -> str:
    return dump(value).decode()
