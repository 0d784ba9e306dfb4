"""`ObjectStore` on SQLite: the default, a file in `.plat/`.

Of deletions the last `DELETIONS` are remembered; a watch from before the oldest has expired.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import AsyncGenerator, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, Self, TypeVar

from plat.api import JSON
from plat.store import tables
from plat.store.database import Database, Work
from plat.store.encoding import dump, load
from plat.store.objects import (
    Event,
    Listing,
    Stored,
    check_body,
    check_patch,
    check_place,
)
from plat.store.patches import merge, same

DELETIONS: Final = 10_000
T = TypeVar("T")


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
        await database.ensure(tables.SCHEMA)
        return cls(database, durable=durable, deletions=deletions)

    async def get(self, kind: str, name: str, namespace: str = "") -> Stored | None:
        """Return one object, or None."""
        check_place(kind, name, namespace)
        return await self.database.read(lambda connection: tables.get_one(connection, kind, namespace, name))

    async def list(
        self, kind: str, *, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> Listing:
        """Return the objects of a kind, and the version of the store."""
        check_body({}, labels or {})
        return await self.database.read(lambda connection: tables.list_all(connection, kind, namespace, labels or {}))

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
        return await self._write(kind, lambda connection: tables.create_one(connection, obj))

    async def update(self, obj: Stored, *, expected: str = "") -> Stored:
        """Write `spec` and `labels` under the version. Refuses `conflict` and `absent`."""
        check_body(obj.spec, obj.labels)
        wanted = replace(obj, version=expected or obj.version, spec=load(dump(obj.spec, where=str(obj))))
        return await self._write(obj.kind, lambda connection: tables.update_one(connection, wanted))

    async def update_status(self, obj: Stored, patch: JSON, *, expected: str = "") -> Stored:
        """Apply a merge patch to the status under the version. Refuses `conflict` and `absent`."""
        check_patch(patch)
        if same(merge(obj.status, patch), obj.status):
            return obj
        text = dump(patch, where=str(obj)).decode()
        place = (obj.kind, obj.namespace, obj.name)
        return await self._write(
            obj.kind, lambda connection: tables.patch_one(connection, place, text, expected or obj.version)
        )

    async def delete(self, kind: str, name: str, namespace: str = "", *, expected: str = "") -> bool:
        """Remove an object; False where there is none. Refuses `conflict`."""
        check_place(kind, name, namespace)

        def work(connection: sqlite3.Connection) -> bool:
            return tables.delete_one(connection, (kind, namespace, name), expected=expected, keep=self._deletions)

        return await self._write(kind, work)

    async def watch(self, kind: str, since: str = "") -> AsyncGenerator[Event, None]:
        """Tell every change of a kind after a version, until the store is closed. Raises ExpiredError."""
        cursor = tables.cursor_of(since)
        going = True
        while going:
            moves = self.database.moves
            page = await self.database.read(tables.Since(kind, cursor, first=not since and cursor == 0))
            for event in page.events:
                yield event
            cursor = page.version
            going = await self.database.moved(moves)

    async def aclose(self) -> None:
        """Close the database."""
        await self.database.aclose()

    async def _write(self, kind: str, work: Work[T]) -> T:
        return await self.database.write(work, durable=kind in self._durable)
