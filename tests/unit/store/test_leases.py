from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from plat.api import PlatError, RefusedError, UnavailableError, UserError
from plat.store import Held, RunLock, lease_name
from plat.store.holders import Holder, dead, this_process

NOW = datetime(2026, 11, 25, 13, tzinfo=UTC)
SHORT = timedelta(seconds=0.2)


@dataclass
class Clock:
    time: datetime = NOW

    def now(self) -> datetime:
        return self.time


@dataclass(frozen=True)
class Grip:
    namespace: str
    name: str
    identity: str
    who: str
    since: datetime
    renewed: datetime
    duration: timedelta
    version: int = 0


@dataclass
class FakeCluster:
    """Leases as the API server keeps them. `down` makes every call fail."""

    clock: Clock
    leases: dict[str, Grip] = field(default_factory=dict)
    down: PlatError | None = None
    hangs: bool = False

    async def get(self, namespace: str, name: str) -> Grip | None:
        self._answer()
        return self.leases.get(name)

    async def acquire(self, namespace: str, name: str, *, identity: str, who: str, duration: timedelta) -> Grip:
        self._answer()
        there, now = self.leases.get(name), self.clock.now()
        if there and there.identity != identity and now < there.renewed + there.duration:
            raise RefusedError(f"held by {there.who}", code="held")
        grip = Grip(namespace, name, identity, who, now, now, duration, there.version + 1 if there else 0)
        self.leases[name] = grip
        return grip

    async def renew(self, held: Grip) -> Grip:
        self._answer()
        while self.hangs:  # noqa: ASYNC110  # as a server that takes a request and never answers
            await asyncio.sleep(0.01)
        there = self.leases.get(held.name)
        if there is None or there.identity != held.identity:
            raise RefusedError("somebody else has it", code="held")
        grip = replace(held, renewed=self.clock.now(), version=held.version + 1)
        self.leases[held.name] = grip
        return grip

    async def release(self, held: Grip) -> bool:
        self._answer()
        if self.leases.get(held.name) != held:
            return False
        del self.leases[held.name]
        return True

    def _answer(self) -> None:
        if self.down:
            raise self.down


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cluster(clock: Clock) -> FakeCluster:
    return FakeCluster(clock)


def other(**fields: Any) -> Holder:
    return replace(this_process(NOW), **{"user": "ann", "host": "laptop", "nonce": "other", **fields})


def leave(cluster: FakeCluster, holder: Holder, *, renewed: datetime = NOW) -> None:
    """Let a lease of somebody else be in a cluster."""
    minute = timedelta(seconds=60)
    cluster.leases["plat-shop"] = Grip("default", "plat-shop", holder.identity, str(holder), NOW, renewed, minute)


async def until(true: Any) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.02)


async def test_a_run_holds_directory_and_clusters_and_leaves_nothing(
    tmp_path: Path, clock: Clock, cluster: FakeCluster
) -> None:
    lock = RunLock(tmp_path / ".plat", clock=clock)
    assert lock.holder("shop") is None
    async with lock.hold("shop", {"prod": cluster}, who="ann", command="plat up") as held:
        held.check("prod")
        held.check("no such cluster")
        lease = cluster.leases["plat-shop"]
        assert (lease.namespace, lease.since) == ("default", NOW)
        assert lease.who == f"ann@{held.holder.host} (pid {os.getpid()}, plat up, in {Path.cwd()})"
        assert lock.holder("shop") == held.holder
    assert cluster.leases == {}
    assert lock.holder("shop") is None


async def test_the_second_run_here_is_told_who_holds_it(tmp_path: Path, clock: Clock) -> None:
    lock = RunLock(tmp_path, clock=clock)
    async with lock.hold("shop", who="ann", command="plat up"):
        with pytest.raises(RefusedError) as caught:
            async with RunLock(tmp_path, clock=clock).hold("shop"):
                pytest.fail("two hold it")
        assert caught.value.code == "held"
        assert "ann@" in str(caught.value)
        assert f"pid {os.getpid()}, plat up" in str(caught.value)
        assert "since 2026-11-25 13:00:00 UTC" in str(caught.value)
        assert f"kill {os.getpid()}" in str(caught.value)
        async with lock.hold("other"):
            pass
    async with lock.hold("shop"):
        pass


async def test_the_second_run_elsewhere_is_told_who_holds_it(
    tmp_path: Path, clock: Clock, cluster: FakeCluster
) -> None:
    other_cluster = FakeCluster(clock)
    async with RunLock(tmp_path / "a", clock=clock).hold("shop", {"prod": cluster}, who="ann"):
        second = RunLock(tmp_path / "b", clock=clock)
        with pytest.raises(RefusedError) as caught:
            async with second.hold("shop", {"nonprod": other_cluster, "prod": cluster}):
                pytest.fail("two hold it")
        assert caught.value.code == "held"
        assert "in cluster prod by ann@" in str(caught.value)
        assert "free at 2026-11-25 13:01:00 UTC" in str(caught.value)
        assert other_cluster.leases == {}
        assert second.holder("shop") is None
        assert len(cluster.leases) == 1


async def test_of_two_at_once_one_runs(tmp_path: Path, clock: Clock) -> None:
    clusters = {name: FakeCluster(clock) for name in ("a", "b", "c")}
    ran = []

    async def run(number: int) -> None:
        async with RunLock(tmp_path / str(number), clock=clock).hold("shop", clusters):
            ran.append(number)
            await asyncio.sleep(0.2)

    results = await asyncio.gather(*(run(number) for number in range(5)), return_exceptions=True)
    assert len(ran) == 1
    assert sum(isinstance(result, RefusedError) for result in results) == 4


@contextlib.contextmanager
def ended() -> Iterator[int]:
    """Give the number of a process that has ended."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
        yield process.pid


async def test_the_lease_of_a_killed_process_of_this_machine_is_free_at_once(
    tmp_path: Path, clock: Clock, cluster: FakeCluster
) -> None:
    with ended() as pid:
        leave(cluster, other(pid=pid))
        async with RunLock(tmp_path, clock=clock).hold("shop", {"prod": cluster}) as held:
            assert cluster.leases["plat-shop"].identity == held.holder.identity


@pytest.mark.parametrize(
    ("fields", "is_dead"),
    [
        ({}, False),
        ({"started": "1"}, True),
        ({"started": ""}, False),
        ({"place": "another machine", "pid": 2**30}, False),
        ({"pid": 2**30}, True),
        ({"pid": 1, "started": ""}, False),
    ],
)
def test_dead_is_only_who_certainly_is(fields: dict[str, Any], is_dead: bool) -> None:  # noqa: FBT001
    assert dead(replace(this_process(NOW), **fields).identity) is is_dead


@pytest.mark.parametrize("identity", ["", "argocd-application-controller_3f", "/", "a/b/c", f"{'9' * 40}/1/2/3"])
def test_a_holder_that_is_not_of_plat_is_never_dead(identity: str) -> None:
    assert not dead(identity)


@pytest.mark.parametrize(("age", "free"), [(timedelta(seconds=59), False), (timedelta(seconds=61), True)])
async def test_the_lease_of_another_machine_is_free_when_it_is_over(
    tmp_path: Path,
    clock: Clock,
    cluster: FakeCluster,
    age: timedelta,
    free: bool,  # noqa: FBT001
) -> None:
    leave(cluster, other(place="another machine"))
    clock.time = NOW + age
    refused = contextlib.nullcontext() if free else pytest.raises(RefusedError, match="ann@laptop")
    with refused:
        async with RunLock(tmp_path, clock=clock).hold("shop", {"prod": cluster}):
            assert free


async def test_a_lease_is_renewed_while_it_is_held(tmp_path: Path, clock: Clock, cluster: FakeCluster) -> None:
    async with RunLock(tmp_path, clock=clock, duration=SHORT).hold("shop", {"prod": cluster}) as held:
        clock.time = NOW + timedelta(hours=1)
        await until(lambda: cluster.leases["plat-shop"].renewed == clock.time)
        held.check("prod")


async def test_who_loses_a_lease_hears_of_it_and_keeps_off_the_new_one(
    tmp_path: Path, clock: Clock, cluster: FakeCluster
) -> None:
    async with RunLock(tmp_path, clock=clock, duration=SHORT).hold("shop", {"prod": cluster}) as held:
        leave(cluster, other(place="another machine"))
        async with asyncio.timeout(10):
            await held.lost.wait()
        with pytest.raises(RefusedError, match="somebody else"):
            held.check("prod")
    assert "ann@laptop" in cluster.leases["plat-shop"].who


async def test_a_cluster_that_does_not_answer_stops_no_other(
    tmp_path: Path, clock: Clock, cluster: FakeCluster
) -> None:
    down = FakeCluster(clock, down=UnavailableError("connection refused"))
    lock = RunLock(tmp_path, clock=clock, duration=SHORT)
    async with lock.hold("shop", {"a-down": down, "prod": cluster}) as held:
        held.check("prod")
        with pytest.raises(UnavailableError, match="connection refused"):
            held.check("a-down")
        assert list(held.problems) == ["a-down"]
        down.down = None
        await until(lambda: not held.problems)
        assert "plat-shop" in down.leases
        down.down = UnavailableError("connection refused")
        await until(lambda: held.problems)
        assert not held.lost.is_set()
    assert cluster.leases == {}


async def test_a_cluster_that_hangs_stops_no_other(tmp_path: Path, clock: Clock, cluster: FakeCluster) -> None:
    hanging = FakeCluster(clock)
    async with RunLock(tmp_path, clock=clock, duration=SHORT).hold("shop", {"a": hanging, "prod": cluster}) as held:
        hanging.hangs = True
        await until(lambda: list(held.problems) == ["a"])
        clock.time = NOW + timedelta(seconds=30)
        await until(lambda: cluster.leases["plat-shop"].renewed == clock.time)
        held.check("prod")
        with pytest.raises(UnavailableError, match="cluster a"):
            held.check("a")


async def test_a_cluster_that_forbids_leases_is_an_error_and_nothing_stays_held(
    tmp_path: Path, clock: Clock, cluster: FakeCluster
) -> None:
    closed = FakeCluster(clock, down=UserError("you may not write leases"))
    lock = RunLock(tmp_path, clock=clock)
    with pytest.raises(UserError, match="may not"):
        async with lock.hold("shop", {"a": cluster, "b": closed}):
            pytest.fail("held")
    assert cluster.leases == {}
    async with lock.hold("shop"):
        pass


async def test_a_cluster_is_taken_while_the_run_is_under_way(
    tmp_path: Path, clock: Clock, cluster: FakeCluster
) -> None:
    async with RunLock(tmp_path, clock=clock).hold("shop") as held:
        await held.add("prod", cluster)
        assert list(cluster.leases) == ["plat-shop"]
        with pytest.raises(RefusedError):
            await _another(held, clock).add("prod", cluster)
    assert cluster.leases == {}


def _another(held: Held, clock: Clock) -> Held:
    holder = replace(held.holder, nonce="another")
    return Held("shop", holder, duration=SHORT, namespace="default")


_HOLDER = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from plat.api import RefusedError
from plat.store import RunLock
class Clock:
    def now(self): return datetime.now(UTC)
async def main():
    async with RunLock(Path(sys.argv[1]), clock=Clock()).hold("shop", who="ann", command="plat up"):
        print("held", flush=True)
        await asyncio.sleep(60)
try:
    asyncio.run(main())
except RefusedError as error:
    print(error, flush=True)
"""


def test_two_processes_and_a_kill(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout
        assert first.stdout.readline() == "held\n"
        second = subprocess.run(command, capture_output=True, text=True, check=False)
        assert f"stack shop is held by ann@{os.uname().nodename} (pid {first.pid}, plat up" in second.stdout
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as third:
        assert third.stdout
        assert third.stdout.readline() == "held\n"
        third.kill()
    assert RunLock(tmp_path, clock=Clock()).holder("shop") is None


@pytest.mark.parametrize(
    ("stack", "name"),
    [
        ("shop", "plat-shop"),
        ("Shop", "plat-shop-d00aae6b"),
        ("a/b", "plat-a-b-c14cddc0"),
        ("x" * 70, None),
        ("ü", None),
    ],
)
def test_any_stack_has_a_name_that_kubernetes_takes(stack: str, name: str | None) -> None:
    made = lease_name(stack)
    assert len(made) <= 63
    assert all(part.isalnum() and part.isascii() and part == part.lower() for part in made.split("-"))
    assert name is None or made == name


def test_a_directory_that_cannot_be_written_is_a_clear_error(tmp_path: Path, clock: Clock) -> None:
    async def hold() -> None:
        async with RunLock(tmp_path / "file", clock=clock).hold("shop"):
            pytest.fail("held")

    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"Not a directory|File exists"):
        asyncio.run(hold())
