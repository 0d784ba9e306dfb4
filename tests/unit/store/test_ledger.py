from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from operator import methodcaller
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plat.api import Sensitive, UserError
from plat.store import Database, Head, Ledger, Row
from plat.store.chains import check_chains, genesis, link

NOW = datetime(2026, 11, 25, 13, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(path)
    yield opened
    await opened.aclose()


def row(number: int, **fields: Any) -> Row:
    drift = Row(at=NOW + timedelta(seconds=number), type="drift", subject=f"Deployment shop/web-{number}")
    return replace(drift, facts={"field": "spec.replicas", "number": number}, by="kubectl-edit", **fields)


async def filled(database: Database, *, epochs: int = 3, rows: int = 4) -> Ledger:
    """Return a ledger of several epochs, as several processes one after the other leave it."""
    for epoch in range(epochs):
        ledger = await Ledger.open(database, "shop")
        await ledger.extend([row(epoch * 100 + number) for number in range(rows)])
    return ledger


async def test_what_is_appended_comes_back(database: Database) -> None:
    ledger = await Ledger.open(database, "shop")
    first = await ledger.append(row(1, because="someone edited it"))
    second = await ledger.append(row(2))
    assert await ledger.query() == [second, first]
    assert (first.epoch, first.seq, second.seq) == (1, 1, 2)
    assert second.previous == first.hash
    assert await ledger.head() == Head(1, 2, second.hash)
    assert (await ledger.verify()) == (await ledger.verify([Head(1, 2, second.hash)]))


async def test_an_empty_ledger_is_whole(database: Database) -> None:
    ledger = await Ledger.open(database, "shop")
    assert (await ledger.verify()).ok
    assert await ledger.extend([]) == []
    assert await ledger.query() == []
    assert await ledger.head() is None


class Clock:
    def now(self) -> datetime:
        return NOW


async def test_a_row_that_does_not_say_when_is_dated_by_the_clock(database: Database) -> None:
    ledger = await Ledger.open(database, "shop", clock=Clock())
    written = await ledger.append(Row(type="drift", subject="Deployment shop/web"))
    assert written.at == NOW
    assert await ledger.query() == [written]
    by_system = await (await Ledger.open(database, "shop")).append(Row(type="drift", subject="x"))
    assert abs(by_system.at - datetime.now(UTC)) < timedelta(minutes=1)


QUERIES = [
    ({}, [5, 4, 3, 2, 1]),
    ({"limit": 2}, [5, 4]),
    ({"limit": 0}, [5, 4, 3, 2, 1]),
    ({"type": "healed"}, [5, 3]),
    ({"subject": "Deployment shop/web-2"}, [2]),
    ({"since": NOW + timedelta(seconds=4)}, [5, 4]),
    ({"since": (NOW + timedelta(seconds=4)).astimezone(timezone(timedelta(hours=9)))}, [5, 4]),
    ({"type": "healed", "since": NOW + timedelta(seconds=4), "limit": 5}, [5]),
    ({"type": "no such"}, []),
]


@pytest.mark.parametrize(("query", "numbers"), QUERIES)
async def test_queries(database: Database, query: dict[str, object], numbers: list[int]) -> None:
    ledger = await Ledger.open(database, "shop")
    await ledger.extend([row(number, type="healed" if number in {3, 5} else "drift") for number in range(1, 6)])
    await (await Ledger.open(database, "other")).append(row(9))
    assert [found.facts["number"] for found in await ledger.query(**query)] == numbers  # type: ignore[arg-type]  # a table


async def test_rows_asked_for_side_by_side_are_one_chain(database: Database) -> None:
    ledger = await Ledger.open(database, "shop")
    rows = await asyncio.gather(*(ledger.append(row(number)) for number in range(200)))
    assert sorted(written.seq for written in rows) == list(range(1, 201))
    assert {written.epoch for written in rows} == {1}
    verified = await ledger.verify()
    assert (verified.ok, verified.rows) == (True, 200)


async def test_secrets_are_masked(database: Database, path: Path) -> None:
    ledger = await Ledger.open(database, "shop")
    written = await ledger.append(row(1, type="plan", because="x"))
    written = await ledger.append(
        replace(row(2), facts={"password": Sensitive("hunter2"), "deep": [Sensitive({"a": 1})]})
    )
    assert written.facts == {"password": "(sensitive)", "deep": ["(sensitive)"]}
    assert (await ledger.verify()).ok
    assert b"hunter2" not in b"".join(file.read_bytes() for file in path.parent.iterdir())


@pytest.mark.parametrize("bad", [row(1, type=""), row(1, subject=""), row(1, at=datetime(2026, 1, 1))])  # noqa: DTZ001
async def test_a_row_that_says_nothing_is_refused_with_all_beside_it(database: Database, bad: Row) -> None:
    ledger = await Ledger.open(database, "shop")
    with pytest.raises(UserError):
        await ledger.extend([row(1), bad])
    assert await ledger.query() == []


async def test_each_process_has_a_chain_that_names_those_before(database: Database) -> None:
    ledger = await filled(database)
    assert [(head.epoch, head.seq) for head in await ledger.heads()] == [(1, 4), (2, 4), (3, 4)]
    assert (await ledger.verify()).ok


async def test_two_that_write_at_once_have_two_chains(database: Database) -> None:
    one, other = await Ledger.open(database, "shop"), await Ledger.open(database, "shop")
    for number in range(5):
        await one.append(row(number))
        await other.append(row(100 + number))
    third = await Ledger.open(database, "shop")
    await third.append(row(200))
    assert [(head.epoch, head.seq) for head in await one.heads()] == [(1, 5), (2, 5), (3, 1)]
    verified = await third.verify()
    assert (verified.ok, verified.rows) == (True, 11)


async def test_a_row_cannot_be_changed_by_accident(database: Database) -> None:
    ledger = await filled(database)
    for statement in ("UPDATE ledger SET by = 'me'", "DELETE FROM ledger"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            await database.write(methodcaller("execute", statement))
    assert (await ledger.verify()).rows == 12


async def test_a_full_disk_leaves_the_chain_whole(database: Database) -> None:
    ledger = await Ledger.open(database, "shop")
    await database.write(lambda connection: connection.execute("PRAGMA max_page_count=30").fetchone())
    with pytest.raises(UserError, match="no space"):
        await ledger.extend([row(number, because="x" * 2000) for number in range(100)])
    await ledger.append(row(1))
    assert (await ledger.verify()).rows == 1


CUT_TAIL = "DELETE FROM ledger WHERE epoch = 3 AND seq > 2"
TAMPERING = [
    ("UPDATE ledger SET by = 'nobody' WHERE epoch = 2 AND seq = 3", (2, 3), "not what was written"),
    ("UPDATE ledger SET facts = '{}' WHERE epoch = 1 AND seq = 1", (1, 1), "not what was written"),
    ("UPDATE ledger SET at = '2026-11-25T14:00:00.000000Z' WHERE epoch = 3 AND seq = 4", (3, 4), "not what was"),
    ("UPDATE ledger SET hash = 'x' WHERE epoch = 2 AND seq = 2", (2, 2), "not what was written"),
    ("UPDATE ledger SET stack = 'other' WHERE epoch = 2 AND seq = 2", (2, 3), "missing"),
    ("DELETE FROM ledger WHERE epoch = 2 AND seq = 2", (2, 3), "missing"),
    ("DELETE FROM ledger WHERE epoch = 2 AND seq >= 3", (2, 3), "missing"),
    ("DELETE FROM ledger WHERE epoch = 1", (1, 1), "missing"),
    ("DELETE FROM ledger WHERE epoch = 3", (3, 1), "missing"),
    ("UPDATE ledger SET seq = 9 - seq WHERE epoch = 2 AND seq IN (1, 2)", (2, 8), "out of order"),
    ("UPDATE ledger SET position = 100 - position WHERE epoch = 2 AND seq IN (2, 3)", (2, 4), "out of order"),
    ("UPDATE epochs SET after = '[]' WHERE epoch = 2", (2, 1), "does not follow"),
    ("DELETE FROM epochs WHERE epoch = 2", (2, 1), "never opened"),
    (CUT_TAIL, None, ""),
]


@pytest.mark.parametrize(("statement", "first_bad", "why"), TAMPERING)
async def test_tampering_is_found(
    database: Database, path: Path, statement: str, first_bad: tuple[int, int] | None, why: str
) -> None:
    ledger = await filled(database)
    anchors = await ledger.heads()
    tamper(path, statement)
    verified = await ledger.verify()
    assert (verified.ok, verified.first_bad) == (first_bad is None, first_bad)
    assert why in verified.why
    assert not (await ledger.verify(anchors)).ok


async def test_a_whole_chain_that_is_removed_is_found(database: Database, path: Path) -> None:
    ledger = await filled(database)
    tamper(path, "DELETE FROM ledger WHERE epoch = 2", "DELETE FROM epochs WHERE epoch = 2")
    assert (await ledger.verify()).first_bad == (2, 1)


async def test_a_row_put_in_the_place_of_another_is_found(database: Database, path: Path) -> None:
    ledger = await filled(database)
    [head] = [head for head in await ledger.heads() if head.epoch == 2]
    last = (await ledger.query(subject="Deployment shop/web-103"))[0]
    forged = link("shop", 2, 4, ("2026-11-25T13:00:00.000000Z", "drift", "x", "", "", "{}"), last.previous)
    values = f"at = '2026-11-25T13:00:00.000000Z', subject = 'x', by = '', facts = '{{}}', hash = '{forged}'"
    tamper(path, f"UPDATE ledger SET {values} WHERE epoch = 2 AND seq = 4")
    verified = await ledger.verify()
    assert (verified.first_bad, verified.why) == ((2, 4), "a later chain or an anchor knows another row here")
    assert head.hash == last.hash


def tamper(path: Path, *statements: str) -> None:
    with sqlite3.connect(path, timeout=10) as connection:
        for statement in ("DROP TRIGGER ledger_keeps", "DROP TRIGGER ledger_stays", *statements):
            connection.execute(statement)
    connection.close()


TEXT = st.text(max_size=3)
CHAIN = st.lists(st.tuples(*[TEXT] * 6), min_size=1, max_size=8)


def chained(stack: str, said: list[tuple[str, ...]]) -> list[tuple[object, ...]]:
    rows, previous = [], genesis(stack, 1, "[]")
    for number, texts in enumerate(said, 1):
        digest = link(stack, 1, number, texts, previous)
        rows.append((1, number, *texts, previous, digest))
        previous = digest
    return rows


def change(rows: list[tuple[object, ...]], at: int) -> None:
    column = at % 10
    changed = rows[at % len(rows)][column]
    value = changed + 1 if isinstance(changed, int) else f"{changed}!"
    rows[at % len(rows)] = (*rows[at % len(rows)][:column], value, *rows[at % len(rows)][column + 1 :])


def remove(rows: list[tuple[object, ...]], at: int) -> None:
    del rows[at % len(rows)]


def swap(rows: list[tuple[object, ...]], at: int) -> None:
    rows.insert(at % len(rows), rows.pop())


def repeat(rows: list[tuple[object, ...]], at: int) -> None:
    rows.append(rows[at % len(rows)])


UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@UNHURRIED
@given(TEXT, CHAIN)
def test_an_untouched_chain_is_whole(stack: str, said: list[tuple[str, ...]]) -> None:
    verified = check_chains(stack, [(1, "[]")], chained(stack, said))
    assert (verified.ok, verified.rows) == (True, len(said))


@UNHURRIED
@given(TEXT, CHAIN, st.sampled_from([change, remove, swap, repeat]), st.integers(0, 1000))
def test_any_touch_is_found(
    stack: str, said: list[tuple[str, ...]], touch: Callable[[list[tuple[object, ...]], int], None], at: int
) -> None:
    rows = chained(stack, said)
    head = Head(1, len(rows), str(rows[-1][-1]))
    touched = list(rows)
    touch(touched, at)
    verified = check_chains(stack, [(1, "[]")], touched, anchors=[head])
    assert verified.ok == (touched == rows)


@UNHURRIED
@given(st.lists(TEXT, min_size=7, max_size=7), st.lists(TEXT, min_size=7, max_size=7))
def test_no_two_rows_have_one_hash(one: list[str], other: list[str]) -> None:
    assert (link(one[0], 1, 1, one[1:], "") == link(other[0], 1, 1, other[1:], "")) == (one == other)


def test_a_ledger_of_a_killed_process_goes_on(tmp_path: Path) -> None:
    async def once() -> int:
        database = await Database.open(tmp_path / "state.db")
        ledger = await Ledger.open(database, "shop")
        await ledger.append(row(1))
        verified = await ledger.verify()
        await database.aclose()
        assert verified.ok
        return verified.rows

    assert [asyncio.run(once()) for _ in range(3)] == [1, 2, 3]
