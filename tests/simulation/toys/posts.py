"""A request that must not be repeated: letters that a post office accepts, and cannot be asked about afterwards.

What to learn from it: a ONCE effect has an id that is the same on every attempt; its outcome is kept until `decide`
says `forget`, which it does only when the status shows what came of it; UNKNOWN is reported, never tried again.
Registered letters are KEYED: the post office can be asked for one by its number, so each arrives exactly once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from plat.api import JSON, RefusedError
from plat.engine import (
    Batch,
    Decision,
    Effect,
    Engine,
    Handler,
    Lane,
    Outcome,
    Past,
    Reason,
    Repeat,
    Result,
    RunReport,
    Standing,
)
from plat.store import Stored
from plat.testing.simulation import QUICK, Life, Simulation

KIND = "Desk"


@dataclass(frozen=True, kw_only=True)
class Send(Effect):
    """Hand one letter in."""

    repeat: ClassVar[Repeat] = Repeat.ONCE
    number: str


@dataclass(frozen=True, kw_only=True)
class Register(Effect):
    """Hand one registered letter in; it can be found by its number."""

    repeat: ClassVar[Repeat] = Repeat.KEYED
    number: str


@dataclass(frozen=True, kw_only=True)
class Write(Effect):
    """Write into the status what has become of letters."""

    desk: Stored
    results: Mapping[str, str]


@dataclass
class Office:
    """The world outside: how often each letter was accepted."""

    accepted: Counter[str] = field(default_factory=Counter)
    closed: frozenset[str] = frozenset()

    def accept(self, number: str) -> str:
        if number in self.closed:
            raise RefusedError(f"{number}: nobody lives there", code="address")
        self.accepted[number] += 1
        return f"receipt-{number}"

    def find(self, number: str) -> str | None:
        return f"receipt-{number}" if self.accepted[number] else None


@dataclass(frozen=True)
class Desks:
    """Sends every letter that lies on a desk."""

    life: Life
    office: Office

    async def observe(self, key: str, past: Past) -> tuple[Stored, Mapping[str, Outcome]] | None:
        desk = await self.life.store.get(KIND, key)
        return None if desk is None else (desk, past.outcomes)

    def decide(self, observed: tuple[Stored, Mapping[str, Outcome]], now: datetime) -> Decision:  # timeless
        desk, outcomes = observed
        known: Mapping[str, str] = desk.status.get("letters", {})
        settled = frozenset(number for number in outcomes if number in known)
        news = {
            number: _sentence(outcome)
            for number, outcome in outcomes.items()
            if number in desk.spec["letters"] and number not in known and _final(outcome)
        }
        if news:
            write = Write(id="write", desk=desk, results=news)
            return Decision((Batch((write,)),), because=Reason("writes"), forget=settled, standing=Standing.WAITING)
        left = [number for number in desk.spec["letters"] if number not in known]
        if left:
            effects = tuple(_letter(number) for number in left)
            return Decision((Batch(effects),), because=Reason("sends"), forget=settled, standing=Standing.WAITING)
        if "unknown" in known.values():
            return Decision(because=Reason("unknown"), forget=settled, standing=Standing.BLOCKED)
        return Decision(because=Reason("sent"), forget=settled)

    async def send(self, effect: Send | Register) -> JSON:
        return await self.life.do(lambda: self.office.accept(effect.number), what=f"post {effect.number}")

    async def find(self, effect: Register) -> JSON:
        return await self.life.do(lambda: self.office.find(effect.number), what=f"find {effect.number}")

    async def write(self, effect: Write) -> JSON:
        await self.life.store.update_status(effect.desk, {"letters": dict(effect.results)})
        return None


def _letter(number: str) -> Effect:
    if number.startswith("registered"):
        return Register(id=number, number=number)
    return Send(id=number, number=number)


def _final(outcome: Outcome) -> bool:
    """Say whether a letter is not tried again: sent, refused, or nobody knows."""
    return outcome.result in (Result.DONE, Result.REFUSED, Result.UNKNOWN)


def _sentence(outcome: Outcome) -> str:
    return str(outcome.value) if outcome.result is Result.DONE else outcome.result.value


@dataclass
class Story:
    """Two desks; letters arrive while processes live and die."""

    world: Simulation
    office: Office = field(default_factory=lambda: Office(closed=frozenset({"letter-2"})))

    async def prepare(self) -> None:
        await self.world.write(KIND, "a", {"letters": ["letter-1", "letter-2", "registered-1"]})
        await self.world.write(KIND, "b", {"letters": ["letter-3"]})

    def boot(self, life: Life) -> Engine:
        engine = Engine(clock=life.world.clock, memory=life.memory, settings=QUICK)
        desks = Desks(life, self.office)
        register = Handler(desks.send, find=desks.find)
        engine.register("desks", desks, {Send: desks.send, Register: register, Write: desks.write})
        life.store.listen(KIND, lambda obj: engine.enqueue("desks", obj.name))
        for name in "ab":
            engine.enqueue("desks", name, lane=Lane.RESYNC)
        return engine

    async def people(self) -> None:
        letters = ["letter-3"]
        for number in ("letter-4", "registered-2", "letter-5"):
            await self.world.clock.sleep(self.world.chance.random() * 20)
            letters.append(number)
            await self.world.write(KIND, "b", {"letters": list(letters)})

    async def check(self, report: RunReport) -> None:
        assert report.passes < 500, "it runs hot"
        assert not report.failed
        for name in "ab":
            desk = await self.world.read(KIND, name)
            for number in desk.spec["letters"]:
                self._check(number, desk.status["letters"].get(number, "lost"))

    def _check(self, number: str, known: str) -> None:
        times = self.office.accepted[number]
        self.world.say(f"check: {number} is {known}, accepted {times} times")
        if number.startswith("registered"):
            assert (known, times) == (f"receipt-{number}", 1)
        elif number in self.office.closed:
            assert times == 0
            assert known in ("refused", "unknown")
        elif known == "unknown":
            assert times <= 1
        else:
            assert (known, times) == (f"receipt-{number}", 1)
