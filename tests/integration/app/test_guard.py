"""The guard of one run, asked as the hands of a run ask it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.e2e.world import World

from plat.api import RefusedError, UnavailableError
from plat.app.guard import Guard
from plat.cluster.fleet import ClusterSpec, Fleet
from plat.engine import SystemClock
from plat.kube import Client, Watches
from plat.store import Held, RunLock

pytestmark = pytest.mark.cluster
BRIEF = timedelta(seconds=2)


@pytest.fixture
async def fleet(control_plane: Any) -> AsyncIterator[Fleet]:
    async def connect() -> Client:
        return Client.from_kubeconfig(control_plane.kubeconfig, name="one")

    made = Fleet([ClusterSpec(name="one", connect=connect)], Watches)
    yield made
    await made.close()


@pytest.fixture
async def held(tmp_path: Path, world: World) -> AsyncIterator[Held]:
    async with RunLock(tmp_path, clock=SystemClock(), duration=BRIEF).hold(world.name) as made:
        yield made


def run_on(fleet: Fleet) -> Any:
    """Return what a guard needs of a run that declares nothing."""
    inventory, settings = SimpleNamespace(sets={}), SimpleNamespace(context="")
    opened = SimpleNamespace(fleet=fleet, inventory=inventory, settings=settings)
    kept = SimpleNamespace(catalog=SimpleNamespace(entries=tuple))
    return SimpleNamespace(opened=opened, kept=kept, hands=SimpleNamespace(permit=None))


def takers(world: World) -> str:
    lease = world.kube.get("Lease", f"plat-{world.name}", "default")
    return str(lease["spec"]["holderIdentity"]) if lease else ""


async def soon(wanted: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not wanted():  # noqa: ASYNC110  # what happens in a cluster has no event here
            await asyncio.sleep(0.05)


async def test_every_write_of_a_run_asks_the_guard(fleet: Fleet, held: Held) -> None:
    run = run_on(fleet)
    guard = Guard(run, held)
    assert run.hands.permit == guard.permit


async def test_only_connected_clusters_are_asked_at_first_and_others_when_they_are_written_to(
    fleet: Fleet, held: Held, world: World
) -> None:
    guard = Guard(run_on(fleet), held)
    await guard.enter()
    assert takers(world) == ""
    await fleet.members()[0].connect()
    await asyncio.gather(*(guard.permit("one") for _ in range(20)))
    assert takers(world) == held.holder.identity


async def test_a_lease_that_was_taken_away_ends_all_writes(fleet: Fleet, held: Held, world: World) -> None:
    await fleet.members()[0].connect()
    guard = Guard(run_on(fleet), held)
    await guard.enter()
    await guard.permit("one")
    path = world.kube.path("Lease", f"plat-{world.name}", "default")
    spec = {"spec": {"holderIdentity": "somebody", "leaseDurationSeconds": 600}}
    status, body = world.kube.request("PATCH", path, spec, kind="application/merge-patch+json")
    assert status == 200, body
    try:
        await soon(held.lost.is_set)
        with pytest.raises(RefusedError, match="held by") as caught:
            await guard.permit("one")
        assert caught.value.code == "held"
        await asyncio.sleep(BRIEF.total_seconds())
        assert takers(world) == "somebody", "it is not taken back"
    finally:
        world.kube.delete("Lease", f"plat-{world.name}", "default")


async def test_a_cluster_that_went_away_is_refused_for_as_long(fleet: Fleet, held: Held, world: World) -> None:
    member = fleet.members()[0]
    await member.connect()
    guard = Guard(run_on(fleet), held)
    send = member.client.transport.send

    async def fail(request: Any) -> Any:
        raise UnavailableError(f"{request.path} does not answer")

    member.client.transport.send = fail  # type: ignore[method-assign]
    await guard.enter()
    with pytest.raises(UnavailableError):
        await guard.permit("one")
    member.client.transport.send = send  # type: ignore[method-assign]
    await soon(lambda: takers(world) == held.holder.identity)
    await guard.permit("one")
