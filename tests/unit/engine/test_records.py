from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.store.contract import StoreContract

from plat.api import RefusedError
from plat.engine import (
    Intent,
    Memory,
    OperationRecord,
    Outcome,
    Repeat,
    Result,
    outcome_from_json,
    outcome_to_json,
)
from plat.store import ObjectStore, SqliteStore
from plat.testing.simulation_objects import MemoryObjects

NOW = datetime(2026, 11, 25, 12, 30, 15, 123456, tzinfo=UTC)
DONE = Outcome(id="post", result=Result.DONE, at=NOW, value={"a": None, "b": [1, {"c": True}]})
REFUSED = Outcome(
    id="post", result=Result.REFUSED, at=NOW, error="RefusedError", code="quota", message="no", retry_at=NOW
)
INTENT = Intent(address="apps/a b/ü", id="post", repeat=Repeat.ONCE, at=NOW)
RECORD = OperationRecord(address="apps/a", id="op", kind="job", arguments={"n": [1]}, exclusive="x", started_at=NOW)


class TestMemoryObjects(StoreContract):
    """The object server of the simulated world is a store like the others."""

    @pytest.fixture
    def store(self) -> ObjectStore:
        return MemoryObjects()


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    store: ObjectStore = MemoryObjects() if request.param == "memory" else await SqliteStore.open(tmp_path / "db")
    yield store
    await store.aclose()


@pytest.mark.parametrize("outcome", [DONE, REFUSED])
def test_an_outcome_survives_being_written_down(outcome: Outcome) -> None:
    assert outcome_from_json(outcome_to_json(outcome)) == outcome


async def test_intents_are_found_again_with_the_last_outcome(store: ObjectStore) -> None:
    intents = Memory.on(store).intents
    for outcome in (None, REFUSED, None, DONE):
        kept = replace(INTENT, outcome=outcome)
        await intents.save(kept)
        assert await Memory.on(store).intents.load() == [kept]
    await intents.forget(INTENT.address, ["post", "never-seen"])
    assert await Memory.on(store).intents.load() == []


async def test_intents_of_one_key_and_others_are_kept_apart(store: ObjectStore) -> None:
    intents = Memory.on(store).intents
    every = [replace(INTENT, address=address, id=each) for address in ("a", "b") for each in ("x", "y")]
    for intent in every:
        await intents.save(intent)
    await intents.forget("a", ["x"])
    left = await Memory.on(store).intents.load()
    assert {(i.address, i.id) for i in left} == {("a", "y"), ("b", "x"), ("b", "y")}


async def test_operations_are_found_again(store: ObjectStore) -> None:
    operations = Memory.on(store).operations
    changed = replace(RECORD, handle={"pid": 7}, state=[1], progress="half", heartbeat=NOW, cancelled="superseded")
    for record in (RECORD, changed, replace(changed, outcome=DONE)):
        await operations.save(record)
        assert await Memory.on(store).operations.load() == [record]
    await operations.forget("apps/a", ["op"])
    assert await Memory.on(store).operations.load() == []


async def test_what_somebody_else_wrote_meanwhile_is_written_over(store: ObjectStore) -> None:
    one, other = Memory.on(store).intents, Memory.on(store).intents
    await one.save(INTENT)
    await other.save(replace(INTENT, outcome=REFUSED))
    await one.save(replace(INTENT, outcome=DONE))
    (kept,) = await Memory.on(store).intents.load()
    assert kept.outcome == DONE


async def test_a_store_that_always_refuses_is_an_error(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: Any, **__: Any) -> Any:
        raise RefusedError("somebody was faster", code="conflict")

    monkeypatch.setattr(store, "update_status", refuse)
    with pytest.raises(RefusedError):
        await Memory.on(store).intents.save(INTENT)
