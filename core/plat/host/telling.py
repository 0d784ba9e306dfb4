"""Telling plug-ins what happened: each has a queue of its own, so that none waits for another and no run for any."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from plat.api import Event, PlatError
from plat.host.calls import Caller

LOG: Final = logging.getLogger("plat.host")
PATIENCE: Final = timedelta(seconds=10)
"""How long a plug-in may look at one event."""
BACKLOG: Final = 1000
"""So many events wait for one plug-in; further ones are not told to it."""


class Listeners:
    """Delivers events in order. Nothing that a listener does reaches the caller: faults are logged and kept."""

    def __init__(self, caller: Caller, functions: Mapping[str, Callable[..., Any]]) -> None:
        self._caller = caller
        self._functions = dict(functions)
        self._queues: dict[str, asyncio.Queue[Event]] = {}
        self._workers: list[asyncio.Task[None]] = []
        self.faults: dict[str, str] = {}
        """By plug-in, the last thing that went wrong."""

    def tell(self, event: Event) -> None:
        """Hand an event to every listener and return at once. Needs a running loop if there is any listener."""
        for owner in self._functions:
            queue = self._queues.get(owner) or self._start(owner)
            if queue.full():
                self._fault(owner, f"does not keep up: more than {BACKLOG} events wait for it")
            else:
                queue.put_nowait(event)

    async def settle(self, within: timedelta) -> None:
        """Wait until everything is delivered, but not longer than this; then stop listening."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within.total_seconds()):
                await asyncio.gather(*(queue.join() for queue in self._queues.values()))
        for owner, queue in self._queues.items():
            if queue.qsize():
                self._fault(owner, f"{queue.qsize()} events were not told to it in time")
        workers = list(self._workers)
        self.stop()
        await asyncio.gather(*workers, return_exceptions=True)

    def stop(self) -> None:
        """Stop at once."""
        for worker in self._workers:
            worker.cancel()
        self._workers.clear()
        self._queues.clear()

    def _start(self, owner: str) -> asyncio.Queue[Event]:
        queue = self._queues[owner] = asyncio.Queue(BACKLOG)
        self._workers.append(asyncio.get_running_loop().create_task(self._deliver(owner, queue), name=f"tell {owner}"))
        return queue

    async def _deliver(self, owner: str, queue: asyncio.Queue[Event]) -> None:
        function = self._functions[owner]
        wants = "event" in inspect.signature(function).parameters
        while True:
            event = await queue.get()
            arguments = (event,) if wants else ()
            try:
                await self._caller.run(function, *arguments, owner=owner, name="plat_event", limit=PATIENCE)
            except PlatError as error:
                self._fault(owner, str(error))
            finally:
                queue.task_done()

    def _fault(self, owner: str, text: str) -> None:
        if self.faults.get(owner) != text:
            LOG.warning("plug-in %s and events: %s", owner, text)
        self.faults[owner] = text
