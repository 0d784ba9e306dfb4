"""What every `ObjectStore` does. Inherit `StoreContract` and give it a fixture `store`, without objects."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from plat.api import RefusedError, UserError
from plat.store import Added, Deleted, Event, ExpiredError, Modified, ObjectStore, Stored

KIND, OTHER = "ContractFreight", "ContractStage"
ODD_NAMES = ["f1", "With.Capitals", "apps/Deployment prod/web", "ünïcode", "x" * 300, "-", "a" * 63 + ".b"]


async def told(store: ObjectStore, kind: str, since: str, count: int) -> list[Event]:
    """Return the next events of a watch."""
    events: list[Event] = []
    async with aclosing(store.watch(kind, since)) as watch, asyncio.timeout(20):
        async for event in watch:
            events.append(event)
            if len(events) == count:
                break
    return events


def shape(events: list[Event]) -> list[tuple[str, str]]:
    return [(type(event).__name__, event.object.name) for event in events]


def refuses(code: str) -> pytest.RaisesExc[RefusedError]:
    return pytest.raises(RefusedError, check=lambda error: error.code == code)


class StoreContract:
    """Inherited by the tests of each implementation."""

    async def test_what_was_created_comes_back(self, store: ObjectStore) -> None:
        spec = {"text": "ü \u2028", "number": 1.5, "none": None, "list": [{"deep": [1, 2]}], "yes": True, "empty": {}}
        made = await store.create(KIND, "f1", "shop", spec=spec, labels={"plat.test/stage": "dev"})
        assert made.version
        assert made.uid
        assert (made.generation, made.spec, made.status) == (1, spec, {})
        assert await store.get(KIND, "f1", "shop") == made

    async def test_what_is_not_there_is_none(self, store: ObjectStore) -> None:
        await store.create(KIND, "f1", "shop", spec={})
        assert await store.get(KIND, "f1", "other") is None
        assert await store.get(KIND, "f1") is None
        assert await store.get(OTHER, "f1", "shop") is None

    @pytest.mark.parametrize("name", ODD_NAMES)
    async def test_any_printable_text_is_a_name(self, store: ObjectStore, name: str) -> None:
        made = await store.create(KIND, name, name, spec={"a": 1})
        assert (made.name, made.namespace) == (name, name)
        assert await store.get(KIND, name, name) == made
        assert [obj.name for obj in await store.list(KIND, namespace=name)] == [name]
        assert await store.delete(KIND, name, name)

    async def test_names_that_look_alike_are_two(self, store: ObjectStore) -> None:
        for namespace, name in [("a", "b.c"), ("a.b", "c"), ("", "a.b.c"), ("A", "b.c")]:
            await store.create(KIND, name, namespace, spec={})
        assert len(await store.list(KIND)) == 4

    @pytest.mark.parametrize(
        ("kind", "name", "namespace"),
        [("freight", "f", ""), ("", "f", ""), ("A b", "f", ""), (KIND, "", ""), (KIND, "a\nb", ""), (KIND, "f", "\0")],
    )
    async def test_refuses_impossible_names(self, store: ObjectStore, kind: str, name: str, namespace: str) -> None:
        with pytest.raises(UserError):
            await store.create(kind, name, namespace, spec={})

    @pytest.mark.parametrize(
        "labels", [{"a": "x" * 64}, {"a": "sp ace"}, {"": "x"}, {"a'b": "x"}, {'a"b': "x"}, {"plat.dev/namespace": "x"}]
    )
    async def test_refuses_impossible_labels(self, store: ObjectStore, labels: dict[str, str]) -> None:
        with pytest.raises(UserError):
            await store.create(KIND, "f1", spec={}, labels=labels)
        assert await store.get(KIND, "f1") is None

    @pytest.mark.parametrize("spec", [[1], "text", 3, None])
    async def test_refuses_a_specification_that_is_no_object(self, store: ObjectStore, spec: object) -> None:
        with pytest.raises(UserError):
            await store.create(KIND, "f1", spec=spec)

    async def test_a_second_of_the_same_name_is_refused(self, store: ObjectStore) -> None:
        made = await store.create(KIND, "f1", "shop", spec={"a": 1})
        with refuses("exists"):
            await store.create(KIND, "f1", "shop", spec={"a": 2})
        assert await store.get(KIND, "f1", "shop") == made

    async def test_lists_by_kind_namespace_and_labels(self, store: ObjectStore) -> None:
        for name, namespace, labels in [
            ("b", "x", {"s": "1"}),
            ("a", "x", {"s": "1", "t": ""}),
            ("c", "y", {"s": "2"}),
        ]:
            await store.create(KIND, name, namespace, spec={}, labels=labels)
        await store.create(OTHER, "z", "x", spec={})
        assert [obj.name for obj in await store.list(KIND)] == ["a", "b", "c"]
        assert [obj.name for obj in await store.list(KIND, namespace="x")] == ["a", "b"]
        assert [obj.name for obj in await store.list(KIND, namespace="")] == []
        assert [obj.name for obj in await store.list(KIND, labels={"s": "1"})] == ["a", "b"]
        assert [obj.name for obj in await store.list(KIND, labels={"s": "1", "t": ""})] == ["a"]
        assert [obj.name for obj in await store.list(KIND, namespace="y", labels={"s": "1"})] == []

    async def test_update_writes_spec_and_labels_and_not_the_status(self, store: ObjectStore) -> None:
        made = await store.create(KIND, "f1", spec={"a": 1}, labels={"s": "1"})
        seen = await store.update_status(made, {"phase": "Ready"})
        after = await store.update(replace(seen, spec={"b": 2}, labels={"t": "2"}, status={"phase": "Lost"}))
        assert (after.spec, after.labels, after.status) == ({"b": 2}, {"t": "2"}, {"phase": "Ready"})
        assert (after.generation, after.uid) == (2, made.uid)
        assert after.version not in {made.version, seen.version}
        assert await store.get(KIND, "f1") == after

    async def test_labels_alone_are_no_new_generation(self, store: ObjectStore) -> None:
        made = await store.create(KIND, "f1", spec={"a": 1})
        after = await store.update(replace(made, labels={"s": "1"}))
        assert after.generation == 1
        assert after.version != made.version

    async def test_an_update_that_changes_nothing_writes_nothing(self, store: ObjectStore) -> None:
        made = await store.create(KIND, "f1", spec={"a": 1}, labels={"s": "1"})
        assert await store.update(made) == made
        assert await store.update_status(made, {}) == made
        assert await store.update_status(made, {"phase": None}) == made
        seen = await store.update_status(made, {"phase": {"name": "Ready", "since": 1}})
        assert await store.update_status(seen, {"phase": {"since": 1}}) == seen
        assert await store.get(KIND, "f1") == seen

    async def test_status_is_a_merge_patch_of_what_one_owns(self, store: ObjectStore) -> None:
        obj = await store.create(KIND, "f1", spec={"a": 1})
        for patch in ({"mine": {"a": 1, "b": [1, 2]}}, {"theirs": "x"}, {"mine": {"a": None, "c": 3}}):
            obj = await store.update_status(obj, patch)
        assert obj.status == {"mine": {"b": [1, 2], "c": 3}, "theirs": "x"}
        assert obj.generation == 1
        assert await store.get(KIND, "f1") == obj

    @pytest.mark.parametrize("patch", ["text", None, [1]])
    async def test_refuses_a_status_that_is_no_object(self, store: ObjectStore, patch: object) -> None:
        obj = await store.create(KIND, "f1", spec={})
        with pytest.raises(UserError):
            await store.update_status(obj, patch)
        assert await store.get(KIND, "f1") == obj

    async def test_what_was_never_written_is_empty(self, store: ObjectStore) -> None:
        assert await store.get("ContractNever", "f1") is None
        assert list(await store.list("ContractNever")) == []
        assert not await store.delete("ContractNever", "f1")

    async def test_the_older_of_two_writers_is_refused(self, store: ObjectStore) -> None:
        old = await store.create(KIND, "f1", spec={"a": 1})
        new = await store.update_status(old, {"phase": "Ready"})
        with refuses("conflict"):
            await store.update(replace(old, spec={"a": 2}))
        with refuses("conflict"):
            await store.update_status(old, {"phase": "Lost"})
        with refuses("conflict"):
            await store.update_status(new, {"phase": "Lost"}, expected=old.version)
        with refuses("conflict"):
            await store.delete(KIND, "f1", expected=old.version)
        assert await store.get(KIND, "f1") == new

    async def test_of_many_writers_at_once_one_wins(self, store: ObjectStore) -> None:
        obj = await store.create(KIND, "f1", spec={})
        tries = [store.update_status(obj, {"winner": number}) for number in range(8)]
        results = await asyncio.gather(*tries, return_exceptions=True)
        won = [result for result in results if isinstance(result, Stored)]
        lost = [result for result in results if isinstance(result, RefusedError) and result.code == "conflict"]
        assert (len(won), len(lost)) == (1, 7)
        assert await store.get(KIND, "f1") == won[0]

    async def test_what_is_gone_cannot_be_written(self, store: ObjectStore) -> None:
        obj = await store.create(KIND, "f1", spec={"a": 1})
        assert await store.delete(KIND, "f1", expected=obj.version)
        assert not await store.delete(KIND, "f1")
        with refuses("absent"):
            await store.update(replace(obj, spec={"a": 2}))
        with refuses("absent"):
            await store.update_status(obj, {"phase": "Ready"})

    async def test_the_same_name_again_is_another_object(self, store: ObjectStore) -> None:
        old = await store.create(KIND, "f1", spec={"a": 1})
        await store.delete(KIND, "f1")
        new = await store.create(KIND, "f1", spec={"a": 1})
        assert new.uid != old.uid
        with refuses("conflict"):
            await store.update_status(old, {"phase": "Ready"})

    async def test_a_watch_from_the_beginning_first_tells_what_is_there(self, store: ObjectStore) -> None:
        made = await store.create(KIND, "f1", "shop", spec={"a": 1})
        await store.create(OTHER, "z", spec={})
        assert await told(store, KIND, "", 1) == [Added(made)]

    async def test_a_watch_goes_on_from_a_listing(self, store: ObjectStore) -> None:
        for name in ("kept", "gone", "changed"):
            await store.create(KIND, name, spec={"a": 1})
        listing = await store.list(KIND)
        await store.delete(KIND, "gone")
        await store.create(OTHER, "z", spec={})
        changed = next(obj for obj in listing if obj.name == "changed")
        changed = await store.update_status(changed, {"phase": "Ready"})
        await store.create(KIND, "new", spec={})
        events = await told(store, KIND, listing.version, 3)
        assert shape(events) == [("Deleted", "gone"), ("Modified", "changed"), ("Added", "new")]
        assert events[1].object == changed
        assert events[0].object.spec == {"a": 1}

    async def test_a_watch_resumes_after_any_event(self, store: ObjectStore) -> None:
        start = (await store.list(KIND)).version
        for name in ("a", "b", "c"):
            await store.create(KIND, name, spec={})
        await store.delete(KIND, "a")
        await store.create(KIND, "d", spec={})
        events: list[Event] = []
        since = start
        while not events or events[-1].object.name != "d":
            [event] = await told(store, KIND, since, 1)
            events.append(event)
            since = event.object.version
        left = {event.object.name for event in events} - {e.object.name for e in events if isinstance(e, Deleted)}
        assert left - {"a"} == {"b", "c", "d"}
        assert ("Added", "a") not in shape(events) or ("Deleted", "a") in shape(events)

    async def test_a_watch_tells_what_happens_while_it_waits(self, store: ObjectStore) -> None:
        waiting = asyncio.create_task(told(store, KIND, "", 3))
        await asyncio.sleep(0.1)
        made = await store.create(KIND, "f1", spec={})
        await asyncio.sleep(0.1)
        seen = await store.update_status(made, {"phase": "Ready"})
        await asyncio.sleep(0.1)
        await store.delete(KIND, "f1")
        events = await waiting
        assert events[:2] == [Added(made), Modified(seen)]
        assert shape(events[2:]) == [("Deleted", "f1")]

    async def test_a_same_name_made_anew_is_told_as_deleted_and_added(self, store: ObjectStore) -> None:
        old = await store.create(KIND, "f1", spec={})
        await store.delete(KIND, "f1")
        new = await store.create(KIND, "f1", spec={})
        events = await told(store, KIND, old.version, 2)
        assert [(type(event), event.object.uid) for event in events] == [(Deleted, old.uid), (Added, new.uid)]

    @pytest.mark.parametrize("since", ["not-a-version", "99999999999999"])
    async def test_a_version_of_another_store_has_expired(self, store: ObjectStore, since: str) -> None:
        with pytest.raises(ExpiredError):
            await told(store, KIND, since, 1)

    async def test_two_watches_tell_the_same(self, store: ObjectStore) -> None:
        tasks = [asyncio.create_task(told(store, KIND, "", 5)) for _ in range(2)]
        for number in range(5):
            await store.create(KIND, f"f{number}", spec={})
        one, other = await asyncio.gather(*tasks)
        assert shape(one) == shape(other) == [("Added", f"f{number}") for number in range(5)]
