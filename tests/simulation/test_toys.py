"""Every toy lives through a thousand seeds: nothing is lost, done twice, or done for ever.

PLAT_SEEDS=20000 looks further; a failing seed is printed and does the same again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.simulation.rooms import Room
from tests.simulation.toys import posts, sets, states, works

from plat.store import ObjectStore, SqliteStore
from plat.testing.simulation import simulate

STORIES: dict[str, Any] = {"states": states.Story, "posts": posts.Story, "works": works.Story, "sets": sets.Story}
SEEDS = int(os.environ.get("PLAT_SEEDS", "1000"))


@pytest.mark.parametrize("name", STORIES)
def test_a_thousand_seeds_in_memory(name: str) -> None:
    simulate(STORIES[name], range(SEEDS))


@pytest.mark.parametrize("name", STORIES)
def test_other_seeds_on_sqlite(name: str, sqlite: Any) -> None:
    simulate(STORIES[name], range(SEEDS, SEEDS + SEEDS // 5), store=sqlite)


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Any]:
    opened: list[SqliteStore] = []

    async def room(seed: int) -> ObjectStore:
        if not opened:
            opened.append(await SqliteStore.open(tmp_path / "store.db"))
        return Room(opened[0], f"seed-{seed}")

    yield room
    for store in opened:
        store.database._writing.shutdown()
