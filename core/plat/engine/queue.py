"""The queue of keys: who is next, who waits, who backs off. It knows no reconciler and no effect.

A key is in hand of one worker at a time; added meanwhile, it is run again afterwards, once. All operations on the hot
path take constant time; waiting keys cost one entry of a heap, and one timer serves them all.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from plat.engine.clock import Clock, Timer
from plat.engine.decision import Lane

OVERTAKEN: Final = 16
"""How often a waiting lane is passed over before it is served once."""
LOOK: Final = 30.0
"""Seconds after which a wall clock that was set, or a machine that slept, is noticed at the latest."""
JUMP: Final = 1.0
"""Seconds of difference between wall and monotonic time that count as a jump."""


@dataclass(frozen=True)
class Backoff:
    """How long a failing key waits: `first` seconds, then `factor` times longer each time, at most `limit`."""

    first: float = 1.0
    factor: float = 2.0
    limit: float = 300.0

    def delay(self, failures: int) -> float:
        """Return the seconds to wait after that many failures in a row (1 or more)."""
        return float(min(self.limit, self.first * self.factor ** min(failures - 1, 64)))


class Slot:
    """One key's place in the queue; whoever owns the keys subclasses it. Its fields belong to the queue."""

    lane: Lane | None = None  # defaults stand on the class: 100,000 keys at rest hold only what differs
    """Where it is queued, or was taken from while in hand."""
    in_hand: bool = False
    again: Lane | None = None
    failures: int = 0
    failed_at: float = 0.0
    due: float = 0.0
    """Monotonic seconds at which it is woken, if `ticket` is not 0."""
    ticket: int = 0


S = TypeVar("S", bound=Slot)


class WorkQueue(Generic[S]):
    """Keys by lane, with timers and backoff. Only to be used from one event loop."""

    def __init__(self, clock: Clock, *, backoff: Backoff | None = None) -> None:
        self._clock = clock
        self.backoff = backoff or Backoff()
        self._lanes: tuple[OrderedDict[S, None], ...] = tuple(OrderedDict() for _ in Lane)
        self._overtaken = [0] * len(Lane)
        self._latest = 0
        self.queued = 0
        """How many keys are queued."""
        self.in_hand = 0
        """How many keys are in hand."""
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._closed = False
        self._heap: list[tuple[float, int, S]] = []
        self._tickets = 0
        self._waiting = 0
        self._timer: Timer | None = None
        self._armed = 0.0
        self._skew = self._measure()

    def add(self, slot: S, lane: Lane) -> None:
        """Queue a key. A failing one waits: people are served at once, a change soon, the rest when its time comes."""
        if slot.in_hand:
            if slot.again is None or lane < slot.again:
                slot.again = lane
            return
        held = slot.lane
        if held is not None:
            if lane < held:
                del self._lanes[held][slot]
                self._lanes[lane][slot] = None
                slot.lane = lane
            return
        if slot.failures and lane is not Lane.PEOPLE and slot.ticket and self._postpone(slot, lane):
            return
        self._push(slot, lane)

    def take(self) -> S | None:
        """Take the next key in hand; None: nothing is queued, or the queue is closed."""
        if not self.queued or self._closed:
            return None
        lane = self._lanes[self._latest]
        if len(lane) != self.queued:  # else nothing is in any other lane
            self._latest = self._choose()
            lane = self._lanes[self._latest]
        slot, _ = lane.popitem(last=False)
        self.queued -= 1
        self.in_hand += 1
        slot.in_hand = True
        if slot.ticket:
            self._disarm(slot)
        return slot

    async def get(self) -> S | None:
        """Wait for the next key and take it in hand; None: the queue was closed."""
        while not self.queued or self._closed:
            if self._closed:
                return None
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            except BaseException:
                waiter.cancel()
                if not waiter.cancelled():  # somebody gave us work that we cannot do
                    self._wake()
                raise
        return self.take()

    def done(self, slot: S) -> None:
        """Give a key back; if it was added while in hand it is queued again."""
        slot.in_hand = False
        slot.lane = None
        self.in_hand -= 1
        if slot.again is not None:
            lane, slot.again = slot.again, None
            self.add(slot, lane)

    def fail(self, slot: S, *, after: float = 0.0) -> float:
        """Let a key back off, at least `after` seconds; return how long. Its failures count until `succeed`."""
        slot.failures += 1
        slot.failed_at = self._clock.monotonic()
        delay = max(after, self.backoff.delay(slot.failures))
        self.wake_in(slot, delay)
        return delay

    def succeed(self, slot: S) -> None:
        """Forget a key's failures."""
        slot.failures = 0

    def wake_in(self, slot: S, seconds: float) -> None:
        """Queue a key after that many seconds; replaces what was said before, ends when the key is taken in hand."""
        if slot.ticket:
            self._disarm(slot)
        self._tickets += 1
        self._waiting += 1
        slot.ticket = self._tickets
        slot.due = self._clock.monotonic() + max(0.0, seconds)
        heapq.heappush(self._heap, (slot.due, slot.ticket, slot))
        self._arm()

    def drop(self, slot: S) -> None:
        """Forget a key's place, timer and failures; what is in hand stays in hand, and is not run again."""
        if slot.ticket:
            self._disarm(slot)
        if slot.lane is not None and not slot.in_hand:
            del self._lanes[slot.lane][slot]
            slot.lane = None
            self.queued -= 1
        slot.again = None
        slot.failures = 0

    def close(self) -> None:
        """Let every `get` return None, now and later, until `open`; keys and timers stay."""
        self._closed = True
        while self._waiters:
            self._release(self._waiters.popleft())
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def open(self) -> None:
        """Serve again; needs a running event loop if keys wait."""
        self._closed = False
        self._arm()

    def _push(self, slot: S, lane: Lane) -> None:
        self._lanes[lane][slot] = None
        slot.lane = lane
        self.queued += 1
        if self._waiters:
            self._wake()

    def _choose(self) -> int:
        first = -1
        for lane, slots in enumerate(self._lanes):
            if not slots:
                continue
            if first < 0:
                first = lane
            elif self._overtaken[lane] >= OVERTAKEN:
                first = lane
                break
            else:
                self._overtaken[lane] += 1
        self._overtaken[first] = 0
        return first

    def _postpone(self, slot: S, lane: Lane) -> bool:
        """Say whether a failing key goes on waiting; a change brings its time forward."""
        if lane is not Lane.CHANGE:
            return True
        soon = slot.failed_at + self.backoff.first - self._clock.monotonic()
        if soon <= 0:
            return False
        if slot.due > slot.failed_at + self.backoff.first:
            self.wake_in(slot, soon)
        return True

    def _wake(self) -> None:
        while self._waiters:
            if self._release(self._waiters.popleft()):
                return

    @staticmethod
    def _release(waiter: asyncio.Future[None]) -> bool:
        if waiter.done():
            return False
        waiter.set_result(None)
        return True

    def _disarm(self, slot: S) -> None:
        slot.ticket = 0
        self._waiting -= 1
        if len(self._heap) > 2 * self._waiting + 64:  # replaced entries must not pile up until their time comes
            self._heap = [entry for entry in self._heap if entry[2].ticket == entry[1]]
            heapq.heapify(self._heap)

    def _arm(self) -> None:
        """Keep one timer for the earliest key, never further away than `LOOK`."""
        if self._closed or not self._heap:
            return
        due = self._heap[0][0]
        now = self._clock.monotonic()
        if self._timer is not None:
            if self._armed <= due:
                return
            self._timer.cancel()
        self._armed = min(due, now + LOOK)
        self._timer = self._clock.call_later(max(0.0, self._armed - now), self._ring)

    def _ring(self) -> None:
        self._timer = None
        skew = self._measure()
        jumped = abs(skew - self._skew) > JUMP
        self._skew = skew
        now = self._clock.monotonic()
        while self._heap and (jumped or self._heap[0][0] <= now):
            _, ticket, slot = heapq.heappop(self._heap)
            if slot.ticket != ticket:
                continue
            slot.ticket = 0
            self._waiting -= 1
            if slot.in_hand:
                self.add(slot, Lane.TIMER)
            elif slot.lane is None:
                self._push(slot, Lane.TIMER)
        self._arm()

    def _measure(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()
