from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from plat.api import Kind, RefusedError
from plat.kube import Client, Leases
from plat.store import LeaseClient, RunLock
from plat.store.holders import Holder, this_process

pytestmark = pytest.mark.cluster
MINUTE = timedelta(minutes=1)


@dataclass
class Clock:
    ahead: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
async def client(control_plane: Any) -> AsyncIterator[Client]:
    async with Client.from_kubeconfig(control_plane.kubeconfig, name="test") as opened:
        yield opened


@pytest.fixture
def leases(client: Client) -> LeaseClient:
    return Leases(client, Clock())


async def taken(client: Client, stack: str) -> list[str]:
    found = await client.list(Kind(group="coordination.k8s.io", kind="Lease"), namespace="default")
    return [lease["spec"]["holderIdentity"] for lease in found if lease["metadata"]["name"] == f"plat-{stack}"]


async def hold_by(leases: LeaseClient, stack: str, holder: Holder, *, duration: timedelta = MINUTE) -> None:
    await leases.acquire("default", f"plat-{stack}", identity=holder.identity, who=str(holder), duration=duration)


async def test_two_directories_see_each_other(tmp_path: Path, client: Client, leases: LeaseClient) -> None:
    first, second = (RunLock(tmp_path / name, clock=Clock()) for name in "ab")
    async with first.hold("two", {"prod": leases}, who="ann", command="plat up") as held:
        assert await taken(client, "two") == [held.holder.identity]
        with pytest.raises(RefusedError, match=rf"in cluster prod by ann@.* \(pid {os.getpid()}, plat up") as caught:
            async with second.hold("two", {"prod": leases}):
                pytest.fail("two hold it")
        assert caught.value.code == "held"
    assert await taken(client, "two") == []
    async with second.hold("two", {"prod": leases}):
        pass


async def test_the_lease_of_a_killed_process_of_this_machine_is_free_at_once(
    tmp_path: Path, leases: LeaseClient
) -> None:
    ended = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await ended.wait()
    await hold_by(leases, "killed", replace(this_process(datetime.now(UTC)), pid=ended.pid, nonce="killed"))
    async with RunLock(tmp_path, clock=Clock()).hold("killed", {"prod": leases}) as held:
        held.check("prod")


async def test_the_lease_of_another_machine_is_free_when_it_is_over(tmp_path: Path, leases: LeaseClient) -> None:
    elsewhere = replace(this_process(datetime.now(UTC)), host="laptop", place="another machine")
    await hold_by(leases, "over", elsewhere, duration=timedelta(seconds=2))
    lock = RunLock(tmp_path, clock=Clock())
    with pytest.raises(RefusedError, match="laptop"):
        async with lock.hold("over", {"prod": leases}):
            pytest.fail("two hold it")
    deadline = datetime.now(UTC) + timedelta(seconds=20)
    while True:
        try:
            async with lock.hold("over", {"prod": leases}):
                return
        except RefusedError:
            assert datetime.now(UTC) < deadline


async def test_a_lease_lives_as_long_as_its_holder(tmp_path: Path, client: Client, leases: LeaseClient) -> None:
    lock = RunLock(tmp_path, clock=Clock(), duration=timedelta(seconds=2))
    async with lock.hold("long", {"prod": leases}) as held:
        for _ in range(3):
            await held.renew()
            held.check("prod")
        assert await taken(client, "long") == [held.holder.identity]
        await client.request("DELETE", "/apis/coordination.k8s.io/v1/namespaces/default/leases/plat-long")
        await held.renew()
        assert held.lost.is_set()
