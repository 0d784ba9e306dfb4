"""Work of 20 minutes: bread in an oven, that people cancel or replace by other bread, while processes come and go.

What to learn from it: the work is an operation with an id made of what is wanted and the number of the attempt; it is
seen as a fact; another one is started only when the first has an outcome; the runner finds its work again by its name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from plat.api import JSON
from plat.engine import (
    Batch,
    CancelOperation,
    Decision,
    Effect,
    Engine,
    Lane,
    OperationView,
    Past,
    Progress,
    Reason,
    Result,
    RunReport,
    Standing,
    StartOperation,
    Work,
)
from plat.store import Stored
from plat.testing.simulation import QUICK, Life, Simulation

KIND = "Bakery"
MINUTES = 20


@dataclass(frozen=True, kw_only=True)
class Serve(Effect):
    """Write into the status which bread is ready."""

    bakery: Stored
    bread: str


@dataclass
class Bread:
    """One piece of work in the oven."""

    kind: str
    ends: asyncio.Future[str]
    """Its end: `ready` or `stopped`."""


@dataclass
class Oven:
    """The world outside: it goes on baking whoever lives or dies, and knows every bread by the name it was given."""

    world: Simulation
    breads: dict[str, Bread] = field(default_factory=dict)
    busy: int = 0
    most: int = 0
    baked: list[str] = field(default_factory=list)

    def start(self, name: str, kind: str) -> str:
        if name not in self.breads:
            bread = self.breads[name] = Bread(kind, self.world.loop.create_future())
            self.busy += 1
            self.world.say(f"oven: {name} begins")
            self.most = max(self.most, self.busy)
            self.world.loop.call_later(MINUTES * 60, self._end, bread, "ready")
        return name

    def stop(self, name: str) -> None:
        if name in self.breads:
            self._end(self.breads[name], "stopped")

    def _end(self, bread: Bread, how: str) -> None:
        if not bread.ends.done():
            self.busy -= 1
            self.world.say(f"oven: {bread.kind} is {how}")
            bread.ends.set_result(how)
            if how == "ready":
                self.baked.append(bread.kind)


@dataclass
class Baker:
    """Runs bread. It keeps nothing that a restart would lose but what it was told to cancel just now."""

    life: Life
    oven: Oven
    cancelled: set[str] = field(default_factory=set)

    async def run(self, work: Work, progress: Progress) -> JSON:
        """Put it in. Where that is not confirmed, `attach` is next: the oven takes a name only once."""
        await self._do(lambda: self.oven.start(work.name, work.arguments), f"start {work.name}")
        return await self._wait(work, progress)

    async def attach(self, work: Work, progress: Progress) -> JSON:
        """Find it by its name; what was certainly never put in is put in now, unless it is not wanted any more."""
        if work.name in self.oven.breads:
            return await self._wait(work, progress)
        if work.name in self.cancelled:
            raise InterruptedError("it was never begun")
        return await self.run(work, progress)

    async def cancel(self, work: Work) -> None:
        """Take it out; what is just being put in is taken out again by `run`."""
        self.cancelled.add(work.name)
        await self._do(lambda: self.oven.stop(work.name), f"stop {work.name}")

    async def _wait(self, work: Work, progress: Progress) -> JSON:
        if work.name in self.cancelled:
            self.oven.stop(work.name)
        await progress.found_by(work.name)
        ends = self.oven.breads[work.name].ends
        for minute in range(0, MINUTES + 1, 5):
            progress.say(f"{minute} of {MINUTES} minutes")
            if ends.done():
                break
            await asyncio.wait({ends}, timeout=300)
        if await asyncio.shield(ends) == "stopped":
            raise InterruptedError("it was taken out")
        return f"{work.arguments} is ready"

    async def _do(self, act: Callable[[], str | None], what: str) -> None:
        await self.life.do(act, what=what)


@dataclass(frozen=True)
class Bakeries:
    """Has the bread baked that is wanted."""

    life: Life

    async def observe(self, key: str, past: Past) -> tuple[Stored, Mapping[str, OperationView]] | None:
        bakery = await self.life.store.get(KIND, key)
        return None if bakery is None else (bakery, past.operations)

    def decide(self, observed: tuple[Stored, Mapping[str, OperationView]], now: datetime) -> Decision:  # timeless
        bakery, operations = observed
        wanted = bakery.spec["bread"]
        running = [o for o in operations.values() if o.outcome is None]
        if wanted == bakery.status.get("ready", ""):
            return _only(running, "", Decision(because=Reason("ready"), forget=frozenset(operations)))
        ready = [o for o in operations.values() if _kind(o) == wanted and o.outcome and o.outcome.result is Result.DONE]
        if ready:
            serve = Serve(id="serve", bakery=bakery, bread=wanted)
            return Decision((Batch((serve,)),), because=Reason("serves"), standing=Standing.WAITING)
        return _only(running, wanted, _next(wanted, operations))

    async def serve(self, effect: Serve) -> JSON:
        await self.life.store.update_status(effect.bakery, {"ready": effect.bread})
        return None


def _kind(operation: OperationView) -> str:
    """Return what an operation bakes: ids are `<kind>-<attempt>`."""
    return operation.id.rpartition("-")[0]


def _only(running: list[OperationView], wanted: str, otherwise: Decision) -> Decision:
    """Wait for what bakes the wanted bread, cancel what bakes another; where nothing runs, do what is said."""
    wrong = [o for o in running if _kind(o) != wanted]
    if wrong:
        wrong = [o for o in wrong if not o.cancelled]
        cancel = tuple(CancelOperation(id=f"cancel-{o.id}", operation=o.id, code="superseded") for o in wrong)
        batches = (Batch(cancel),) if cancel else ()
        return Decision(batches, because=Reason("supersedes"), standing=Standing.WAITING)
    if running:
        return Decision(because=Reason("bakes"), standing=Standing.WAITING)
    return otherwise


def _next(wanted: str, operations: Mapping[str, OperationView]) -> Decision:
    if not wanted:
        return Decision(because=Reason("not-wanted"), forget=frozenset(operations))
    attempt = sum(1 for o in operations.values() if _kind(o) == wanted)
    start = StartOperation(id=f"{wanted}-{attempt}", kind="bread", arguments=wanted, exclusive="oven")
    return Decision((Batch((start,)),), because=Reason("starts"), standing=Standing.WAITING)


@dataclass
class Story:
    """One bakery; people change their mind."""

    world: Simulation
    oven: Oven = field(init=False)
    ids: int = 0

    async def prepare(self) -> None:
        self.oven = Oven(self.world)
        await self.world.write(KIND, "shop", {"bread": "rye"})

    def boot(self, life: Life) -> Engine:
        engine = Engine(
            clock=life.world.clock, memory=life.memory, settings=QUICK, runners={"bread": Baker(life, self.oven)}
        )
        bakeries = Bakeries(life)
        engine.register("bakeries", bakeries, {Serve: bakeries.serve})
        life.store.listen(KIND, lambda obj: engine.enqueue("bakeries", obj.name, interrupts=True))
        engine.enqueue("bakeries", "shop", lane=Lane.RESYNC)
        return engine

    async def people(self) -> None:
        chance = self.world.chance
        for _ in range(chance.randint(0, 3)):
            await self.world.clock.sleep(chance.random() ** 2 * 3600)
            bread = chance.choice(["rye", "spelt", ""])
            await self.world.write(KIND, "shop", {"bread": bread})

    async def check(self, report: RunReport) -> None:
        assert report.passes < 500, "it runs hot"
        assert not report.failed
        assert self.oven.most <= 1, "two at once"
        assert self.oven.busy == 0, "something bakes that nobody wants"
        bakery = await self.world.read(KIND, "shop")
        wanted = bakery.spec["bread"]
        if wanted:
            assert bakery.status["ready"] == wanted
            assert wanted in self.oven.baked
