"""The desk where operations are started, attached to, cancelled and seen to their end, outside of every key."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from dataclasses import replace
from typing import Any, Final

from plat.api import JSON, RefusedError, UnavailableError, UserError
from plat.engine.clock import Clock
from plat.engine.decision import Effect, OperationView, Outcome, Result
from plat.engine.effects import Handler, failure, say
from plat.engine.operations import (
    CancelOperation,
    LostError,
    OperationRecord,
    Operations,
    Runner,
    Shelf,
    StartOperation,
    Work,
)
from plat.engine.queue import Backoff

Tasks = dict[tuple[str, str], asyncio.Task[None]]
_LOG: Final = logging.getLogger("plat.engine")
WAKE_EVERY: Final = 1.0
"""Seconds between two wakings of a key by progress of one operation."""
AGAIN: Final = Backoff(first=1.0, limit=30.0)
"""How long until a store or work that is out of reach is tried again."""
GONE: Final = "gone"
"""The code of the cancellation of work whose key is gone."""


class OperationDesk:
    """All operations of a running engine. `moved(address)` is called when one of a key's has news."""

    def __init__(
        self, clock: Clock, store: Operations, runners: Mapping[str, Runner], moved: Callable[[str], None]
    ) -> None:
        self._clock, self._store, self._runners, self._moved = clock, store, dict(runners), moved
        self._shelf = Shelf()
        self._tasks: Tasks = {}
        self._cancels: Tasks = {}
        self._locks: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        """One for each operation that runs: what is written last must be what is true."""

    def __bool__(self) -> bool:
        """Say whether any operation is on record."""
        return bool(self._shelf)

    @property
    def running(self) -> int:
        """How many operations are seen to their end now."""
        return len(self._tasks)

    def views(self, address: str) -> Mapping[str, OperationView]:
        """Return the operations of a key."""
        return self._shelf.views(address)

    def handlers(self, address: str) -> Mapping[type[Effect], Handler]:
        """Return how a key's effects on operations are carried out."""

        async def start(effect: StartOperation) -> JSON:
            return await self._start(address, effect)

        async def cancel(effect: CancelOperation) -> JSON:
            return await self._cancel(address, effect)

        return {StartOperation: Handler(start), CancelOperation: Handler(cancel)}

    async def resume(self) -> None:
        """Read what is on record, and attach to everything that has not ended."""
        self._shelf.fill(await self._store.load())
        for record in self._shelf.all():
            if record.outcome is not None:
                continue
            if record.kind in self._runners:
                self._launch(record, attach=True)
            else:
                _LOG.warning("no runner for %r, so %s of %s is left alone", record.kind, record.id, record.address)

    async def detach(self) -> None:
        """Let go of everything that runs; the next `resume` attaches to it again."""
        tasks = [*self._tasks.values(), *self._cancels.values()]
        self._tasks.clear()
        self._cancels.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def forget(self, address: str, ids: Collection[str]) -> None:
        """Remove ended operations from the record; those that run stay."""
        page = self._shelf.page(address)
        gone = [each for each in ids if each in page and page[each].outcome is not None]
        if gone:
            await self._store.forget(address, gone)
        for each in gone:
            self._shelf.drop(address, each)

    async def abandon(self, address: str) -> None:
        """Cancel what a key runs and forget what it ran: the key is gone."""
        for record in list(self._shelf.page(address).values()):
            if record.outcome is None and record.kind in self._runners:
                await self._cancel(address, CancelOperation(id="", operation=record.id, code=GONE))
        await self.forget(address, list(self._shelf.page(address)))

    # -- effects

    async def _start(self, address: str, effect: StartOperation) -> JSON:
        page = self._shelf.page(address)
        if effect.id in page:
            return {"operation": effect.id}
        if effect.kind not in self._runners:
            raise UserError(f"nothing runs operations of the kind {effect.kind!r}")
        rival = next((r.id for r in page.values() if effect.exclusive and _busy(r, effect.exclusive)), "")
        if rival:
            raise RefusedError(f"{rival} runs, and only one at a time may", code="busy")
        record = OperationRecord(
            address=address,
            id=effect.id,
            kind=effect.kind,
            arguments=effect.arguments,
            exclusive=effect.exclusive,
            started_at=self._clock.now(),
        )
        # On the shelf at once, and for good: a store that fails may have taken it all the same, and then the next
        # process would start what this one believes absent.
        self._shelf.put(record)
        self._launch(record, attach=False)
        return {"operation": effect.id}

    async def _cancel(self, address: str, effect: CancelOperation) -> JSON:
        record = self._shelf.page(address).get(effect.operation)
        if record is None or record.outcome is not None:
            return None
        if not record.cancelled:
            async with self._locks[address, effect.operation]:
                record = self._shelf.page(address).get(effect.operation, record)
                await self._store.save(replace(record, cancelled=effect.code))
                record = self._shelf.change(address, effect.operation, cancelled=effect.code) or record
            self._spawn(self._cancels, record, self._deliver(record))
        return None

    # -- seeing work to its end

    def _launch(self, record: OperationRecord, *, attach: bool) -> None:
        self._spawn(self._tasks, record, self._see(record, attach=attach))

    def _spawn(self, tasks: Tasks, record: OperationRecord, work: Coroutine[Any, Any, None]) -> None:
        key = record.address, record.id
        tasks[key] = asyncio.get_running_loop().create_task(work)

    async def _deliver(self, record: OperationRecord) -> None:
        """Tell the runner that work is cancelled, until it has heard it or the work has ended."""
        failures = 0
        while self._shelf.page(record.address).get(record.id, record).outcome is None:
            try:
                await self._runners[record.kind].cancel(_work(record))
            except Exception as error:  # noqa: BLE001  # whatever ails the runner, the work must not go on for ever
                failures += 1
                _LOG.warning("%s of %s could not be cancelled yet: %s", record.id, record.address, error)
                await self._clock.sleep(AGAIN.delay(failures))
            else:
                return

    async def _see(self, record: OperationRecord, *, attach: bool) -> None:
        key = record.address, record.id
        if not attach:
            await self._insist(record, self._store.save)
            record = self._shelf.page(record.address).get(record.id, record)
        if attach or not record.cancelled:
            outcome = await self._outcome(record, attach=attach)
        else:
            outcome = self._failed(record, InterruptedError("it was cancelled before it began"))
        await self._conclude(key, outcome)
        self._locks.pop(key, None)
        self._cancels.pop(key, None)
        if self._tasks.get(key) is asyncio.current_task():
            del self._tasks[key]
        self._moved(record.address)

    async def _outcome(self, record: OperationRecord, *, attach: bool) -> Outcome:
        """See work to its end, attaching again and again while it is out of reach: that is not its end."""
        failures = 0
        while True:
            try:
                return await self._attend(record, attach=attach)
            except (UnavailableError, TimeoutError) as error:
                failures, attach = failures + 1, True
                self._shelf.change(record.address, record.id, progress=f"out of reach: {say(error)}")
                await self._clock.sleep(AGAIN.delay(failures))
                record = self._shelf.page(record.address).get(record.id, record)

    async def _attend(self, record: OperationRecord, *, attach: bool) -> Outcome:
        runner, work = self._runners[record.kind], _work(record)
        progress = _Reporter(self, record.address, record.id)
        try:
            if attach and record.cancelled:
                await self._deliver(record)
            value = await (runner.attach(work, progress) if attach else runner.run(work, progress))
        except (UnavailableError, TimeoutError):
            raise
        except LostError as error:
            return self._ended(record, Result.UNKNOWN, error="LostError", code="lost", message=str(error))
        except asyncio.CancelledError:
            if self._tasks.get((record.address, record.id)) is not asyncio.current_task():
                raise  # the engine ends; the work goes on
            return self._failed(record, InterruptedError("it was cancelled"))
        except Exception as error:  # noqa: BLE001  # whatever a runner raises is an outcome, judged by `decide`
            return self._failed(record, error)
        finally:
            progress.close()
        return self._ended(record, Result.DONE, value=value)

    def _failed(self, record: OperationRecord, error: Exception) -> Outcome:
        now = self._shelf.page(record.address).get(record.id)
        if now is not None and now.cancelled:
            text = str(error) or "it was cancelled"
            return self._ended(record, Result.FAILED, error="Cancelled", code=now.cancelled, message=text)
        return failure(record.id, error, self._clock)

    def _ended(self, record: OperationRecord, result: Result, **fields: Any) -> Outcome:
        return Outcome(id=record.id, result=result, at=self._clock.now(), **fields)

    async def _conclude(self, key: tuple[str, str], outcome: Outcome) -> None:
        """Write the outcome down before anybody sees it."""
        record = self._shelf.page(key[0]).get(key[1])
        if record is None:
            return
        if record.cancelled == GONE:
            await self._insist(record, lambda _: self._store.forget(key[0], [key[1]]))
            self._shelf.drop(*key)
        else:
            await self._insist(record, lambda now: self._store.save(replace(now, outcome=outcome)))
            self._shelf.change(*key, outcome=outcome)

    async def _insist(self, record: OperationRecord, write: Callable[[OperationRecord], Awaitable[None]]) -> None:
        """Write something down about a record, as it is by then, however long the store takes."""
        failures = 0
        while True:
            try:
                async with self._locks[record.address, record.id]:
                    await write(self._shelf.page(record.address).get(record.id, record))
            except Exception as error:  # noqa: BLE001  # whatever ails the store, nothing must be lost by it
                failures += 1
                _LOG.warning("news of %s of %s could not be written down yet: %s", record.id, record.address, error)
                await self._clock.sleep(AGAIN.delay(failures))
            else:
                return

    # -- progress

    async def handle(self, address: str, operation: str, handle: JSON) -> None:
        """Write down what an operation is found by."""
        record = self._shelf.change(address, operation, handle=handle)
        if record is not None:
            await self._insist(record, self._store.save)

    def heard(self, address: str, operation: str, **fields: JSON) -> None:
        """Take in a heartbeat or progress."""
        self._shelf.change(address, operation, heartbeat=self._clock.now(), **fields)

    def later(self, address: str, callback: Callable[[], None]) -> Callable[[], None]:
        """Wake a key now, and call back when it may be woken again; returns how to cancel that."""
        self._moved(address)
        return self._clock.call_later(WAKE_EVERY, callback).cancel


class _Reporter:
    """The progress of one operation; wakes its key at most once a second."""

    def __init__(self, desk: OperationDesk, address: str, operation: str) -> None:
        self._desk, self._address, self._operation = desk, address, operation
        self._cancel: Callable[[], None] | None = None
        self._news = self._closed = False

    async def found_by(self, handle: JSON) -> None:
        await self._desk.handle(self._address, self._operation, handle)

    def say(self, text: str, state: JSON = None) -> None:
        self._desk.heard(self._address, self._operation, progress=text, state=state)
        self._news = True
        if self._cancel is None and not self._closed:
            self._tell()

    def beat(self) -> None:
        self._desk.heard(self._address, self._operation)

    def close(self) -> None:
        self._closed = True
        if self._cancel is not None:
            self._cancel()

    def _tell(self) -> None:
        self._cancel = None
        if self._news and not self._closed:
            self._news = False
            self._cancel = self._desk.later(self._address, self._tell)


def _busy(record: OperationRecord, exclusive: str) -> bool:
    return record.outcome is None and record.exclusive == exclusive


def _work(record: OperationRecord) -> Work:
    return Work(name=f"{record.address}:{record.id}", arguments=record.arguments, handle=record.handle)
