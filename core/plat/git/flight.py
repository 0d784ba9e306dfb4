"""One run for many callers: whoever asks while it is under way shares it. Knows nothing of what is run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Flight(Generic[T]):
    """At most one run of `work` at a time. A caller that is cancelled does not end it for the others."""

    def __init__(self, work: Callable[[], Awaitable[T]]) -> None:
        self._work = work
        self._current: asyncio.Task[T] | None = None
        self._queued: asyncio.Task[T] | None = None
        self._begun = False

    async def join(self) -> T:
        """Return the result of the run under way, or of a new one."""
        if self._current is None:
            self._current = self._launch(None)
        return await asyncio.shield(self._current)

    async def anew(self) -> T:
        """Return the result of a run that begins after now; many such callers share one."""
        if self._current is None or not self._begun:
            return await self.join()
        if self._queued is None:
            self._queued = self._launch(self._current)
        return await asyncio.shield(self._queued)

    async def aclose(self) -> None:
        """Cancel what is under way."""
        tasks = [task for task in (self._queued, self._current) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _launch(self, previous: asyncio.Task[T] | None) -> asyncio.Task[T]:
        task = asyncio.ensure_future(self._run(previous))
        task.add_done_callback(_seen)
        return task

    async def _run(self, previous: asyncio.Task[T] | None) -> T:
        try:
            if previous is not None:
                await asyncio.wait({previous})
            self._begun = True
            return await self._work()
        finally:
            if self._current is asyncio.current_task():
                self._current, self._queued, self._begun = self._queued, None, False


def _seen(task: asyncio.Task[T]) -> None:
    """Take note of a failure although every caller was cancelled before it."""
    if not task.cancelled():
        task.exception()
