from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from plat.engine import Backoff, Lane, VirtualClock, WorkQueue
from plat.engine.queue import LOOK, OVERTAKEN, Slot


class Key(Slot):
    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def queue(clock: VirtualClock) -> WorkQueue[Key]:
    return WorkQueue(clock, backoff=Backoff(first=1, factor=2, limit=8))


def drain(queue: WorkQueue[Key]) -> list[str]:
    """Take and give back everything that is queued."""
    names = []
    while (key := queue.take()) is not None:
        names.append(key.name)
        queue.done(key)
    return names


def keys(*names: str) -> list[Key]:
    return [Key(name) for name in names]


def test_lanes_are_served_in_order(queue: WorkQueue[Key]) -> None:
    for lane, key in zip((Lane.RESYNC, Lane.TIMER, Lane.CHANGE, Lane.PEOPLE), keys("r", "t", "c", "p"), strict=True):
        queue.add(key, lane)
    assert drain(queue) == ["p", "c", "t", "r"]


def test_a_key_is_queued_once_in_its_best_lane(queue: WorkQueue[Key]) -> None:
    a, b = keys("a", "b")
    for key, lane in ((a, Lane.RESYNC), (b, Lane.CHANGE), (a, Lane.PEOPLE), (a, Lane.TIMER)):
        queue.add(key, lane)
    assert queue.queued == 2
    assert drain(queue) == ["a", "b"]


def test_a_key_in_hand_is_run_again_once(queue: WorkQueue[Key]) -> None:
    (a,) = keys("a")
    queue.add(a, Lane.CHANGE)
    assert queue.take() is a
    queue.add(a, Lane.RESYNC)
    queue.add(a, Lane.PEOPLE)
    queue.add(a, Lane.TIMER)
    assert queue.take() is None
    queue.done(a)
    assert drain(queue) == ["a"]
    assert queue.queued == queue.in_hand == 0


def test_no_lane_starves(queue: WorkQueue[Key]) -> None:
    people, (resync,) = keys("p1", "p2"), keys("r")
    queue.add(resync, Lane.RESYNC)
    served = []
    for turn in range(2 * OVERTAKEN):
        queue.add(people[turn % 2], Lane.PEOPLE)
        key = queue.take()
        assert key is not None
        served.append(key.name)
        queue.done(key)
    assert served.index("r") == OVERTAKEN


def test_timers_wake_in_order_and_later_ones_replace_earlier(queue: WorkQueue[Key], clock: VirtualClock) -> None:
    a, b, c = keys("a", "b", "c")
    queue.open()
    queue.wake_in(a, 10)
    queue.wake_in(b, 5)
    queue.wake_in(c, 3)
    queue.wake_in(c, 20)
    clock.advance(timedelta(seconds=12))
    assert drain(queue) == ["b", "a"]
    clock.advance(timedelta(seconds=8))
    assert drain(queue) == ["c"]


def test_a_key_that_is_served_needs_no_alarm(queue: WorkQueue[Key], clock: VirtualClock) -> None:
    (a,) = keys("a")
    queue.wake_in(a, 10)
    queue.add(a, Lane.CHANGE)
    assert drain(queue) == ["a"]
    clock.advance(timedelta(minutes=1))
    assert drain(queue) == []


def test_replaced_alarms_do_not_pile_up(queue: WorkQueue[Key]) -> None:
    (a,) = keys("a")
    for _ in range(10_000):
        queue.wake_in(a, 3600)
    assert len(queue._heap) < 200


@pytest.mark.parametrize("by", [timedelta(days=1), timedelta(days=-1)])
def test_whoever_waits_looks_again_when_the_clock_was_set(
    queue: WorkQueue[Key], clock: VirtualClock, by: timedelta
) -> None:
    (a,) = keys("a")
    queue.wake_in(a, 7200)
    clock.jump(by)
    clock.advance(timedelta(seconds=LOOK))
    assert drain(queue) == ["a"]


class TestBackoff:
    """A failing key waits longer and longer, and nobody else does."""

    @pytest.mark.parametrize(("failures", "seconds"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 8), (5000, 8)])
    def test_its_length(self, failures: int, seconds: float) -> None:
        assert Backoff(first=1, factor=2, limit=8).delay(failures) == seconds

    def test_others_go_on_and_success_forgets(self, queue: WorkQueue[Key], clock: VirtualClock) -> None:
        bad, good = keys("bad", "good")
        for expected in (1, 2, 4):
            queue.add(bad, Lane.PEOPLE)
            assert queue.take() is bad
            assert queue.fail(bad) == expected
            queue.done(bad)
            queue.add(good, Lane.RESYNC)
            assert drain(queue) == ["good"]
        clock.advance(timedelta(seconds=3.9))
        assert drain(queue) == []
        clock.advance(timedelta(seconds=0.1))
        assert queue.take() is bad
        queue.succeed(bad)
        queue.done(bad)
        queue.add(bad, Lane.CHANGE)
        assert drain(queue) == ["bad"]

    def test_not_before_the_target_said(self, queue: WorkQueue[Key]) -> None:
        (bad,) = keys("bad")
        queue.add(bad, Lane.CHANGE)
        queue.take()
        assert queue.fail(bad, after=90) == 90

    @pytest.mark.parametrize(
        ("lane", "after"),
        [(Lane.PEOPLE, 0), (Lane.CHANGE, 1), (Lane.TIMER, 8), (Lane.RESYNC, 8)],
        ids=["people at once", "a change soon", "a timer when it is time", "a resync when it is time"],
    )
    def test_who_may_shorten_it(self, queue: WorkQueue[Key], clock: VirtualClock, lane: Lane, after: float) -> None:
        (bad,) = keys("bad")
        queue.add(bad, Lane.CHANGE)
        queue.take()
        for _ in range(4):
            queue.fail(bad)
        queue.done(bad)
        queue.add(bad, lane)
        for second in range(10):
            if drain(queue):
                assert second == after
                return
            clock.advance(timedelta(seconds=1))
        pytest.fail("it was never served")


async def test_get_waits_for_a_key_and_ends_when_closed(queue: WorkQueue[Key]) -> None:
    first, second = asyncio.ensure_future(queue.get()), asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    (a,) = keys("a")
    queue.add(a, Lane.CHANGE)
    assert await first is a
    assert not second.done()
    queue.close()
    assert await second is None
    queue.done(a)
    queue.add(a, Lane.CHANGE)
    assert queue.take() is None
    queue.open()
    assert await queue.get() is a


async def test_a_cancelled_waiter_passes_the_key_on(queue: WorkQueue[Key]) -> None:
    first, second = asyncio.ensure_future(queue.get()), asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    (a,) = keys("a")
    queue.add(a, Lane.CHANGE)
    first.cancel()
    assert await second is a


def test_a_dropped_key_is_forgotten(queue: WorkQueue[Key], clock: VirtualClock) -> None:
    a, b = keys("a", "b")
    queue.add(a, Lane.CHANGE)
    queue.wake_in(b, 1)
    queue.drop(a)
    queue.drop(b)
    clock.advance(timedelta(seconds=2))
    assert drain(queue) == []
    assert queue.queued == 0


class QueueMachine(RuleBasedStateMachine):
    """Whatever happens, no key is lost, and none is in two hands."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualClock()
        self.queue: WorkQueue[Key] = WorkQueue(self.clock, backoff=Backoff(first=1, limit=4))
        self.pool, self.hands, self.owed = keys(*"abcde"), list[Key](), set[str]()

    @rule(number=st.integers(0, 4), lane=st.sampled_from(Lane))
    def add(self, number: int, lane: Lane) -> None:
        self.queue.add(self.pool[number], lane)
        self.owed.add(self.pool[number].name)

    @rule()
    def take(self) -> None:
        key = self.queue.take()
        if key is not None:
            assert key not in self.hands
            self.hands.append(key)
            self.owed.discard(key.name)

    @precondition(lambda self: self.hands)
    @rule()
    def done(self) -> None:
        self.queue.done(self.hands.pop(0))

    @precondition(lambda self: self.hands)
    @rule()
    def fail(self) -> None:
        self.queue.fail(self.hands[0])
        self.owed.add(self.hands[0].name)

    @precondition(lambda self: self.hands)
    @rule()
    def succeed(self) -> None:
        self.queue.succeed(self.hands[0])

    @rule(number=st.integers(0, 4), seconds=st.integers(0, 5))
    def wake(self, number: int, seconds: int) -> None:
        self.queue.wake_in(self.pool[number], seconds)

    @rule(seconds=st.integers(0, 5))
    def advance(self, seconds: int) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    @invariant()
    def in_one_hand(self) -> None:
        assert self.queue.in_hand == len(self.hands)
        assert len(self.queue._heap) < 200

    def teardown(self) -> None:
        for key in self.hands:
            self.queue.done(key)
        for _ in range(8):
            self.owed -= set(drain(self.queue))
            self.clock.advance(timedelta(seconds=5))
        assert self.owed == set()
        assert self.queue.queued == self.queue.in_hand == 0


TestAnything = QueueMachine.TestCase
TestAnything.settings = settings(max_examples=100, stateful_step_count=60, deadline=None)
