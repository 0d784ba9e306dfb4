"""Whatever is done to a store, a listing and the events since make the next listing, and a model agrees."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plat.api import RefusedError
from plat.store import Added, Deleted, Event, Listing, Modified, SqliteStore, Stored, merge

KIND = "Freight"
NAMES = st.sampled_from(["a", "b", "c"])
STEPS = st.tuples(st.sampled_from(["create", "update", "status", "stale", "delete", "other"]), NAMES, st.integers(0, 3))


class Model:
    """What the objects must be, by the simplest means."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[Any, Any, int]] = {}

    def create(self, name: str, value: int) -> bool:
        if name in self.objects:
            return False
        self.objects[name] = ({"value": value}, {}, 1)
        return True

    def update(self, name: str, value: int) -> None:
        spec, status, generation = self.objects[name]
        after = {"value": value}
        self.objects[name] = (after, status, generation + (after != spec))

    def status(self, name: str, value: int) -> None:
        spec, status, generation = self.objects[name]
        self.objects[name] = (spec, merge(status, {"value": value or None}), generation)


async def carry_out(store: SqliteStore, model: Model, step: tuple[str, str, int]) -> None:
    verb, name, value = step
    there = await store.get(KIND, name)
    assert (there is not None) == (name in model.objects)
    if verb == "create":
        refused = pytest.raises(RefusedError) if there else contextlib.nullcontext()
        with refused:
            await store.create(KIND, name, spec={"value": value})
        assert model.create(name, value) == (there is None)
    elif verb == "other":
        await store.create("Other", f"{name}{await count(store)}", spec={})
    elif verb == "delete":
        assert await store.delete(KIND, name) == (model.objects.pop(name, None) is not None)
    elif there is not None:
        await change(store, model, there, (verb, value))


async def count(store: SqliteStore) -> int:
    return len(await store.list("Other"))


async def change(store: SqliteStore, model: Model, there: Stored, how: tuple[str, int]) -> None:
    match how:
        case ("update", value):
            await store.update(replace(there, spec={"value": value}))
            model.update(there.name, value)
        case ("status", value):
            await store.update_status(there, {"value": value or None})
            model.status(there.name, value)
        case _:
            await store.update_status(there, {"seen": how[1] + 1})
            model.objects[there.name] = (there.spec, {**there.status, "seen": how[1] + 1}, there.generation)


def replayed(listing: Iterable[Stored], events: Iterable[Event]) -> Mapping[str, Stored]:
    """Return a listing brought up to date by events, which must fit."""
    objects = {obj.name: obj for obj in listing}
    for event in events:
        name = event.object.name
        match event:
            case Added():
                assert name not in objects
                objects[name] = event.object
            case Modified():
                assert objects[name].uid == event.object.uid
                objects[name] = event.object
            case Deleted():
                assert objects.pop(name).uid == event.object.uid
    return objects


async def everything_since(store: SqliteStore, since: str) -> list[Event]:
    """Return all events after a version; an object that is made last marks the end."""
    events: list[Event] = []
    async with aclosing(store.watch(KIND, since)) as watch, asyncio.timeout(20):
        async for event in watch:
            if event.object.name == "end":
                break
            events.append(event)
    return events


async def play(path: Path, steps: list[tuple[str, str, int]]) -> None:
    store, model = await SqliteStore.open(path), Model()
    listings: list[Listing] = [await store.list(KIND)]
    for step in steps:
        await carry_out(store, model, step)
        listings.append(await store.list(KIND))
    now = {obj.name: obj for obj in listings[-1]}
    assert {name: (obj.spec, obj.status, obj.generation) for name, obj in now.items()} == model.objects
    await store.create(KIND, "end", spec={})
    for listing in listings:
        assert replayed(listing, await everything_since(store, listing.version)) == now
    assert replayed((), await everything_since(store, "")) == now
    await store.aclose()


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, max_size=15))
def test_a_listing_and_what_was_told_since_is_what_there_is(steps: list[tuple[str, str, int]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(play(Path(directory) / "state.db", steps))
