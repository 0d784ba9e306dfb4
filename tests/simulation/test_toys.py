"""Every toy lives through a thousand seeds: nothing is lost, done twice, or done for ever."""

from __future__ import annotations

import pytest
from tests.simulation.toys import posts, sets, states, works

from plat.testing.simulation import simulate

STORIES = {"states": states.Story, "posts": posts.Story, "works": works.Story, "sets": sets.Story}
SEEDS = 1000


@pytest.mark.parametrize("name", STORIES)
def test_a_thousand_seeds(name: str) -> None:
    simulate(STORIES[name], range(SEEDS))
