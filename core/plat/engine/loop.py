"""The engine: takes keys from the queue and brings each through observe, decide and act. No domain word in it.

Nothing that a reconciler or a performer raises ends the loop: a key that fails stands FAILED, backs off, and the
others go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping
from datetime import timedelta
from typing import TypeVar

from plat.engine.clock import Clock, SystemClock
from plat.engine.decision import Decision, Effect, Lane, Past, Reason, Reconciler, Repeat, Standing
from plat.engine.desk import OperationDesk
from plat.engine.effects import Handler, Mode, Performer, Stage
from plat.engine.intents import IntentBook
from plat.engine.keys import Entry, Kind, merged
from plat.engine.memory import Memory
from plat.engine.operations import Runner
from plat.engine.pace import Pace
from plat.engine.queue import WorkQueue
from plat.engine.reasons import KeyView, Told, Transition
from plat.engine.roster import Roster
from plat.engine.settings import RunReport, Settings
from plat.engine.workers import Hand, Turn, Watch

K = TypeVar("K", bound=Hashable)
O = TypeVar("O")  # noqa: E741  # Observed


class Engine:
    """One loop over all keys of all registered reconcilers. Used from one event loop; runs one `run` at a time."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        memory: Memory | None = None,
        mode: Mode = Mode.PERFORM,
        settings: Settings | None = None,
        runners: Mapping[str, Runner] | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._settings = settings or Settings()
        self._mode = mode
        memory = memory or Memory()
        self._queue: WorkQueue[Entry] = WorkQueue(self._clock, backoff=self._settings.backoff)
        self._book = IntentBook(memory.intents)
        self._desk = OperationDesk(self._clock, memory.operations, runners or {}, self._operation_moved)
        self._stage = Stage(
            self._clock, self._book, mode=mode, in_flight=self._settings.effects, own=self._desk.handlers
        )
        self._roster = Roster(self._book, self._desk, keep=self._settings.reasons)
        self._pace = Pace(self._clock, self._queue, self._roster, self._settings)
        self._passes = self._effects = 0
        self._over = asyncio.Event()
        self._until_settled = self._stopping = self._running = False

    # -- what others call

    def register(
        self,
        name: str,
        reconciler: Reconciler[K, O],
        performers: Mapping[type[Effect], Performer | Handler] | None = None,
        *,
        address: Callable[[K], str] = str,
    ) -> None:
        """Add a reconciler; `address` gives the stable text that its keys are written down by.

        Raises:
            ValueError: the name is taken, or a KEYED effect has no `find`.
        """
        handlers = {k: p if isinstance(p, Handler) else Handler(p) for k, p in (performers or {}).items()}
        for effect, handler in handlers.items():
            if effect.repeat is Repeat.KEYED and handler.find is None:
                raise ValueError(f"{effect.__name__} is KEYED and needs a Handler with `find`")
        self._roster.register(Kind(name, reconciler, handlers, address))

    def enqueue(
        self,
        name: str,
        key: Hashable,
        *,
        lane: Lane = Lane.CHANGE,
        because: Reason | None = None,
        interrupts: bool | None = None,
    ) -> None:
        """Have a key looked at. From the event loop's own thread only.

        `interrupts`: effects of this key that were not launched yet are held back until it was observed again; the
        default for what people ask, to be given for a new specification. `because` becomes part of its story.
        """
        entry = self._roster.entries[name].get(key)
        if entry is None:
            entry = self._roster.remember(name, key)
        if entry.in_hand and (lane is Lane.PEOPLE if interrupts is None else interrupts):
            entry.interrupted = True
        if because is not None:
            self._roster.note(entry, Told(self._clock.now(), because, entry.standing))
        self._queue.add(entry, lane)

    async def run(self, *, until_settled: bool = True, timeout: timedelta | None = None) -> RunReport:  # noqa: ASYNC109  # it reports what is left instead of raising
        """Work until nothing more will happen by itself; for ever without `until_settled`; at most `timeout`.

        Settled: no key is queued, in hand or WAITING, and no operation runs. Can be called again afterwards. Cancelling
        it ends the work at once and leaves what was begun to the next run, as a crash would.
        """
        if self._running:
            raise RuntimeError("this engine runs already")
        self._running = True
        try:
            return await self._run(until_settled=until_settled, timeout=timeout)
        finally:
            self._running = False

    def stop(self) -> None:
        """End the run: effects in flight are finished, no other is launched, operations are left to the next run."""
        self._stopping = True
        self._over.set()

    def why(self, name: str, key: Hashable) -> list[Told]:
        """Return the reasons of a key, oldest first; empty if it is not known."""
        entry = self._roster.entries[name].get(key)
        return [] if entry is None else list(entry.story)

    def snapshot(self) -> list[KeyView]:
        """Return every key as it stands."""
        return [entry.view for entry in self._roster]

    def subscribe(self, callback: Callable[[Transition], None]) -> Callable[[], None]:
        """Hear every change of reason or standing, for live progress; returns how to stop."""
        return self._roster.listeners.add(callback)

    # -- one key

    async def _work(self, hand: Hand) -> None:
        queue, turn = self._queue, hand.turn
        while (entry := queue.take() or await queue.get()) is not None:
            self._passes += 1
            hand.entry, hand.since = entry, self._passes
            if entry.interrupted:
                entry.interrupted = False
            try:
                await self._pass(entry)
            except Exception as error:  # noqa: BLE001  # one key's trouble must not end the loop
                self._pace.stumble(entry, error)
            except asyncio.CancelledError:
                if not hand.overdue:
                    entry.again = entry.lane  # the run ends; the next one goes on with this key
                    raise
                self._overdue(hand, entry)
            finally:
                hand.entry = None
                queue.done(entry)
            if not queue.queued and not queue.in_hand:
                self._look_around()
            if turn.over():
                await asyncio.sleep(0)

    async def _pass(self, entry: Entry) -> None:
        reconciler = entry.kind.reconciler
        observed = await reconciler.observe(entry.key, entry.past)
        if observed is None:
            await self._gone(entry)
            return
        now = self._clock.now()
        decision = reconciler.decide(observed, now)
        if decision.because is not entry.because or decision.standing is not entry.standing:
            self._roster.stand(entry, now, decision.because, decision.standing)
        if decision.forget:
            await self._acknowledge(entry, decision.forget)
        if decision.batches:
            await self._act(entry, decision)
        else:
            self._pace.rest(entry, decision, now)

    async def _act(self, entry: Entry, decision: Decision) -> None:
        address = self._roster.locate(entry)
        entry.acting = True
        try:
            acted = await self._stage.act(
                address,
                decision.batches,
                entry.kind.handlers,
                stop=lambda: entry.interrupted or self._stopping,
            )
        finally:
            entry.acting = False
        self._effects += acted.attempted
        outcomes = merged(entry.past.outcomes, acted.outcomes, self._book.outcomes(address))
        entry.past = Past(outcomes, self._desk.views(address))
        if self._mode is Mode.PREVIEW and not acted.fresh:
            self._queue.succeed(entry)  # the preview of this key ends here
        else:
            self._pace.go_on(entry, decision, acted)

    async def _acknowledge(self, entry: Entry, ids: frozenset[str]) -> None:
        address = entry.address
        await self._book.forget(address, ids)
        await self._desk.forget(address, ids)
        kept = {i: o for i, o in entry.past.outcomes.items() if i not in ids}
        entry.past = Past(kept, self._desk.views(address))

    async def _gone(self, entry: Entry) -> None:
        """Forget a key that is gone, and everything written down for it."""
        await self._book.forget(entry.address)
        await self._desk.abandon(entry.address)
        again = entry.again
        self._queue.drop(entry)
        self._roster.drop(entry)
        if again is not None:  # somebody asked for it while it was going
            self.enqueue(entry.kind.name, entry.key, lane=again)

    def _overdue(self, hand: Hand, entry: Entry) -> None:
        """The watch has cancelled a pass: the key has failed, the worker goes on."""
        hand.overdue = False
        if hand.task is not None:
            hand.task.uncancel()
        took = self._settings.observe.total_seconds()
        self._pace.stumble(entry, TimeoutError(f"to observe it took longer than {took:.0f} s"))

    # -- all keys

    def _operation_moved(self, address: str) -> None:
        entry = self._roster.at(address)
        if entry is None:
            self._look_around()
            return
        entry.past = Past(entry.past.outcomes, self._desk.views(address))
        self._queue.add(entry, Lane.CHANGE)

    def _look_around(self) -> None:
        queue = self._queue
        if self._until_settled and not (queue.queued or queue.in_hand or self._desk.running or self._unsettled()):
            self._over.set()

    def _unsettled(self) -> bool:
        """Say whether a key waits. A preview does not wait for what only time and the world bring."""
        if self._mode is Mode.PERFORM or not self._roster.waiting:
            return self._roster.waiting > 0
        return any(entry.failures for entry in self._roster.of_standing(Standing.WAITING))

    async def _run(self, *, until_settled: bool, timeout: timedelta | None) -> RunReport:  # noqa: ASYNC109  # as `run`
        loop = asyncio.get_running_loop()
        began, passes, effects = loop.time(), self._passes, self._effects
        self._until_settled, self._stopping = until_settled, False
        self._over.clear()
        await self._book.load()
        await self._desk.resume()
        self._queue.open()
        for entry in self._roster.refresh():
            self._queue.add(entry, Lane.RESYNC)
        settled = await self._until_over(timeout)
        return self._report(
            settled=settled,
            passes=self._passes - passes,
            effects=self._effects - effects,
            took=timedelta(seconds=loop.time() - began),
        )

    async def _until_over(self, timeout: timedelta | None) -> bool:  # noqa: ASYNC109  # as `run`
        loop = asyncio.get_running_loop()
        turn = Turn(loop)
        hands = [Hand(turn) for _ in range(self._settings.keys)]
        for hand in hands:
            hand.task = loop.create_task(self._work(hand))
        watch = Watch(hands, self._settings.observe.total_seconds())
        watch.start()
        gently = False
        try:
            self._look_around()
            await self._wait(timeout, hands)
            gently = True
            return self._over.is_set() and not self._stopping
        finally:
            watch.stop()
            await self._end(hands, gently=gently)

    async def _wait(self, timeout: timedelta | None, hands: list[Hand]) -> None:  # noqa: ASYNC109  # as `run`
        over = asyncio.get_running_loop().create_task(self._over.wait())
        workers = {hand.task for hand in hands if hand.task is not None}
        try:
            ended, _ = await asyncio.wait(
                {over, *workers},
                timeout=None if timeout is None else timeout.total_seconds(),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            over.cancel()
        for worker in ended & workers:
            worker.result()  # a worker ends before the queue is closed only by what must end everything

    async def _end(self, hands: list[Hand], *, gently: bool) -> None:
        """Close the queue. Effects in flight are seen to their end if there is time; observations are not."""
        self._stopping = True
        self._queue.close()
        for hand in hands:
            if hand.task is not None and (hand.observing or not gently):
                hand.task.cancel()
        await asyncio.gather(*(hand.task for hand in hands if hand.task), return_exceptions=True)
        await self._desk.detach()

    def _report(self, *, settled: bool, passes: int, effects: int, took: timedelta) -> RunReport:
        groups: dict[Standing, list[KeyView]] = {each: [] for each in Standing}
        for entry in self._roster:
            active = entry.lane is not None and not settled  # a timer may ring while a settled run ends
            if active or entry.standing is not Standing.SETTLED:
                groups[Standing.WAITING if active else entry.standing].append(entry.view)
        return RunReport(
            settled=settled,
            waiting=tuple(groups[Standing.WAITING]),
            blocked=tuple(groups[Standing.BLOCKED]),
            failed=tuple(groups[Standing.FAILED]),
            passes=passes,
            effects=effects,
            took=took,
            planned=self._stage.planned,
        )
