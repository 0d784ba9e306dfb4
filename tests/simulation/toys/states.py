"""A timed state machine: a light that goes through its phases, each for so many seconds, and stops in the last.

What to learn from it: the state is in the object's own status, written under its version; `decide` compares times and
says when to look again; a verb of people (`hold`) stops the clock without any waiting code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from plat.api import JSON
from plat.engine import Batch, Decision, Effect, Engine, Lane, Past, Reason, RunReport, Standing
from plat.store import Stored
from plat.testing.simulation import QUICK, Life, Simulation

KIND = "Light"
LATE = 62.0
"""How late an event may come, in seconds."""


@dataclass(frozen=True, kw_only=True)
class Enter(Effect):
    """Write into the status that a phase was entered, unless somebody has written meanwhile."""

    light: Stored
    phase: int
    at: datetime


@dataclass(frozen=True)
class Lights:
    """Brings every light to its last phase."""

    life: Life

    async def observe(self, key: str, past: Past) -> Stored | None:  # the status says it all
        return await self.life.store.get(KIND, key)

    def decide(self, light: Stored, now: datetime) -> Decision:
        phases, phase = light.spec["phases"], light.status.get("phase", -1)
        if light.spec.get("hold"):
            return Decision(because=Reason("held", text="It is held."), standing=Standing.BLOCKED)
        if phase == len(phases) - 1:
            return Decision(because=Reason("at-rest", text="It is in its last phase."))
        if phase >= 0:
            since = datetime.fromisoformat(light.status["since"])
            ends = since + timedelta(seconds=phases[phase])
            # A clock that was set back must not make a phase longer than it is: it begins anew instead.
            if now < since:
                return self._enter(light, phase, now)
            if now < ends:
                return Decision(wake_at=ends, because=Reason("in-phase", {"phase": phase}), standing=Standing.WAITING)
        return self._enter(light, phase + 1, now)

    @staticmethod
    def _enter(light: Stored, phase: int, now: datetime) -> Decision:
        enter = Enter(id=f"enter-{phase}", light=light, phase=phase, at=now)
        return Decision((Batch((enter,)),), because=Reason("enters", {"phase": phase}), standing=Standing.WAITING)

    async def enter(self, effect: Enter) -> JSON:
        patch = {"phase": effect.phase, "since": effect.at.isoformat()}
        await self.life.store.update_status(effect.light, patch)
        return None


@dataclass
class Story:
    """Three lights, one of them held for a while, and one that nobody can make sense of.

    Every phase of each is entered in order, is as long as it should be, and the broken one disturbs nobody.
    """

    world: Simulation
    seen: dict[str, list[tuple[float, int]]] = field(default_factory=dict)
    """When each light was first seen in a phase, by monotonic time."""

    async def prepare(self) -> None:
        chance = self.world.chance
        for number in range(3):
            phases = [chance.choice([1, 30, 600, 3600]) for _ in range(chance.randint(1, 4))]
            await self.world.write(KIND, f"light-{number}", {"phases": phases})

        await self.world.write(KIND, "broken", {"phases": "many"})

    def boot(self, life: Life) -> Engine:
        engine = Engine(clock=life.world.clock, memory=life.memory, settings=QUICK)
        lights = Lights(life)
        engine.register("lights", lights, {Enter: lights.enter})
        life.store.listen(KIND, self.note)
        life.store.listen(KIND, lambda obj: engine.enqueue("lights", obj.name))
        for name in ("broken", "light-0", "light-1", "light-2"):
            engine.enqueue("lights", name, lane=Lane.RESYNC)
        return engine

    def note(self, light: Stored) -> None:
        """Watch the phases from outside."""
        phase = light.status.get("phase", -1)
        seen = self.seen.setdefault(light.name, [])
        if not seen or seen[-1][1] < phase:
            seen.append((self.world.loop.time(), phase))

    async def people(self) -> None:
        await self.world.clock.sleep(self.world.chance.random() * 1000)
        light = await self.world.read(KIND, "light-0")
        await self.world.write(KIND, "light-0", {**light.spec, "hold": True})
        await self.world.clock.sleep(5000)
        await self.world.write(KIND, "light-0", light.spec)

    async def check(self, report: RunReport) -> None:
        assert report.passes < 500, "it runs hot"
        assert [(view.key, view.because.code) for view in report.failed] == [("broken", "failed")]
        for number in range(3):
            light = await self.world.read(KIND, f"light-{number}")
            assert light.status["phase"] == len(light.spec["phases"]) - 1
            self._check(light)

    def _check(self, light: Stored) -> None:
        """Events come late or are lost, so a phase may have been seen late or not at all: but never out of order."""
        seen = [phase for _, phase in self.seen.get(light.name, [])]
        assert seen == sorted(set(seen))
        if seen and not self.world.jumps:
            for (begun, phase), (ended, following) in pairwise(self.seen[light.name]):
                least = sum(light.spec["phases"][phase:following])
                assert ended - begun >= least - LATE, f"phase {phase} of {light.name} was too short"
