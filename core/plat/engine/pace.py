"""When a key is looked at again: at once while it gets on, later when it goes in circles, fails or has said so."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Final

from plat.api import PlatError, UnavailableError, UserError
from plat.engine.clock import Clock
from plat.engine.decision import Decision, Lane, Reason, Standing
from plat.engine.effects import Acted, blame, say
from plat.engine.keys import NOTHING, Entry, signature, transient
from plat.engine.queue import WorkQueue
from plat.engine.roster import Roster
from plat.engine.settings import Settings

_LOG: Final = logging.getLogger("plat.engine")


class Pace:
    """Judges how a pass went. All that makes a key back off is here."""

    def __init__(self, clock: Clock, queue: WorkQueue[Entry], roster: Roster, settings: Settings) -> None:
        self._clock, self._queue, self._roster, self._settings = clock, queue, roster, settings

    def go_on(self, entry: Entry, decision: Decision, acted: Acted) -> None:
        """Effects were carried out: look again at once, unless the same was done again and again."""
        entry.streak += 1
        if entry.interrupted:
            entry.same, entry.last = 0, None
        else:
            now = signature(decision.batches, acted.outcomes)
            entry.same = entry.same + 1 if entry.last == now else 1
            entry.last = now
        if entry.same >= self._settings.same or entry.streak >= self._settings.streak:
            self._circle(entry, acted)
            return
        if entry.failures:
            self._queue.succeed(entry)
        self._queue.add(entry, Lane.CHANGE if entry.lane is None else entry.lane)

    def rest(self, entry: Entry, decision: Decision, now: datetime) -> None:
        """Nothing to do: forget what is not needed, and set the alarm."""
        if entry.streak:
            entry.streak = entry.same = 0
            entry.last = None
        if entry.failures:
            self._queue.succeed(entry)
        if decision.wake_at is not None:
            wait = (decision.wake_at - now).total_seconds()
            # A moment that is past would wake it again with the same answer, without a pause.
            self._queue.wake_in(entry, wait if wait > 0 else self._settings.backoff.first)
        elif decision.standing is Standing.SETTLED and entry.past is not NOTHING:
            self._roster.recall(entry)

    def stumble(self, entry: Entry, error: Exception) -> None:
        """Observe or decide raised: back off and say why."""
        after = 0.0
        if isinstance(error, UnavailableError) and error.after is not None:
            after = error.after.total_seconds()
        if isinstance(error, UserError):
            after = self._settings.backoff.limit  # somebody has to act first, and that is seen as a change
        if not isinstance(error, PlatError):
            _LOG.debug("%s/%s failed", entry.kind.name, entry.key, exc_info=error)
        delay = self._queue.fail(entry, after=after)
        patient = isinstance(error, (UnavailableError, TimeoutError)) and entry.failures <= self._settings.patience
        facts = {"error": blame(error), "code": getattr(error, "code", ""), "tries": entry.failures, "seconds": delay}
        because = Reason("failed", facts, say(error))
        self._roster.stand(entry, self._clock.now(), because, Standing.WAITING if patient else Standing.FAILED)

    def _circle(self, entry: Entry, acted: Acted) -> None:
        """Nothing changes by what is done: back off and say so."""
        delay = self._queue.fail(entry)
        patient = transient(acted.outcomes) and entry.failures <= self._settings.patience
        times = max(entry.same, entry.streak)
        last = next((o.message for o in acted.outcomes.values() if o.message), "")
        because = Reason(
            "no-progress",
            {"times": times, "seconds": delay, "last": last},
            f"It acted {times} times in a row and nothing changed; it tries again in {delay:.0f} s. {last}".rstrip(),
        )
        self._roster.stand(entry, self._clock.now(), because, Standing.WAITING if patient else Standing.FAILED)
