"""The simulated world: one seed decides who is slow, what fails, when the process crashes and the clock jumps.

A scenario says what is wanted and what must be true; `simulate` lives through it and raises `SimulationError` with the
seed and the last things that happened. The same seed does the same again, as long as the store does.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from plat.api import JSON, RefusedError, UnavailableError
from plat.engine import NOT_SENT, Backoff, Engine, Memory, RunReport, Settings
from plat.store import Listing, ObjectStore, Stored
from plat.testing.simulation_objects import MemoryObjects
from plat.testing.simulation_time import SimulatedClock, VirtualLoop

__all__ = ["Faults", "Life", "Scenario", "Simulation", "SimulationError", "StoreInLife", "Stores", "simulate"]

T = TypeVar("T")
Stores: TypeAlias = "Callable[[], AbstractAsyncContextManager[Callable[[int], ObjectStore]]]"
"""Opens whatever stores need; what it yields gives an empty store for a seed. Closed after the last one."""
HORIZON: Final = timedelta(days=30)
HANGS: Final = 100.0
"""Seconds after which a call that hangs is given up below the effect; longer than any deadline of an effect."""
RELIST: Final = 60.0
"""Seconds after which a lost event is made good."""
SETTLING: Final = RELIST + 10
QUICK: Final = Settings(backoff=Backoff(first=1, limit=60), patience=1000)
"""Settings for scenarios: nothing is given up, since the faults end."""


class SimulationError(AssertionError):
    """A scenario did not come to its end, or something was not as it must be. The message names the seed."""


@dataclass(frozen=True, kw_only=True)
class Faults:
    """Chances of each fault at each point. After `calm` faults the world behaves, so that all can end well."""

    crash: float = 0.03
    conflict: float = 0.03
    unavailable: float = 0.03
    lost_answer: float = 0.02
    hang: float = 0.01
    lost_watch: float = 0.1
    jump: float = 0.02
    slow: float = 0.3
    calm: int = 15

    @classmethod
    def none(cls) -> Faults:
        """Return a world in which everything works at once."""
        return cls(crash=0, conflict=0, unavailable=0, lost_answer=0, hang=0, lost_watch=0, jump=0, slow=0)


class Scenario(Protocol):
    """One story: what people want, how a process is made, and what must be true at the end."""

    async def prepare(self) -> None:
        """Let people write down what they want at first."""
        ...

    def boot(self, life: Life) -> Engine:
        """Make a process: everything that it does to the world goes through `life`. Enqueue every key."""
        ...

    async def people(self) -> None:
        """Do what people do while processes live and die."""
        ...

    async def check(self, report: RunReport) -> None:
        """Raise AssertionError unless the world is as it must be; the report is that of the last, settled run."""
        ...


class Simulation:
    """One world: its chance, clock and store."""

    def __init__(self, seed: int, loop: VirtualLoop, *, faults: Faults, store: ObjectStore) -> None:
        self.seed, self.loop, self.faults, self.store = seed, loop, faults, store
        self.chance = random.Random(seed)  # noqa: S311  # it must be the same again
        self.clock = SimulatedClock(loop)
        self.lives = 0
        self.jumps = timedelta()
        """How far the clock has jumped, without sign: what durations can be wrong by."""
        self._faults = 0
        self._start = loop.time()
        self.trace: deque[str] = deque(maxlen=60)
        """What happened last."""
        self._watchers: list[tuple[Life, str, Callable[[Stored], None]]] = []

    def say(self, text: str) -> None:
        """Add a line to what is printed if the seed fails."""
        self.trace.append(f"{self.loop.time() - self._start:12.3f} life {self.lives}: {text}")

    def draw(self, chance: float, what: str) -> bool:
        """Say whether a fault happens now."""
        if not chance or self._faults >= self.faults.calm or self.chance.random() >= chance:
            return False
        self._faults += 1
        self.say(f"fault: {what}")
        return True

    async def pause(self) -> None:
        """Let a moment pass, often none: this is what shuffles what happens side by side."""
        if self.chance.random() < self.faults.slow:
            await asyncio.sleep(self.chance.random() ** 3 * 2)
        if self.draw(self.faults.jump, "the clock jumps"):
            by = timedelta(seconds=self.chance.choice([-3600, -30, 30, 600, 86400]) * self.chance.random())
            self.jumps += abs(by)
            self.clock.jump(by)

    # -- the people's side: no faults

    async def write(self, kind: str, name: str, spec: JSON) -> Stored:
        """Let people write what they want; whoever watches hears of it."""
        with self.loop.hold():
            while True:
                try:
                    before = await self.store.get(kind, name)
                    if before is None:
                        obj = await self.store.create(kind, name, spec=spec)
                    else:
                        obj = await self.store.update(replace(before, spec=spec))
                    break
                except RefusedError:
                    continue
        self.say(f"people: {kind} {name} = {str(spec)[:80]}")
        self.changed(obj)
        return obj

    async def read(self, kind: str, name: str) -> Stored:
        """Return an object that must be there."""
        with self.loop.hold():
            obj = await self.store.get(kind, name)
        if obj is None:
            raise SimulationError(f"{kind} {name} is lost")
        return obj

    def changed(self, obj: Stored) -> None:
        """Tell the living watchers, some time soon; a lost event is made good by a relist, later."""
        for life, kind, callback in self._watchers:
            if kind == obj.kind and not life.dead:
                lost = self.draw(self.faults.lost_watch, f"the event of {obj} is lost")
                delay = RELIST if lost else self.chance.random() * (2 if self.chance.random() < self.faults.slow else 0)
                self.loop.call_later(delay, life.hear, callback, obj)

    def watch(self, life: Life, kind: str, callback: Callable[[Stored], None]) -> None:
        """Have a process hear of every change of a kind."""
        self._watchers = [entry for entry in self._watchers if not entry[0].dead]
        self._watchers.append((life, kind, callback))

    # -- living through it

    async def live(self, scenario: Scenario) -> RunReport:
        """Live through a scenario to its settled end, through as many processes as it takes."""
        await scenario.prepare()
        people = asyncio.ensure_future(scenario.people())
        while True:
            self.lives += 1
            life = Life(self)
            report = await life.run(scenario.boot(life), people)
            if report is not None:
                await people
                await scenario.check(report)
                return report

    def failed(self, error: BaseException) -> SimulationError:
        """Return the error that names the seed and what happened last."""
        story = "\n".join(self.trace)
        return SimulationError(f"seed {self.seed}: {type(error).__name__}: {error}\n{story}")


class Life:
    """One process. When it crashes, everything that it was doing stops where it was, for ever."""

    def __init__(self, world: Simulation) -> None:
        self.world = world
        self.dead = False
        self.store = StoreInLife(self)
        self.memory = Memory.on(self.store)
        self._crash = asyncio.Event()

    async def do(self, act: Callable[[], T | Awaitable[T]], *, what: str = "", faulty: bool = True) -> T:
        """Do something to the world, or look at it: the one way, and so the place where everything can go wrong."""
        world, faults = self.world, self.world.faults
        await self._point(f"before {what}")
        if faulty and world.draw(faults.unavailable, f"{what} is unavailable"):
            raise UnavailableError(f"{what}: not now", code=NOT_SENT)
        if faulty and world.draw(faults.hang, f"{what} hangs"):
            await asyncio.sleep(HANGS)
            raise TimeoutError(f"{what}: no answer")
        with world.loop.hold():
            done = act()
            value: T = await done if isinstance(done, Awaitable) else done
        await self._point(f"after {what}")
        if faulty and world.draw(faults.lost_answer, f"the answer of {what} is lost"):
            raise TimeoutError(f"{what}: no answer")
        return value

    def hear(self, callback: Callable[[Stored], None], obj: Stored) -> None:
        """Pass on an event, unless nobody lives here any more."""
        if not self.dead:
            callback(obj)

    async def run(self, engine: Engine, people: asyncio.Future[None]) -> RunReport | None:
        """Run an engine until it is settled and people are done; None: the process crashed."""
        before = asyncio.all_tasks()
        crash = asyncio.ensure_future(self._crash.wait())
        try:
            while True:
                run = asyncio.ensure_future(engine.run(until_settled=people.done(), timeout=HORIZON))
                ends: set[asyncio.Future[Any]] = {crash, run} if people.done() else {crash, run, people}
                await asyncio.wait(ends, return_when="FIRST_COMPLETED")
                if people.done() and not (self.dead or run.done()):
                    await asyncio.wait({crash, run}, timeout=SETTLING)  # until the last event has come
                if not (self.dead or run.done()):
                    engine.stop()  # people are done: from now on the process may end when it is settled
                    await asyncio.wait({crash, run}, return_when="FIRST_COMPLETED")
                    if not self.dead:
                        run.result()
                        continue
                if self.dead:
                    return None
                return self._ended(run.result())
        finally:
            self.dead = True
            await _end(asyncio.all_tasks() - before)

    def _ended(self, report: RunReport) -> RunReport:
        if not report.settled:
            waiting = "; ".join(map(str, report.waiting))
            raise SimulationError(f"not settled after {report.took}: {waiting}")
        return report

    async def _point(self, where: str) -> None:
        """One point between two things that a process does: it may be slow here, or crash."""
        await self.world.pause()
        if not self.dead and self.world.draw(self.world.faults.crash, f"crash {where}"):
            self.dead = True
            self._crash.set()
        if self.dead:
            await asyncio.Event().wait()  # until what is left of it is swept away


class StoreInLife:
    """The store as one process sees it: slow, sometimes away, with conflicts, and gone when the process is."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._inner = life.world.store

    async def get(self, kind: str, name: str, namespace: str = "") -> Stored | None:
        """Return one object, or None."""
        return await self._life.do(lambda: self._inner.get(kind, name, namespace), what=f"get {kind} {name}")

    async def list(
        self, kind: str, *, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> Listing:
        """Return the objects of a kind; the first thing that a process does, so it does not fail."""
        return await self._life.do(
            lambda: self._inner.list(kind, namespace=namespace, labels=labels), what=f"list {kind}", faulty=False
        )

    async def create(
        self, kind: str, name: str, namespace: str = "", *, spec: JSON, labels: Mapping[str, str] | None = None
    ) -> Stored:
        """Add an object."""
        return await self._write(
            lambda: self._inner.create(kind, name, namespace, spec=spec, labels=labels), f"create {kind} {name}"
        )

    async def update(self, obj: Stored, *, expected: str = "") -> Stored:
        """Write `spec` and `labels` under the version."""
        return await self._write(lambda: self._inner.update(obj, expected=expected), f"update {obj}")

    async def update_status(self, obj: Stored, patch: JSON, *, expected: str = "") -> Stored:
        """Patch the status under the version."""
        return await self._write(lambda: self._inner.update_status(obj, patch, expected=expected), f"status of {obj}")

    async def delete(self, kind: str, name: str, namespace: str = "", *, expected: str = "") -> bool:
        """Remove an object."""
        return await self._life.do(
            lambda: self._inner.delete(kind, name, namespace, expected=expected), what=f"delete {kind} {name}"
        )

    def watch(self, kind: str, since: str = "") -> Any:
        """Not here: `listen` hears of changes with the delays and losses of this world."""
        raise NotImplementedError(f"listen for {kind} instead")

    def listen(self, kind: str, callback: Callable[[Stored], None]) -> None:
        """Hear of every change of a kind, late or after a relist."""
        self._life.world.watch(self._life, kind, callback)

    async def aclose(self) -> None:
        """Do nothing: the store outlives the process."""

    async def _write(self, act: Callable[[], Awaitable[Stored]], what: str) -> Stored:
        if self._life.world.draw(self._life.world.faults.conflict, f"conflict of {what}"):
            raise RefusedError(f"{what}: somebody was faster", code="conflict")

        async def write() -> Stored:
            obj = await act()
            self._life.world.changed(obj)
            return obj

        return await self._life.do(write, what=what)


def simulate(
    make: Callable[[Simulation], Scenario],
    seeds: Iterable[int],
    *,
    faults: Faults | None = None,
    stores: Stores | None = None,
) -> None:
    """Live through a scenario once for each seed.

    `stores` is opened once, and gives an empty store for a seed; without it, objects are kept in memory, and each seed
    starts at the same moment.

    Raises:
        SimulationError: with the first seed that fails, and what happened last.
    """
    if stores is None:
        for seed in seeds:
            _simulate(make, [seed], faults or Faults(), _in_memory)
    else:
        _simulate(make, seeds, faults or Faults(), stores)


@asynccontextmanager
async def _in_memory() -> AsyncIterator[Callable[[int], ObjectStore]]:
    yield lambda _: MemoryObjects()


def _simulate(make: Callable[[Simulation], Scenario], seeds: Iterable[int], faults: Faults, stores: Stores) -> None:
    with _loop() as loop:
        worlds: list[Simulation] = []

        async def live() -> None:
            async with AsyncExitStack() as stack:
                with loop.hold():
                    store = await stack.enter_async_context(stores())
                for seed in seeds:
                    world = Simulation(seed, loop, faults=faults, store=store(seed))
                    worlds[:] = [world]
                    await _one(make, world)
                with loop.hold():
                    await stack.aclose()

        try:
            loop.run_until_complete(live())
        except (Exception, asyncio.CancelledError) as error:
            if not worlds:
                raise
            raise worlds[0].failed(error) from error


async def _one(make: Callable[[Simulation], Scenario], world: Simulation) -> None:
    before = asyncio.all_tasks()
    try:
        await world.live(make(world))
    finally:
        await _end(asyncio.all_tasks() - before)


@contextmanager
def _loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop()
    try:
        yield loop
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        try:
            loop.call_later(60, loop.stop)
            loop.run_forever()  # lets what was cancelled clean up
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()


async def _end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Sweep away what a process leaves behind. Nothing that it does on its way out can reach the world."""
    left = [task for task in tasks if not task.done()]
    while left:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=1)  # some need to be told more than once
        left = [task for task in left if not task.done()]
