from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.store.contract import StoreContract, told

from plat.api import UnavailableError, UserError
from plat.store import Database, Deleted, ExpiredError, SqliteStore

KIND = "Freight"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".plat" / "state.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(path)
    yield opened
    await opened.aclose()


async def statuses(path: Path) -> Mapping[str, Any]:
    """Return the status of each object by name, of a file that must be whole."""
    store = await SqliteStore.open(path)
    [check] = await store.database.read(lambda connection: connection.execute("PRAGMA integrity_check").fetchone())
    assert check == "ok"
    found = {obj.name: obj.status for obj in await store.list(KIND)}
    await store.aclose()
    return found


class TestContract(StoreContract):
    pass


async def test_the_file_is_for_its_owner_only(store: SqliteStore, path: Path) -> None:
    await store.create(KIND, "f1", spec={})
    assert {file.name: oct(file.stat().st_mode & 0o777) for file in path.parent.iterdir()} == dict.fromkeys(
        ["state.db", "state.db-wal", "state.db-shm"], "0o600"
    )
    assert path.parent.stat().st_mode & 0o777 == 0o700


async def test_what_was_written_is_there_in_the_next_process(path: Path) -> None:
    store = await SqliteStore.open(path)
    made = await store.update_status(await store.create(KIND, "f1", spec={"a": 1}), {"phase": "Ready"})
    await store.aclose()
    again = await SqliteStore.open(path)
    assert await again.get(KIND, "f1") == made
    assert (await again.list(KIND)).version == made.version
    await again.aclose()


async def test_closing_commits_what_was_asked_for(path: Path) -> None:
    store = await SqliteStore.open(path)
    writes = [asyncio.ensure_future(store.create(KIND, f"f{number}", spec={})) for number in range(50)]
    await asyncio.sleep(0)
    await store.aclose()
    await asyncio.gather(*writes)
    again = await SqliteStore.open(path)
    assert len(await again.list(KIND)) == 50
    await again.aclose()


async def test_a_closed_store_says_so(store: SqliteStore) -> None:
    await store.aclose()
    await store.aclose()
    with pytest.raises(UserError, match="closed"):
        await store.get(KIND, "f1")
    with pytest.raises(UserError, match="closed"):
        await store.create(KIND, "f1", spec={})


async def test_closing_ends_a_watch(store: SqliteStore) -> None:
    made = await store.create(KIND, "f1", spec={})
    waiting = asyncio.create_task(told(store, KIND, "", 2))
    await asyncio.sleep(0.1)
    await store.aclose()
    assert [event.object for event in await waiting] == [made]


async def test_many_small_writes_are_few_commits(store: SqliteStore) -> None:
    made = [await store.create(KIND, f"a{number}", spec={}) for number in range(3)]
    made += await asyncio.gather(*(store.create(KIND, f"b{number}", spec={}) for number in range(1000)))
    before = store.database.moves
    await asyncio.gather(*(store.update_status(obj, {"text": "x" * 2000}) for obj in made))
    assert store.database.moves - before <= 10
    assert all(obj.status == {"text": "x" * 2000} for obj in await store.list(KIND))


async def test_one_refusal_leaves_the_others_of_its_commit_alone(store: SqliteStore) -> None:
    names = ["a", "b", "a", "c"]
    results = await asyncio.gather(*(store.create(KIND, name, spec={}) for name in names), return_exceptions=True)
    assert [getattr(result, "code", "") for result in results] == ["", "", "exists", ""]
    assert [obj.name for obj in await store.list(KIND)] == ["a", "b", "c"]


async def test_a_caller_that_gives_up_does_not_stop_the_others(store: SqliteStore) -> None:
    writes = [asyncio.ensure_future(store.create(KIND, f"f{number}", spec={})) for number in range(10)]
    await asyncio.sleep(0)
    writes[4].cancel()
    await asyncio.gather(*writes, return_exceptions=True)
    assert len(await store.list(KIND)) >= 9


async def test_forgotten_deletions_expire_a_watch(path: Path) -> None:
    store = await SqliteStore.open(path, deletions=2)
    versions = [(await store.create(KIND, f"f{number}", spec={})).version for number in range(4)]
    for number in range(4):
        await store.delete(KIND, f"f{number}")
    with pytest.raises(ExpiredError):
        await told(store, KIND, versions[0], 1)
    listing = await store.list(KIND)
    await store.create(KIND, "new", spec={})
    assert [event.object.name for event in await told(store, KIND, listing.version, 1)] == ["new"]
    await store.aclose()


async def test_a_full_disk_is_one_clear_error_and_nothing_is_half_done(store: SqliteStore) -> None:
    kept = await store.create(KIND, "kept", spec={"a": 1})
    await store.database.write(lambda connection: connection.execute("PRAGMA max_page_count=20").fetchone())
    writes = (store.create(KIND, f"f{number}", spec={"text": "x" * 2000}) for number in range(100))
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert {type(result) for result in results} == {UserError}
    assert "no space left" in str(results[0])
    assert "free some disk space" in str(results[0])
    assert list(await store.list(KIND)) == [kept]
    await store.database.write(lambda connection: connection.execute("PRAGMA max_page_count=100000").fetchone())
    await store.create(KIND, "again", spec={})


_FILLER = """
import asyncio, resource, sys
from pathlib import Path
from plat.api import UserError
from plat.store import SqliteStore
async def main():
    store = await SqliteStore.open(Path(sys.argv[1]))
    await store.create("Freight", "kept", spec={})
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    try:
        for number in range(1000):
            await store.create("Freight", f"f{number}", spec={"text": "x" * 2000})
            print(f"f{number}", flush=True)
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
asyncio.run(main())
"""


def test_a_file_that_may_not_grow_is_one_clear_error(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _FILLER, path], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "free some disk space" in done.stderr
    assert "Traceback" not in done.stderr
    assert asyncio.run(statuses(path)).keys() == {"kept", *done.stdout.split()}


_WRITER = """
import asyncio, sys
from pathlib import Path
from plat.store import SqliteStore
async def main():
    store = await SqliteStore.open(Path(sys.argv[1]))
    async def one(obj, number):
        while True:
            number += 1
            obj = await store.update_status(obj, {"number": number, "twin": number, "text": "x" * 2000})
            print(obj.name, number, flush=True)
    objs = await store.list("Freight")
    objs = objs or [await store.create("Freight", f"f{number}", spec={}) for number in range(5)]
    await asyncio.gather(*(one(obj, obj.status.get("number", 0)) for obj in objs))
asyncio.run(main())
"""


def test_a_killed_writer_loses_nothing_that_it_was_told_is_done(path: Path) -> None:
    for _ in range(5):
        with subprocess.Popen([sys.executable, "-c", _WRITER, path], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout
            lines = [writer.stdout.readline() for _ in range(40)]
            os.kill(writer.pid, signal.SIGKILL)
            lines += writer.stdout.readlines()
        acknowledged = {name: int(number) for name, number in (line.split() for line in lines if line.endswith("\n"))}
        found = asyncio.run(statuses(path))
        assert all(found[name]["number"] >= number for name, number in acknowledged.items())
        assert all(status["number"] == status["twin"] for status in found.values())


_COUNTER = """
import asyncio, sys
from pathlib import Path
from plat.api import RefusedError
from plat.store import SqliteStore
async def main():
    store = await SqliteStore.open(Path(sys.argv[1]))
    for number in range(100):
        while True:
            obj = await store.get("Freight", "counter")
            try:
                await store.update_status(obj, {"count": obj.status.get("count", 0) + 1})
                break
            except RefusedError as error:
                assert error.code == "conflict"
    await store.aclose()
asyncio.run(main())
"""


async def test_two_processes_write_one_object_without_losing_a_change(store: SqliteStore, path: Path) -> None:
    await store.create(KIND, "counter", spec={})
    both = [await asyncio.create_subprocess_exec(sys.executable, "-c", _COUNTER, path) for _ in range(2)]
    assert [await process.wait() for process in both] == [0, 0]
    obj = await store.get(KIND, "counter")
    assert obj
    assert obj.status == {"count": 200}


async def test_two_that_create_the_file_at_once_both_succeed(path: Path) -> None:
    program = "import asyncio, sys; from pathlib import Path; from plat.store import SqliteStore;"
    program += "asyncio.run(SqliteStore.open(Path(sys.argv[1])))"
    both = [await asyncio.create_subprocess_exec(sys.executable, "-c", program, path) for _ in range(4)]
    assert [await process.wait() for process in both] == [0] * 4


async def test_a_watch_tells_what_another_process_writes(store: SqliteStore, path: Path) -> None:
    waiting = asyncio.create_task(told(store, KIND, "", 2))
    await asyncio.sleep(0.1)
    other = await SqliteStore.open(path)
    made = await other.create(KIND, "f1", spec={"a": 1})
    await asyncio.sleep(0.6)
    await other.delete(KIND, "f1")
    events = await waiting
    assert events[0].object == made
    assert isinstance(events[1], Deleted)
    await other.aclose()


async def test_a_file_that_another_process_locks_is_not_now(path: Path) -> None:
    database = await Database.open(path, busy=timedelta(seconds=0.1))
    store = await SqliteStore.over(database)
    blocker = sqlite3.connect(path)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(UnavailableError, match="another process") as caught:
        await store.create(KIND, "f1", spec={})
    assert caught.value.code == "locked"
    assert await store.get(KIND, "f1") is None
    blocker.close()
    await store.create(KIND, "f1", spec={})
    await store.aclose()


async def test_a_short_lock_of_another_process_is_waited_for(store: SqliteStore, path: Path) -> None:
    blocker = sqlite3.connect(path, check_same_thread=False)
    blocker.execute("BEGIN IMMEDIATE")
    asyncio.get_running_loop().call_later(0.3, blocker.close)
    started = time.monotonic()
    await store.create(KIND, "f1", spec={})
    assert time.monotonic() - started > 0.2


def _text(path: Path) -> None:
    path.write_text("this is no database, whatever its name says" * 100)


def _foreign(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (a)")
    connection.close()


def _newer(path: Path) -> None:
    asyncio.run(_touch(path))
    connection = sqlite3.connect(path)
    connection.execute("UPDATE parts SET version = 999")
    connection.commit()
    connection.close()


async def _touch(path: Path) -> None:
    await (await SqliteStore.open(path)).aclose()


def _directory(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (_text, "not a whole database"),
        (_foreign, "belongs to another program"),
        (_newer, "a newer plat wrote this"),
        (_directory, "directory"),
    ],
)
def test_a_file_that_is_not_ours_is_refused_and_left_as_it_is(
    tmp_path: Path, prepare: Callable[[Path], None], says: str
) -> None:
    path = tmp_path / "state.db"
    prepare(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(UserError, match=says) as caught:
        asyncio.run(_touch(path))
    assert caught.value.where == str(path)
    assert caught.value.remedy
    if before is not None:
        assert path.read_bytes() == before


def test_a_directory_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"Not a directory|File exists"):
        asyncio.run(_touch(tmp_path / "file" / "state.db"))


@pytest.mark.parametrize(("kind", "level"), [("Intent", 2), (KIND, 1)])
async def test_durable_kinds_wait_for_the_disk(path: Path, kind: str, level: int) -> None:
    store = await SqliteStore.open(path, durable={"Intent"})
    await asyncio.gather(store.create(kind, "a", spec={}), store.create(KIND, "b", spec={}))
    assert store.database._writer
    assert store.database._writer.execute("PRAGMA synchronous").fetchone() == (level,)
    await store.aclose()
