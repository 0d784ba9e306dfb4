"""Threads for code of others: a bounded number, and none of them keeps the process from ending."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeAlias

Job: TypeAlias = "tuple[Callable[[], Any], asyncio.AbstractEventLoop, asyncio.Future[Any]]"


class Threads:
    """Up to `limit` daemon threads: Python joins those of its executors at exit, where one that hangs hangs plat."""

    def __init__(self, limit: int, name: str) -> None:
        self._limit, self._name = limit, name
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._started = self._idle = 0

    async def run(self, function: Callable[[], Any]) -> Any:
        """Run a function in a thread. Cancelled, it is left alone if it has begun and dropped if it has not."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._jobs.put((function, loop, future))
        with self._lock:
            if self._idle:
                self._idle -= 1
            elif self._started < self._limit:
                self._started += 1
                threading.Thread(target=self._work, name=f"{self._name}_{self._started}", daemon=True).start()
        return await future

    def close(self) -> None:
        """Let the threads end when they have done what they do."""
        for _ in range(self._started):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._next()) is not None:
            function, loop, future = job
            if future.cancelled():
                continue
            answer, error = _outcome(function)
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(_settle, future, answer, error)
            del job, function, loop, future, answer, error  # an idle thread keeps nothing alive

    def _next(self) -> Job | None:
        try:
            return self._jobs.get_nowait()
        except queue.Empty:
            with self._lock:
                self._idle += 1
            return self._jobs.get()


def _outcome(function: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    try:
        return function(), None
    except BaseException as error:  # noqa: BLE001  # whatever it is belongs to who has asked
        return None, RuntimeError(f"raised {error!r}") if isinstance(error, StopIteration) else error


def _settle(future: asyncio.Future[Any], answer: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(answer)
    else:
        future.set_exception(error)
