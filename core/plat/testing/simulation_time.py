"""Time of the simulated world: an event loop that never waits, and a wall clock that somebody may set.

While something real is waited for (a thread of SQLite, a socket to an API server) it does not jump: see `hold`.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from plat.engine import Clock, Timer
from plat.engine.clock import BIG_BANG

ROUNDS: Final = 2_000_000
"""How often the loop may go round without time passing: more is a loop that runs hot."""


class StuckError(Exception):
    """The simulated world can never go on: everybody waits for something that nobody will do."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to the next timer as soon as nothing else is to be done."""

    def __init__(self) -> None:
        self._virtual, self._held, self._rounds = 0.0, 0, 0
        super().__init__(_Selector(self))

    def time(self) -> float:
        """Return the seconds that have passed in the simulated world."""
        return self._virtual

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Let time not jump within: something real is waited for."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    def patience(self, seconds: float | None) -> float | None:
        """Say how long to wait really for what is real: None for ever, 0 not at all."""
        if seconds is not None and seconds <= 0:
            self._rounds += 1
            if self._rounds > ROUNDS:
                raise StuckError(f"the loop went round {ROUNDS} times and no time passed")
            return 0.0
        if self._held:
            return seconds
        if seconds is None:
            raise StuckError("everybody waits, and nothing will ever happen")
        return 0.0

    def pass_time(self, seconds: float) -> None:
        """Move time: nothing else is to be done before."""
        self._rounds = 0
        self._virtual += seconds


class _Selector(selectors.DefaultSelector):  # its class depends on the platform
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(self._loop.patience(timeout))
        if not ready and timeout is not None and timeout > 0:
            self._loop.pass_time(timeout)
        return list(ready)


class SimulatedClock(Clock):
    """The wall clock of the simulated world. It may jump; what waits on monotonic time does not notice."""

    def __init__(self, loop: VirtualLoop, start: datetime = BIG_BANG) -> None:
        self._loop, self._start, self._skew = loop, start, timedelta()

    def now(self) -> datetime:
        """Return the start plus what has passed and jumped."""
        return self._start + timedelta(seconds=self._loop.time()) + self._skew

    def monotonic(self) -> float:
        """Return the seconds that have passed."""
        return self._loop.time()

    def call_later(self, seconds: float, callback: Callable[[], Any]) -> Timer:
        """Call once after that many seconds."""
        return self._loop.call_later(max(0.0, seconds), callback)

    def jump(self, by: timedelta) -> None:
        """Set the wall clock forward or back."""
        self._skew += by
