"""One run of a stack at a time: a lock in the directory, and a lease in every cluster that the run writes to.

The lock keeps out a second run here, the leases one from another directory or machine. Leases only reduce contention:
whoever holds one still writes under preconditions (DESIGN §4).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

from plat.api import Clock, PlatError, RefusedError, UnavailableError
from plat.store.files import FileLock
from plat.store.holders import Holder, dead, this_process

NAMESPACE: Final = "default"
"""Where the leases are: it exists in every cluster, and its owners need no rights on others' leases."""
DURATION: Final = timedelta(seconds=60)
_RENEWALS: Final = 4  # within one duration, so three may fail
_FAREWELL: Final = 5.0  # seconds that the end of a run waits for a cluster to take a lease back


class Grip(Protocol):
    """A lease as its cluster knows it. Mutable or not is the cluster's business: it is handed back as it came."""

    @property
    def identity(self) -> str:
        """Who holds it, for programs; empty: nobody."""
        ...

    @property
    def who(self) -> str:
        """Who holds it, for people."""
        ...

    @property
    def since(self) -> datetime | None:
        """When it was taken."""
        ...

    @property
    def renewed(self) -> datetime | None:
        """When its holder last said that it is there."""
        ...

    @property
    def duration(self) -> timedelta:
        """How long it lasts after that."""
        ...


class LeaseClient(Protocol):
    """The leases of one cluster; `plat.kube.Leases` is one.

    A lease that somebody else holds is RefusedError(code="held"); UnavailableError: the cluster does not answer.
    """

    async def get(self, namespace: str, name: str) -> Any:
        """Return the `Grip` of a lease, held or not; None if there is none."""
        ...

    async def acquire(self, namespace: str, name: str, *, identity: str, who: str, duration: timedelta) -> Any:
        """Take a lease that is free, over or ours already, and return its `Grip`."""
        ...

    async def renew(self, held: Any) -> Any:
        """Say that we are still there."""
        ...

    async def release(self, held: Any) -> bool:
        """Give a lease back, whoever has it, if it is still in that state; False if not."""
        ...


@dataclass
class _Lease:
    """One cluster's lease: held, or why not."""

    client: LeaseClient
    grip: Any = None
    renewed: float = 0.0
    problem: PlatError | None = None


class Held:
    """A run that is under way. Ask `check` before writing to a cluster; `lost` is set once a lease was taken away."""

    def __init__(self, stack: str, holder: Holder, *, duration: timedelta, namespace: str) -> None:
        self.stack, self.holder = stack, holder
        self.lost = asyncio.Event()
        self._duration, self._namespace = duration, namespace
        self._leases: dict[str, _Lease] = {}

    async def add(self, cluster: str, client: LeaseClient) -> None:
        """Take the lease of a cluster. One that does not answer is tried again later: see `check`.

        Raises RefusedError(code="held"), naming the holder, since when, and what to do.
        """
        lease = _Lease(client)
        try:
            await self._take(cluster, lease)
        except UnavailableError as error:
            lease.problem = error
        self._leases[cluster] = lease

    def check(self, cluster: str) -> None:
        """Raise what keeps this run from writing to a cluster: UnavailableError, or RefusedError(code="held")."""
        lease = self._leases.get(cluster)
        if lease is not None and lease.problem is not None:
            raise lease.problem

    @property
    def pause(self) -> float:
        """Return the seconds between two renewals."""
        return self._duration.total_seconds() / _RENEWALS

    @property
    def problems(self) -> Mapping[str, PlatError]:
        """Return by cluster what keeps this run from writing there."""
        return {name: lease.problem for name, lease in self._leases.items() if lease.problem is not None}

    async def renew(self) -> None:
        """Renew every lease once, and try for those that are missing."""
        await asyncio.gather(*(self._renew(cluster, lease) for cluster, lease in self._leases.items()))

    async def release(self) -> None:
        """Give every lease back. A cluster that does not answer frees it by itself, when it is over."""
        await asyncio.gather(*(_release(lease) for lease in self._leases.values()))

    async def _renew(self, cluster: str, lease: _Lease) -> None:
        try:
            async with asyncio.timeout(self.pause):  # one that hangs must not keep the others from being renewed
                if lease.grip is None:
                    await self._take(cluster, lease)
                else:
                    lease.grip = await lease.client.renew(lease.grip)
            lease.renewed, lease.problem = time.monotonic(), None
        except (UnavailableError, TimeoutError) as error:
            if time.monotonic() - lease.renewed > self._duration.total_seconds():
                lease.problem = UnavailableError(f"the lease in cluster {cluster} cannot be renewed: {error}")
        except PlatError as error:
            lease.grip, lease.problem = None, error
            self.lost.set()

    async def _take(self, cluster: str, lease: _Lease) -> None:
        name = lease_name(self.stack)
        there: Grip | None = await lease.client.get(self._namespace, name)
        if there is not None and there.identity != self.holder.identity and dead(there.identity):
            await lease.client.release(there)
        try:
            lease.grip = await lease.client.acquire(
                self._namespace, name, identity=self.holder.identity, who=str(self.holder), duration=self._duration
            )
        except RefusedError as error:
            if error.code != "held":
                raise
            raise _held_in(self.stack, cluster, await lease.client.get(self._namespace, name)) from None
        lease.renewed = time.monotonic()


class RunLock:
    """The lock of the stacks of one directory."""

    def __init__(self, directory: Path, *, clock: Clock, duration: timedelta = DURATION) -> None:
        self._directory, self._clock, self._duration = directory, clock, duration

    @asynccontextmanager
    async def hold(
        self,
        stack: str,
        leases: Mapping[str, LeaseClient] | None = None,
        *,
        who: str = "",
        command: str = "",
        namespace: str = NAMESPACE,
    ) -> AsyncIterator[Held]:
        """Hold a stack: here, and in the clusters given by name; `Held.add` takes more.

        Raises RefusedError(code="held") that names who holds it, since when, and the remedy. A lock of a process of
        this machine that has been killed is free at once, one of another machine when its lease is over.
        """
        holder = this_process(self._clock.now(), command=command, who=who)
        lock = FileLock(self._directory / f"{lease_name(stack)}.lock")
        if not lock.take(holder):
            raise _held_here(stack, lock)
        held = Held(stack, holder, duration=self._duration, namespace=namespace)
        try:
            for cluster, client in sorted((leases or {}).items()):  # everybody in one order, so one of two gets all
                await held.add(cluster, client)
            async with _renewing(held):
                yield held
        finally:
            try:
                await held.release()
            finally:
                lock.let_go()

    def holder(self, stack: str) -> Holder | None:
        """Return who holds a stack in this directory, for `plat status`; None if nobody does."""
        holder = FileLock(self._directory / f"{lease_name(stack)}.lock").holder()
        return None if holder is None or dead(holder.identity) else holder


def lease_name(stack: str) -> str:
    """Return `plat-<stack>`; a name that Kubernetes would not take is made one, the same for the same stack."""
    name = f"plat-{stack}"
    if len(name) <= 63 and re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name):  # noqa: PLR2004  # RFC 1123 label
        return name
    plain = re.sub(r"[^a-z0-9]+", "-", stack.lower()).strip("-")[:40]
    return f"plat-{plain}-{hashlib.sha256(stack.encode()).hexdigest()[:8]}".replace("--", "-")


@asynccontextmanager
async def _renewing(held: Held) -> AsyncIterator[None]:
    async def go_on() -> None:
        while True:
            await asyncio.sleep(held.pause)
            await held.renew()

    task = asyncio.create_task(go_on())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _release(lease: _Lease) -> None:
    if lease.grip is not None:
        with contextlib.suppress(PlatError, TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                await lease.client.release(lease.grip)
        lease.grip = None


def _held_here(stack: str, lock: FileLock) -> RefusedError:
    holder = lock.holder()
    if holder is None:
        message = f"stack {stack} is held by another process of this machine; wait for it to end (see {lock.path})"
        return RefusedError(message, code="held", output={"stack": stack})
    message = f"stack {stack} is held by {holder} since {_clock_text(holder.since)}"
    remedy = f"wait for it to end, or end it: kill {holder.pid}"
    output = {"stack": stack, "who": str(holder), "since": holder.since.isoformat(), "remedy": remedy}
    return RefusedError(f"{message}; {remedy}", code="held", output=output)


def _held_in(stack: str, cluster: str, there: Grip | None) -> RefusedError:
    if there is None:
        remedy = "run the same command again"
        return RefusedError(f"stack {stack} was being taken in cluster {cluster}; {remedy}", code="held")
    since = _clock_text(there.since) if there.since else "a moment ago"
    remedy = "wait for it to end"
    if there.renewed:
        remedy += f"; if it is gone, the lock is free at {_clock_text(there.renewed + there.duration)}"
    output = {"stack": stack, "cluster": cluster, "who": there.who, "since": since, "remedy": remedy}
    message = f"stack {stack} is held in cluster {cluster} by {there.who} since {since}; {remedy}"
    return RefusedError(message, code="held", output=output)


def _clock_text(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
