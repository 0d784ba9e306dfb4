"""Objects as rows: what `SqliteStore` does inside one transaction. It opens none, and knows no task.

The version of an object is the number of the last change of the whole store that touched it, as etcd's revisions are.
A watch therefore needs no log of changes: what is newer than its version, in order, and what has been deleted since.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from plat.api import JSON, RefusedError
from plat.store.encoding import dump, load
from plat.store.objects import Added, Deleted, Event, ExpiredError, Listing, Modified, Stored
from plat.store.patches import merge, same
from plat.store.schemas import Schema

_FIELDS: Final = "kind, namespace, name, uid, version, generation, labels, spec, status"
SCHEMA: Final = Schema(
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


class Page(NamedTuple):
    """What a watch has to tell, and the version up to which it has been told."""

    events: list[Event]
    version: int


@dataclass(frozen=True)
class Since:
    """The changes of one kind after a version, as work for `Database.read`."""

    kind: str
    after: int
    first: bool = field(kw_only=True)

    def __call__(self, connection: sqlite3.Connection) -> Page:
        """Return the page. Raises ExpiredError."""
        version, forgotten = connection.execute("SELECT version, forgotten FROM revision").fetchone()
        if not self.first and not forgotten <= self.after <= version:
            raise ExpiredError(f"changes of {self.kind} since version {self.after} are no longer known")
        rows = [(row[4], self._kept(row)) for row in self._rows(connection, "objects")]
        if not self.first:
            gone = self._rows(connection, "deleted")
            rows += [(row[4], Deleted(_stored(row))) for row in gone if row[-1] <= self.after]
        return Page([event for _, event in sorted(rows, key=lambda row: row[0])], version)

    def _rows(self, connection: sqlite3.Connection, table: str) -> sqlite3.Cursor:
        query = f"SELECT {_FIELDS}, created FROM {table} WHERE kind = ? AND version > ?"  # noqa: S608  # ours
        return connection.execute(query, (self.kind, self.after))

    def _kept(self, row: tuple[Any, ...]) -> Event:
        return Added(_stored(row)) if row[-1] > self.after else Modified(_stored(row))


def cursor_of(since: str) -> int:
    """Return a version as a number. Raises ExpiredError for one that is not of such a store."""
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


def get_one(connection: sqlite3.Connection, *place: str) -> Stored | None:
    """Return the object at a place (kind, namespace, name)."""
    row = connection.execute(f"SELECT {_FIELDS} FROM objects WHERE {_AT}", place).fetchone()  # noqa: S608  # ours
    return _stored(row) if row else None


def list_all(connection: sqlite3.Connection, kind: str, namespace: str | None, labels: Mapping[str, str]) -> Listing:
    """Return objects in order, and the version of the store."""
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
    connection.execute("UPDATE revision SET version = version + 1")
    return _revision(connection)


def create_one(connection: sqlite3.Connection, obj: Stored) -> Stored:
    """Add an object. Refuses `exists`."""
    if get_one(connection, obj.kind, obj.namespace, obj.name):
        raise RefusedError(f"{obj} exists already", code="exists")
    version = _next(connection)
    connection.execute(
        f"INSERT INTO objects ({_FIELDS}, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  # ours
        (obj.kind, obj.namespace, obj.name, obj.uid, version, 1, _text(obj.labels), _text(obj.spec), "{}", version),
    )
    return replace(obj, version=str(version))


def update_one(connection: sqlite3.Connection, wanted: Stored) -> Stored:
    """Write labels and specification if they differ. Refuses `conflict` and `absent`."""
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


def patch_one(connection: sqlite3.Connection, place: tuple[str, str, str], patch: str, expected: str) -> Stored:
    """Merge a patch, as text, into a status. Refuses `conflict` and `absent`."""
    current = _current(connection, place, expected)
    status = merge(current.status, load(patch))
    after = replace(current, version=str(_next(connection)), status=status)
    connection.execute(
        f"UPDATE objects SET version = ?, status = ? WHERE {_AT}",  # noqa: S608  # ours
        (int(after.version), _text(status), *place),
    )
    return after


def delete_one(connection: sqlite3.Connection, place: tuple[str, str, str], *, expected: str, keep: int) -> bool:
    """Remove an object and remember it, and `keep` more deletions. Refuses `conflict`."""
    current = get_one(connection, *place)
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
    current = get_one(connection, *place)
    if current is None:
        raise RefusedError(f"{place[0]} {place[1]}/{place[2]} is gone", code="absent")
    if current.version != expected:
        raise _conflict(current, expected)
    return current


def _conflict(current: Stored, expected: str) -> RefusedError:
    return RefusedError(f"{current} has changed: version {current.version}, not {expected}", code="conflict")


def _text(value: JSON) -> str:
    return dump(value).decode()
