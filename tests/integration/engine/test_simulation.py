"""The toys of the simulation, with their objects, intents and operations on a real API server.

PLAT_CLUSTER_SEEDS=1000 lives through a thousand seeds of each; the default is what fits into every run of the tests.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.simulation.rooms import Room
from tests.simulation.toys import posts, sets, states, works

from plat.kube import Client
from plat.store import KubernetesStore, ObjectStore
from plat.testing.simulation import simulate

pytestmark = pytest.mark.cluster
STORIES: dict[str, Any] = {"states": states.Story, "posts": posts.Story, "works": works.Story, "sets": sets.Story}
SEEDS = int(os.environ.get("PLAT_CLUSTER_SEEDS", "20"))


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.timeout(max(120, SEEDS))
def test_seeds_on_an_api_server(name: str, control_plane: Any) -> None:
    @asynccontextmanager
    async def rooms() -> AsyncIterator[Callable[[int], ObjectStore]]:
        async with Client.from_kubeconfig(control_plane.kubeconfig, name="simulated") as client:
            store = KubernetesStore(client, namespace="plat-simulation")
            yield lambda seed: Room(store, f"{name}-{seed}")
            await store.aclose()

    simulate(STORIES[name], range(SEEDS), stores=rooms)
