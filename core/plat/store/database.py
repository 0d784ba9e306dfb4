"""One SQLite file for many tasks: writes that are asked for side by side are committed together. Knows no table.

Every piece of work runs in a transaction of its own as far as it can see (a savepoint), so one refusal leaves the
others alone; a commit that fails fails all of them, and nothing is half done. A kill at any moment loses at most what
has not been answered yet: the file is in WAL mode. `durable` work also survives a loss of power.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Self, TypeAlias, TypeVar

from plat.api import UserError
from plat.store.faults import fault_of, file_fault
from plat.store.schemas import Schema, claim, migrate, use_wal

T = TypeVar("T")
Work: TypeAlias = Callable[[sqlite3.Connection], T]


@dataclass(frozen=True)
class _Job:
    """One piece of work and who waits for it."""

    work: Work[Any]
    durable: bool
    waiter: asyncio.Future[Any]


class Database:
    """Open one with `await Database.open(path)`, close it with `aclose`. Belongs to the event loop that opened it."""

    def __init__(self, path: Path, *, busy: timedelta, poll: timedelta) -> None:
        self.path = path
        self._busy, self._poll = busy.total_seconds(), poll.total_seconds()
        self._loop = asyncio.get_running_loop()
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="plat-store-write")
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="plat-store-read")
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._jobs: list[_Job] = []
        self._lock = threading.Lock()
        self._moved = asyncio.Event()
        self._moves = 0
        self._waiting = 0
        self._seen = 0
        self._poller: asyncio.Task[None] | None = None
        self._closed = False

    @classmethod
    async def open(
        cls, path: Path, *, busy: timedelta = timedelta(seconds=10), poll: timedelta = timedelta(seconds=0.25)
    ) -> Self:
        """Open or create the file (0600). `busy`: how long to wait for another process that writes.

        `poll`: how often an idle watch looks for commits of other processes, which takes one read of shared memory.
        Raises UserError for a file that is not ours or cannot be opened.
        """
        database = cls(path, busy=busy, poll=poll)
        try:
            await database._loop.run_in_executor(database._writing, database._connect)
        except BaseException:
            await database.aclose()
            raise
        return database

    async def ensure(self, schema: Schema) -> None:
        """Bring the tables of one part to its newest version. Raises UserError where a newer plat wrote them."""
        await self.write(lambda connection: migrate(connection, schema, self.path))

    async def read(self, work: Work[T]) -> T:
        """Run work that only reads, in one snapshot of everything that has been committed."""
        self._check_open()
        return await self._loop.run_in_executor(self._reading, self._snapshot, work)

    async def write(self, work: Work[T], *, durable: bool = False) -> T:
        """Run work that writes and return once it is committed. Errors that it raises undo it alone."""
        self._check_open()
        waiter: asyncio.Future[T] = self._loop.create_future()
        with self._lock:
            first = not self._jobs
            self._jobs.append(_Job(work, durable, waiter))
        if first:  # at the end of this turn of the loop, so that whatever asks now goes with it
            self._loop.call_soon(self._submit)
        return await waiter

    @property
    def moves(self) -> int:
        """Return a number that grows with each commit that this process knows of."""
        return self._moves

    async def moved(self, since: int) -> bool:
        """Wait until `moves` is no longer `since`: something was committed, here or by another process.

        False once the database is closed: nothing will move any more.
        """
        self._waiting += 1
        if self._poller is None and not self._closed:
            self._poller = self._loop.create_task(self._look_for_others())
        try:
            while self._moves == since and not self._closed:
                await self._moved.wait()
        finally:
            self._waiting -= 1
        return not self._closed

    async def aclose(self) -> None:
        """Commit what has been asked for, and close. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self._announce()
        if self._poller is not None:
            self._poller.cancel()
            await asyncio.gather(self._poller, return_exceptions=True)
        await self._loop.run_in_executor(self._writing, self._drain)
        for pool, connection in ((self._reading, self._reader), (self._writing, self._writer)):
            if connection is not None:
                await self._loop.run_in_executor(pool, connection.close)
            pool.shutdown(wait=False)

    def _submit(self) -> None:
        if not self._closed:  # closing drains by itself
            self._writing.submit(self._drain)

    def _connect(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            self.path.chmod(0o600)  # -wal and -shm are created by SQLite with the rights of the file
        except OSError as error:
            raise file_fault(error, self.path) from None
        with self._told():
            self._writer = self._connection()
            claim(self._writer, self.path)
            use_wal(self._writer, self._busy)
            self._reader = self._connection()
            self._reader.execute("PRAGMA query_only=ON")
            self._seen = self._data_version()

    def _connection(self) -> sqlite3.Connection:
        # isolation_level=None: transactions are ours. Each connection is used by one thread of ours at a time.
        connection = sqlite3.connect(self.path, self._busy, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA foreign_keys=ON")
        return connection

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Turn errors of the world around the file into ours."""
        try:
            yield
        except sqlite3.Error as error:
            raise fault_of(error, self.path) or error from None

    def _snapshot(self, work: Work[T]) -> T:
        reader = _connected(self._reader)
        with self._told():
            reader.execute("BEGIN")
            try:
                return work(reader)
            finally:
                reader.execute("COMMIT")

    def _check_open(self) -> None:
        if self._closed:
            raise UserError("the state of plat is closed", where=str(self.path))

    def _drain(self) -> None:
        """Commit everything that waits, in the thread that writes."""
        with self._lock:
            jobs, self._jobs = self._jobs, []
        if not jobs:
            return
        try:
            with self._told():
                answers = self._commit(_connected(self._writer), jobs)
        except Exception as error:  # noqa: BLE001  # whatever it is, those who wait must hear of it
            answers = [error] * len(jobs)
        self._loop.call_soon_threadsafe(self._answer, jobs, answers)

    def _commit(self, writer: sqlite3.Connection, jobs: Sequence[_Job]) -> list[Any]:
        """Return a value or an exception for each job, all in one transaction."""
        level = "FULL" if any(job.durable for job in jobs) else "NORMAL"
        writer.execute(f"PRAGMA synchronous={level}")
        writer.execute("BEGIN IMMEDIATE")
        try:
            answers = [self._one(writer, job) for job in jobs]
            writer.execute("COMMIT")
        except BaseException:
            if writer.in_transaction:
                writer.execute("ROLLBACK")
            raise
        return answers

    def _one(self, writer: sqlite3.Connection, job: _Job) -> Any:
        writer.execute("SAVEPOINT job")
        try:
            answer = job.work(writer)
        except Exception as error:
            if isinstance(error, sqlite3.Error) and fault_of(error, self.path):
                raise  # a full disk is nobody's own: the whole commit fails
            writer.execute("ROLLBACK TO job")
            answer = error
        writer.execute("RELEASE job")
        return answer

    def _answer(self, jobs: Sequence[_Job], answers: Sequence[Any]) -> None:
        for job, answer in zip(jobs, answers, strict=True):
            if job.waiter.done():
                continue
            if isinstance(answer, Exception):
                job.waiter.set_exception(answer)
            else:
                job.waiter.set_result(answer)
        self._announce()

    def _announce(self) -> None:
        self._moves += 1
        self._moved.set()
        self._moved = asyncio.Event()

    async def _look_for_others(self) -> None:
        """Announce commits of other processes while somebody waits for one."""
        while True:
            await asyncio.sleep(self._poll)
            if not self._waiting:
                continue
            version = await self._loop.run_in_executor(self._reading, self._data_version)
            if version != self._seen:
                self._seen = version
                self._announce()

    def _data_version(self) -> int:
        return int(_connected(self._reader).execute("PRAGMA data_version").fetchone()[0])


def _connected(connection: sqlite3.Connection | None) -> sqlite3.Connection:
    if connection is None:
        raise RuntimeError("used before it was opened")
    return connection
