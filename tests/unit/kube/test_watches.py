from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from tests.unit.kube.conftest import WIDGET, ZONE, FakeApi, until, widget

from plat.api import Kind, Ref, UnavailableError
from plat.kube import Change, Client, Facts, ForbiddenError, Pace, Phase, Scope, State, Watches, tracking_by

TRACKING = "example.io/tracking"


def _ref(name: str, namespace: str = "a") -> Ref:
    return Ref(group="example.io", kind="Widget", namespace=namespace, name=name)


def _tracked(name: str, owner: str) -> dict[str, object]:
    return widget(name, metadata={"annotations": {TRACKING: owner}})


@pytest.fixture
async def watches(client: Client, pace: Pace) -> AsyncIterator[Watches]:
    async with Watches(client, extract=tracking_by(TRACKING), pace=pace) as made:
        yield made


@pytest.fixture
def changes(watches: Watches) -> list[Change]:
    heard: list[Change] = []
    watches.subscribe(heard.append)
    return heard


async def _synced(watches: Watches) -> None:
    async with asyncio.timeout(5):
        await watches.synced(WIDGET)


@pytest.mark.parametrize("streams", [True, False])
async def test_the_list_then_every_change(api: FakeApi, watches: Watches, *, streams: bool) -> None:
    api.can_stream_lists = streams
    for number in range(1100):
        api.put(_tracked(f"w{number}", "shop" if number < 3 else ""))
    await _synced(watches)
    assert len(watches) == 1100
    assert sorted(live.ref.name for live in watches.owned("shop")) == ["w0", "w1", "w2"]
    live = watches.get(_ref("w0"))
    assert live is not None
    assert live.body() == api.objects["widgets", "a", "w0"]
    api.put(_tracked("w0", "other"))
    api.remove("w1")
    await until(lambda: [v.ref.name for v in watches.owned("shop")] == ["w2"])
    assert watches.get(_ref("w1")) is None
    assert api.count("watch=true") == (1 if streams else 2)
    assert api.count("limit=") == (0 if streams else 3)


async def test_a_kind_is_watched_once_however_many_ask(api: FakeApi, watches: Watches) -> None:
    for _ in range(3):
        watches.ensure(WIDGET)
        watches.ensure(_ref("any"))
    await asyncio.gather(*(_synced(watches) for _ in range(3)))
    assert api.count("watch=true") == 1
    assert watches.kinds() == (WIDGET,)


async def test_children_and_roots(api: FakeApi, watches: Watches) -> None:
    top = api.put(widget("top"))["metadata"]["uid"]
    middle = api.put(widget("middle", metadata={"ownerReferences": [{"uid": top}]}))["metadata"]["uid"]
    api.put(widget("leaf", metadata={"ownerReferences": [{"uid": middle}]}))
    await _synced(watches)
    assert [live.ref.name for live in watches.children(top)] == ["middle"]
    leaf = watches.get(_ref("leaf"))
    assert leaf is not None
    assert watches.root(leaf).ref.name == "top"


@pytest.mark.parametrize("rudely", [True, False])
async def test_a_lost_connection_resumes_where_it_was(
    api: FakeApi, watches: Watches, changes: list[Change], *, rudely: bool
) -> None:
    api.put(widget("w"))
    await _synced(watches)
    api.bookmark()
    api.put(widget("x"))
    await until(lambda: len(changes) == 2)
    api.cut(rudely=rudely)
    api.put(widget("missed"))
    api.remove("w")
    await until(lambda: len(changes) == 4)
    assert [(c.ref.name, c.after is not None) for c in changes[2:]] == [("missed", True), ("w", False)]
    assert api.count("sendInitialEvents") == 1, "listed again although it could resume"


async def test_a_bookmark_is_where_it_resumes(api: FakeApi, watches: Watches) -> None:
    await _synced(watches)
    api.bookmark()
    marked = api.version
    await asyncio.sleep(0.02)
    api.cut()
    await until(lambda: api.count(f"resourceVersion={marked}"))


async def test_a_version_that_is_too_old_lists_again_and_finds_what_ended(
    api: FakeApi, watches: Watches, changes: list[Change]
) -> None:
    for name in ("kept", "gone", "changed"):
        api.put(widget(name))
    await _synced(watches)
    changes.clear()
    api.cut()
    api.remove("gone")
    api.put(widget("changed", spec=1))
    api.put(widget("new"))
    api.compact()
    await until(lambda: len(changes) == 3)
    assert {(c.ref.name, c.after is not None) for c in changes} == {("gone", False), ("changed", True), ("new", True)}
    assert watches.state(WIDGET).phase is Phase.SYNCED


async def test_a_list_that_breaks_in_the_middle_starts_anew(api: FakeApi, watches: Watches) -> None:
    for number in range(20):
        api.put(widget(f"w{number}"))
    for _ in range(4):  # aiohttp tries a GET twice by itself
        api.drop("watch=true")
    with pytest.raises(UnavailableError):
        await _synced(watches)
    await until(lambda: watches.state(WIDGET).phase is Phase.SYNCED)
    assert len(watches) == 20


async def test_a_kind_that_vanishes_is_empty_and_comes_back(
    api: FakeApi, watches: Watches, changes: list[Change]
) -> None:
    api.put(widget("w"))
    await _synced(watches)
    served = api.served.pop(("example.io", "v1"))
    api.cut()
    await until(lambda: watches.state(WIDGET).phase is Phase.VANISHED)
    assert len(watches) == 0
    assert changes[-1].after is None
    await _synced(watches)  # complete, and empty
    api.served["example.io", "v1"] = served
    watches._hub.client.discoverer._read_at -= 60
    watches.ensure(WIDGET)
    await until(lambda: watches.get(_ref("w")))
    assert watches.state(WIDGET).phase is Phase.SYNCED


async def test_a_kind_that_moves_to_another_version_is_listed_there(api: FakeApi, watches: Watches) -> None:
    api.put(widget("w"))
    await _synced(watches)
    api.served[("example.io", "v2")] = api.served.pop(("example.io", "v1"))
    api.cut()
    await until(lambda: api.count("GET /apis/example.io/v2/widgets?watch"))
    await until(lambda: watches.state(WIDGET).phase is Phase.SYNCED)
    assert watches.get(_ref("w")) is not None


async def test_an_unknown_kind_is_complete_and_empty(watches: Watches) -> None:
    nothing = Kind(group="no.io", kind="Nothing")
    async with asyncio.timeout(5):
        await watches.synced(nothing)
    assert (watches.state(nothing).phase, watches.of(nothing)) == (Phase.VANISHED, [])


async def test_a_kind_that_we_may_not_read_says_so_and_goes_on(api: FakeApi, watches: Watches) -> None:
    states: list[tuple[Kind, State]] = []
    watches.on_state(lambda kind, state: states.append((kind, state)))
    for _ in range(3):
        api.fail("watch=true", 403, message="widgets is forbidden")
    with pytest.raises(ForbiddenError, match="widgets is forbidden"):
        await _synced(watches)
    assert set(watches.problems()) == {WIDGET}
    await until(lambda: watches.state(WIDGET).phase is Phase.SYNCED)
    assert watches.problems() == {}
    assert [state.phase for _, state in states] == [Phase.BROKEN, Phase.SYNCED]


async def test_a_server_that_goes_away_leaves_the_last_state_marked(api: FakeApi, watches: Watches) -> None:
    api.put(widget("w"))
    await _synced(watches)
    for _ in range(500):
        api.fail("watch=true", 500, message="etcd is away")
    api.cut()
    await until(lambda: watches.state(WIDGET).phase is Phase.BROKEN)
    assert "etcd is away" in str(watches.problems()[WIDGET])
    assert watches.get(_ref("w")) is not None
    await _synced(watches)  # it was complete once: nobody waits for the cluster to come back
    api.faults.clear()
    await until(lambda: watches.state(WIDGET).phase is Phase.SYNCED)


@pytest.mark.parametrize("line", [b"{half\n", b"[]\n", b'{"type":"ADDED"}\n'])
async def test_garbage_on_the_wire_is_a_lost_connection(api: FakeApi, watches: Watches, line: bytes) -> None:
    api.put(widget("w"))
    await _synced(watches)
    api.say(line)
    api.put(widget("x"))
    await until(lambda: watches.get(_ref("x")))
    assert watches.get(_ref("w")) is not None


async def test_an_object_of_many_megabytes_arrives_whole(api: FakeApi, watches: Watches) -> None:
    api.put(widget("small"))
    await _synced(watches)
    api.put(widget("huge", spec={"text": "x" * 3_000_000}))
    await until(lambda: watches.get(_ref("huge")))
    live = watches.get(_ref("huge"))
    assert live is not None
    assert len(live.body()["spec"]["text"]) == 3_000_000


async def test_a_write_is_seen_at_once(api: FakeApi, watches: Watches, changes: list[Change]) -> None:
    await _synced(watches)
    ahead = widget("w", metadata={"uid": "u", "resourceVersion": str(api.version + 50)})
    watches.learn(ahead)
    assert watches.get(_ref("w")) is not None
    watches.learn(ahead)
    assert len(changes) == 1
    watches.learn({**ahead, "kind": "Other"})
    assert len(watches) == 1, "learnt an object of a kind that nobody watches"


async def test_a_listener_that_raises_harms_nobody(
    api: FakeApi, watches: Watches, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(change: Change) -> None:
        raise ValueError(change)

    heard: list[Change] = []
    watches.subscribe(broken)
    stop = watches.subscribe(heard.append)
    await _synced(watches)
    with caplog.at_level(logging.CRITICAL + 1, "plat.kube"):
        api.put(widget("w"))
        await until(lambda: len(heard) == 1)
        stop()
        api.put(widget("x"))
        await until(lambda: watches.get(_ref("x")))
    assert len(heard) == 1


async def test_facts_that_cannot_be_extracted_cost_only_themselves(
    api: FakeApi, client: Client, pace: Pace, caplog: pytest.LogCaptureFixture
) -> None:
    def extract(manifest: object) -> Facts:
        raise ValueError(manifest)

    api.put(widget("w"))
    with caplog.at_level(logging.CRITICAL + 1, "plat.kube"):
        async with Watches(client, extract=extract, pace=pace) as watches:
            await _synced(watches)
            assert len(watches) == 1


@pytest.mark.parametrize(("cluster_resources", "zones"), [(True, Phase.SYNCED), (False, Phase.UNWATCHED)])
async def test_namespaced_mode_reads_only_its_namespaces(
    api: FakeApi, client: Client, pace: Pace, *, cluster_resources: bool, zones: Phase
) -> None:
    for namespace in ("a", "b", "c"):
        api.put(widget("w", namespace=namespace))
    scope = Scope(frozenset({"a", "b"}), cluster_resources)
    async with Watches(client, scope=scope, pace=pace) as watches:
        async with asyncio.timeout(5):
            await watches.synced(WIDGET, ZONE)
        assert {live.ref.namespace for live in watches.of(WIDGET)} == {"a", "b"}
        assert watches.state(ZONE).phase is zones
        assert api.count("/v1/widgets") == 0
        assert api.count("/v1/zones") == int(cluster_resources)
        api.remove("w", namespace="b")
        await until(lambda: len(watches) == 1)


async def test_closing_ends_every_watch(api: FakeApi, client: Client, pace: Pace) -> None:
    before = asyncio.all_tasks()
    async with Watches(client, pace=pace) as watches:
        await _synced(watches)
        await watches.synced(Kind(kind="Nothing"))
        assert api.watchers
    await until(lambda: not api.watchers)
    assert not [task for task in asyncio.all_tasks() - before if "Reflector" in repr(task)]
