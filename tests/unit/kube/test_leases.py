from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.kube.conftest import FakeApi

from plat.api import RefusedError
from plat.kube import Client, Leases, foreign_leader


class Clock:
    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def now(self) -> datetime:
        return self.time


async def _acquire(leases: Leases, identity: str, who: str = "") -> object:
    return await leases.acquire("a", "plat", identity=identity, who=who or identity)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def leases(client: Client, clock: Clock) -> Leases:
    made = Leases(client, clock)
    made._heed = lambda _: None  # type: ignore[assignment, method-assign]  # the test's own time is what counts
    return made


async def test_a_second_holder_is_told_who_holds_it(leases: Leases) -> None:
    await _acquire(leases, "one", "ann@laptop pid 1")
    with pytest.raises(RefusedError, match="held by ann@laptop pid 1 since 20") as caught:
        await _acquire(leases, "two")
    assert (caught.value.code, caught.value.output["identity"]) == ("held", "one")


async def test_the_same_holder_takes_it_again(leases: Leases) -> None:
    await _acquire(leases, "one")
    await _acquire(leases, "one")


async def test_a_lease_that_is_over_is_taken(leases: Leases, clock: Clock) -> None:
    lost = await leases.acquire("a", "plat", identity="one", who="one", duration=timedelta(seconds=10))
    clock.time += timedelta(seconds=11)
    taken = await leases.acquire("a", "plat", identity="two", who="two")
    assert taken.identity == "two"
    with pytest.raises(RefusedError) as caught:
        await leases.renew(lost)
    assert caught.value.code == "held"
    assert not await leases.release(lost)
    assert (await leases.get("a", "plat")) is not None


async def test_renewing_keeps_it(leases: Leases, clock: Clock) -> None:
    held = await leases.acquire("a", "plat", identity="one", who="one", duration=timedelta(seconds=10))
    for _ in range(3):
        clock.time += timedelta(seconds=8)
        held = await leases.renew(held)
    assert held.since == clock.time - timedelta(seconds=24)
    with pytest.raises(RefusedError):
        await _acquire(leases, "two")


async def test_a_renewal_whose_answer_was_lost_does_not_lose_the_lease(leases: Leases) -> None:
    held = await leases.acquire("a", "plat", identity="one", who="one")
    await leases.renew(held)
    assert (await leases.renew(held)).identity == "one"


async def test_a_released_lease_is_gone(leases: Leases) -> None:
    held = await leases.acquire("a", "plat", identity="one", who="one")
    assert await leases.release(held)
    assert await leases.get("a", "plat") is None
    with pytest.raises(RefusedError) as caught:
        await leases.renew(held)
    assert caught.value.code == "held"


@pytest.mark.parametrize("stale", [True, False])
async def test_of_many_at_once_exactly_one_wins(leases: Leases, clock: Clock, *, stale: bool) -> None:
    if stale:
        await leases.acquire("a", "plat", identity="dead", who="dead", duration=timedelta(seconds=1))
        clock.time += timedelta(seconds=5)
    results = await asyncio.gather(*(_acquire(leases, f"r{n}") for n in range(8)), return_exceptions=True)
    assert sum(not isinstance(r, BaseException) for r in results) == 1
    assert all(isinstance(r, RefusedError) and r.code == "held" for r in results if isinstance(r, BaseException))


async def test_a_clock_that_is_wrong_by_hours_does_not_steal(client: Client, clock: Clock) -> None:
    await Leases(client, clock).acquire("a", "plat", identity="one", who="one")
    ahead = Clock()
    ahead.time += timedelta(hours=5)
    with pytest.raises(RefusedError, match="held by one"):
        await Leases(client, ahead).acquire("a", "plat", identity="two", who="two")


def _leader(name: str, renewed: datetime, holder: str = "pod-1") -> dict[str, object]:
    spec = {"holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": renewed.isoformat()}
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": "flux-system"},
        "spec": spec,
    }


@pytest.mark.parametrize(
    ("name", "age", "holder", "found"),
    [
        ("controller", 3, "pod-1", True),
        ("controller", 40, "pod-1", True),
        ("controller", 3600, "pod-1", False),
        ("controller", 3, "", False),
        ("other", 3, "pod-1", False),
    ],
)
async def test_a_living_foreign_leader_is_seen(
    api: FakeApi, client: Client, name: str, age: int, holder: str, *, found: bool
) -> None:
    now = datetime.now(UTC)
    api.put(_leader(name, now - timedelta(seconds=age), holder), plural="leases")
    leader = await foreign_leader(client, {"controller"}, now=now)
    assert (leader is not None) == found
    if leader:
        assert (leader.namespace, leader.name, leader.who) == ("flux-system", "controller", "pod-1")


async def test_who_may_not_list_leases_sees_nobody(api: FakeApi, client: Client) -> None:
    api.fail("/leases", 403, message="no")
    assert await foreign_leader(client, {"x"}, now=datetime.now(UTC)) is None
