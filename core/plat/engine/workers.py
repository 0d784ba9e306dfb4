"""What keeps workers fair and alive: turns on the event loop, and a watch over observations that never end."""

from __future__ import annotations

import asyncio
from typing import Final

from plat.engine.keys import Entry

SECONDS: Final = 0.005
PASSES: Final = 512
LOOKS: Final = 10
"""How often an observation is looked at until its time is over."""


class Turn:
    """Counts what was done since the event loop last went round; shared by all workers."""

    __slots__ = ("_ends", "_loop", "_passes", "_renewing")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._ends, self._passes = 0.0, 0
        self._renewing = False

    def over(self) -> bool:
        """Say, after a pass, whether it is time to let others run: after 5 ms, or 512 passes."""
        self._passes += 1
        if self._passes < PASSES and self._loop.time() < self._ends:
            return False
        if not self._renewing:
            self._renewing = True
            self._loop.call_soon(self._renew)
        return True

    def _renew(self) -> None:
        self._ends, self._passes, self._renewing = self._loop.time() + SECONDS, 0, False


class Hand:
    """One worker, and the key that it has in hand."""

    __slots__ = ("entry", "overdue", "seen", "since", "task", "turn")

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.entry: Entry | None = None
        self.since = 0
        """The number of its pass among all passes."""
        self.task: asyncio.Task[None] | None = None
        self.seen = (0, 0)
        """The pass that the watch saw last, and how often."""
        self.overdue = False

    @property
    def observing(self) -> bool:
        """Whether it can be interrupted without leaving anything half done."""
        return self.entry is None or not self.entry.acting


class Watch:
    """Interrupts observations that take longer than `seconds`.

    One timer for all: a deadline for each would cost more than most observations do.
    """

    def __init__(self, hands: list[Hand], seconds: float) -> None:
        self._hands, self._pause = hands, seconds / LOOKS
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to watch; needs a running event loop."""
        self._timer = asyncio.get_running_loop().call_later(self._pause, self._look)

    def stop(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        for hand in self._hands:
            if hand.entry is None or hand.entry.acting:
                continue
            last, times = hand.seen
            hand.seen = (hand.since, times + 1 if last == hand.since else 1)
            if hand.seen[1] > LOOKS and hand.task is not None:
                hand.overdue = True
                hand.seen = (0, 0)
                hand.task.cancel()
        self.start()
