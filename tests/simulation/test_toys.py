"""Every toy lives through a thousand seeds: nothing is lost, done twice, or done for ever.

PLAT_SEEDS=20000 looks further; a failing seed is printed and does the same again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.simulation.rooms import Room
from tests.simulation.toys import posts, sets, states, works

from plat.api import JSON
from plat.engine import Decision, Effect, Progress, Repeat, RunReport, Work
from plat.store import ObjectStore, SqliteStore
from plat.testing.simulation import Faults, SimulationError, simulate

STORIES: dict[str, Any] = {"states": states.Story, "posts": posts.Story, "works": works.Story, "sets": sets.Story}
SEEDS = int(os.environ.get("PLAT_SEEDS", "1000"))


@pytest.mark.parametrize("name", STORIES)
def test_a_thousand_seeds_in_memory(name: str) -> None:
    simulate(STORIES[name], range(SEEDS))


@pytest.mark.parametrize("name", STORIES)
def test_other_seeds_on_sqlite(name: str, tmp_path: Path) -> None:
    @asynccontextmanager
    async def rooms() -> AsyncIterator[Callable[[int], ObjectStore]]:
        store = await SqliteStore.open(tmp_path / "store.db")
        yield lambda seed: Room(store, f"seed-{seed}")
        await store.aclose()

    simulate(STORIES[name], range(SEEDS, SEEDS + SEEDS // 5), stores=rooms)


def test_one_item_of_ten_thousand_costs_one_comparison_and_one_effect() -> None:
    costs: list[tuple[int, int]] = []

    class Measured(sets.Story):
        async def people(self) -> None:
            assert self.shelves is not None
            await self.world.clock.sleep(60)
            compared, puts = self.shelves.compared, self.warehouse.puts
            assert puts == self.items
            self.by_hand("item-00042")
            await self.world.clock.sleep(60)
            costs.append((self.shelves.compared - compared, self.warehouse.puts - puts))

    simulate(lambda world: Measured(world, items=10_000), [0], faults=Faults.none())
    # Found wrong, put right, and found right again.
    assert costs == [(2, 1)]


def test_ten_thousand_items_survive_crashes_and_a_new_wish_in_the_middle() -> None:
    simulate(lambda world: sets.Story(world, items=10_000), range(2), faults=Faults(slow=0.02))


def test_the_same_seed_does_the_same_again() -> None:
    told: list[list[str]] = []

    class Told(works.Story):
        async def check(self, report: RunReport) -> None:
            await super().check(report)
            told.append(list(self.world.trace))

    for _ in range(2):
        simulate(Told, range(20, 30))
    assert told[:10] == told[10:]
    assert any("crash" in line for line in told[0] + told[1])


class Careless(posts.Desks):
    """Sends by an effect that says of itself that it may be repeated freely."""

    def decide(self, observed: Any, now: datetime) -> Decision:
        decision = super().decide(observed, now)
        return replace(
            decision, batches=tuple(replace(b, effects=tuple(map(_loosely, b.effects))) for b in decision.batches)
        )


class Loosely(posts.Send):
    repeat: ClassVar[Repeat] = Repeat.CONVERGING


def _loosely(effect: Effect) -> Effect:
    return Loosely(id=effect.id, number=effect.number) if isinstance(effect, posts.Send) else effect


def test_the_simulation_finds_a_letter_that_is_sent_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posts, "Desks", Careless)
    with pytest.raises(SimulationError, match=r"(?s)seed \d+: AssertionError.*fault: "):
        simulate(posts.Story, range(200))


def test_the_simulation_finds_an_operation_that_runs_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    async def forgetful(self: works.Baker, work: Work, progress: Progress) -> JSON:
        return await self.run(replace(work, name=f"{work.name}-again"), progress)

    monkeypatch.setattr(works.Baker, "attach", forgetful)
    with pytest.raises(SimulationError, match="two at once"):
        simulate(works.Story, range(200))


def test_a_story_that_never_ends_is_an_error_with_its_seed() -> None:
    class Endless(states.Story):
        async def people(self) -> None:
            await asyncio.get_running_loop().create_future()

    with pytest.raises(SimulationError, match=r"seed 7: .*not settled after 30 days"):
        simulate(Endless, [7], faults=Faults.none())


def test_a_world_in_which_nobody_can_go_on_is_an_error_with_its_seed() -> None:
    class Stuck(states.Story):
        async def prepare(self) -> None:
            await asyncio.get_running_loop().create_future()

    with pytest.raises(SimulationError, match="seed 7: StuckError"):
        simulate(Stuck, [7], faults=Faults.none())
