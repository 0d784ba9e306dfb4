"""A set of many items, of which one changes: shelves that are filled as people want, 10,000 items on each.

What to learn from it: items are judged one by one and remembered; an event names the item that it is about, so one
changed item costs one comparison and one effect; after a restart, or where an event may be lost, all are compared once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from plat.api import JSON
from plat.engine import Batch, Decision, Effect, Engine, Lane, Past, Reason, RunReport, Standing
from plat.testing.simulation import QUICK, Life, Simulation

KIND = "Shelf"


@dataclass(frozen=True, kw_only=True)
class Put(Effect):
    """Put one item where it belongs, whatever lies there."""

    shelf: str
    item: str
    value: str


@dataclass
class Warehouse:
    """The world outside: what lies on each shelf, and how often something was put there."""

    shelves: dict[str, dict[str, str]] = field(default_factory=dict)
    puts: int = 0

    def put(self, shelf: str, item: str, value: str) -> None:
        self.shelves.setdefault(shelf, {})[item] = value
        self.puts += 1


@dataclass(frozen=True)
class Seen:
    """What `decide` sees of a shelf: only what differs."""

    wrong: Mapping[str, str]
    total: int


@dataclass
class Memo:
    """What was found about a shelf, item by item."""

    version: str = ""
    spec: Mapping[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    moved: set[str] = field(default_factory=set)
    """Items that something has happened to since they were compared."""


@dataclass
class Shelves:
    """Fills shelves."""

    life: Life
    warehouse: Warehouse
    memos: dict[str, Memo] = field(default_factory=dict)
    compared: int = 0

    async def observe(self, key: str, past: Past) -> Seen | None:  # the shelves say it all
        shelf = await self.life.store.get(KIND, key)
        if shelf is None:
            return None
        memo = self.memos.setdefault(key, Memo())
        if memo.version != shelf.version:
            spec = wanted(shelf.spec)
            memo.moved |= {item for item in spec.keys() | memo.spec.keys() if spec.get(item) != memo.spec.get(item)}
            memo.version, memo.spec = shelf.version, spec
        await self._compare(key, memo)
        return Seen(dict(memo.wrong), len(memo.spec))

    async def _compare(self, key: str, memo: Memo) -> None:
        live = await self.life.do(lambda: self.warehouse.shelves.get(key, {}), what=f"look at {key}")
        for item in tuple(memo.moved):
            self.compared += 1
            memo.moved.discard(item)
            memo.wrong.pop(item, None)
            if item in memo.spec and live.get(item) != memo.spec[item]:
                memo.wrong[item] = memo.spec[item]

    def decide(self, seen: Seen, now: datetime) -> Decision:  # timeless
        if not seen.wrong:
            return Decision(because=Reason("full", {"items": seen.total}))
        effects = tuple(Put(id=item, shelf="a", item=item, value=value) for item, value in sorted(seen.wrong.items()))
        reason = Reason("fills", {"items": len(effects), "of": seen.total})
        return Decision((Batch(effects),), because=reason, standing=Standing.WAITING)

    async def put(self, effect: Put) -> JSON:
        memo = self.memos[effect.shelf]
        try:
            what = f"put {effect.item}"
            await self.life.do(lambda: self.warehouse.put(effect.shelf, effect.item, effect.value), what=what)
        finally:
            memo.moved.add(effect.item)  # whatever came of it, it is compared again
        return None

    def touched(self, shelf: str, item: str) -> None:
        """Hear that something has happened to an item."""
        self.memos.setdefault(shelf, Memo()).moved.add(item)


def wanted(spec: Mapping[str, JSON]) -> Mapping[str, str]:
    """Return every item of a specification with its value: most of the same value, some of their own."""
    items = {f"item-{number:05}": spec["value"] for number in range(spec["items"])}
    items.update(spec.get("own", {}))
    return items


@dataclass
class Story:
    """One shelf; people change one item, then all, then somebody moves one by hand."""

    world: Simulation
    items: int = 40
    warehouse: Warehouse = field(default_factory=Warehouse)
    shelves: Shelves | None = None
    engine: Engine | None = None

    async def prepare(self) -> None:
        await self.world.write(KIND, "a", {"items": self.items, "value": "red"})

    def boot(self, life: Life) -> Engine:
        engine = self.engine = Engine(clock=life.world.clock, memory=life.memory, settings=QUICK)
        shelves = self.shelves = Shelves(life, self.warehouse)
        engine.register("shelves", shelves, {Put: shelves.put})
        life.store.listen(KIND, lambda obj: engine.enqueue("shelves", obj.name, interrupts=True))
        engine.enqueue("shelves", "a", lane=Lane.RESYNC)
        return engine

    async def people(self) -> None:
        sleep, chance = self.world.clock.sleep, self.world.chance
        await sleep(chance.random() * 10)
        await self.world.write(KIND, "a", {"items": self.items, "value": "red", "own": {"item-00007": "blue"}})
        await sleep(chance.random() * 100)
        await self.world.write(KIND, "a", {"items": self.items, "value": "green"})
        await sleep(chance.random() * 100)
        self.by_hand("item-00003")

    def by_hand(self, item: str) -> None:
        """Let somebody change an item behind our back; the process that lives hears of it."""
        self.warehouse.shelves.setdefault("a", {})[item] = "by hand"
        self.world.say(f"people: {item} is moved by hand")
        if self.shelves is not None and self.engine is not None:
            self.shelves.touched("a", item)
            self.engine.enqueue("shelves", "a")

    async def check(self, report: RunReport) -> None:
        assert not report.failed
        shelf = await self.world.read(KIND, "a")
        assert self.warehouse.shelves["a"] == wanted(shelf.spec)
