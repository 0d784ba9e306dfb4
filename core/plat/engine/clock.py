"""Time as the engine sees it: the system's, faster for demos, or moved by hand in tests.

It knows no keys and no effects. Time-outs of real calls do not belong here: they never run faster.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

BIG_BANG: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""When a clock that is moved by hand starts, unless told."""


class Timer(Protocol):
    """Something that will be called unless cancelled; cancelling twice or late does nothing."""

    def cancel(self) -> None:
        """Do not call."""
        ...


class Clock(Protocol):
    """Wall time for people and manifests, monotonic time for waiting: only the first may jump."""

    def now(self) -> datetime:
        """Return the wall time, with the zone UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds since some moment; it never goes back."""
        ...

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call once after that many seconds of this clock."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds of this clock."""
        woken = asyncio.get_running_loop().create_future()
        timer = self.call_later(seconds, lambda: None if woken.done() else woken.set_result(None))
        try:
            await woken
        finally:
            timer.cancel()

    async def sleep_until(self, when: datetime) -> None:
        """Wait until that wall time."""
        while (left := (when - self.now()).total_seconds()) > 0:
            await self.sleep(left)


class SystemClock(Clock):
    """The system's own time."""

    def now(self) -> datetime:
        """Return the wall time, with the zone UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds since some moment."""
        return time.monotonic()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call once after that many seconds; needs a running event loop."""
        return asyncio.get_running_loop().call_later(seconds, callback)


class ScaledClock(Clock):
    """Another clock, `factor` times faster from the moment of construction on (`--time-scale`)."""

    def __init__(self, inner: Clock, factor: float) -> None:
        if factor <= 0:
            raise ValueError(f"a time scale is a number above 0, not {factor}")
        self._inner, self._factor = inner, factor
        self._wall, self._start = inner.now(), inner.monotonic()

    def now(self) -> datetime:
        """Return the start plus what has passed since, times the factor."""
        return self._wall + (self._inner.now() - self._wall) * self._factor

    def monotonic(self) -> float:
        """Return seconds since the start, times the factor."""
        return (self._inner.monotonic() - self._start) * self._factor

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call once after that many seconds of this clock."""
        return self._inner.call_later(seconds / self._factor, callback)


class VirtualClock(Clock):
    """Time that stands still until somebody moves it: `advance` for waiting, `jump` for a wall clock that was set."""

    def __init__(self, start: datetime = BIG_BANG) -> None:
        self._start, self._elapsed, self._skew = start, 0.0, timedelta()
        self._timers: list[tuple[float, int, _VirtualTimer]] = []
        self._count = 0

    def now(self) -> datetime:
        """Return the start plus what was advanced and jumped."""
        return self._start + timedelta(seconds=self._elapsed) + self._skew

    def monotonic(self) -> float:
        """Return the seconds that were advanced."""
        return self._elapsed

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call once when time was advanced that far."""
        timer = _VirtualTimer(callback)
        self._count += 1
        heapq.heappush(self._timers, (self._elapsed + max(0.0, seconds), self._count, timer))
        return timer

    def advance(self, by: timedelta) -> None:
        """Let time pass; what is due is called in order, each at its own time."""
        until = self._elapsed + by.total_seconds()
        while self._timers and self._timers[0][0] <= until:
            due, _, timer = heapq.heappop(self._timers)
            self._elapsed = max(self._elapsed, due)
            timer.fire()
        self._elapsed = until

    def jump(self, by: timedelta) -> None:
        """Set the wall clock forward or back; nothing is called, monotonic time does not move."""
        self._skew += by


class _VirtualTimer:
    __slots__ = ("_callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self._callback = None

    def fire(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()
