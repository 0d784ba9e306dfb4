"""Bring one cluster up and down. Knows the order of things; the programs' flags and files are in their own modules."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import time
import zlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from plat.api import UnavailableError, UserError, at
from plat_local._api import Api
from plat_local._components import (
    API,
    CONTROLLERS,
    ETCD,
    FIRST,
    KWOK,
    PROGRAMS,
    REST,
    SCHEDULER,
    commands,
    kubeconfig,
    node,
    scheduler_configuration,
    server,
)
from plat_local._home import Home, Ports, Record, choose_ports, homes, write_secret
from plat_local._pki import make_keys
from plat_local._processes import end, last_words, running, start
from plat_local._stages import stages

_ATTEMPTS: Final = 3
_PATIENCE: Final = 90.0
"""Seconds for a boot on a busy machine; a quiet one needs four."""
_MENDING: Final = 15.0
"""Seconds that a cluster with some of its programs running has to get well."""
_PAUSE: Final = 0.05
_GRACE: Final = 10.0


class PortTakenError(Exception):
    """Somebody took one of our ports between choosing and using it."""


class ControlPlane:
    """One local cluster, by its folder. Safe to use from several processes at once."""

    def __init__(self, home: Home) -> None:
        self._home = home

    async def up(self, programs: Mapping[str, Path], *, nodes: int, now: datetime, say: Callable[[str], None]) -> None:
        """Make it run: new, again with its old data, or as it is. Raises UserError with the end of a log."""
        async with self._alone(say):
            record = await asyncio.to_thread(self._prepare, now)
            ran_before = self.runs()
            try:
                await self._boot_somewhere(record, programs, nodes, say)
            except BaseException:
                # Also on Ctrl-C: what nobody was told is running must not go on running. Its logs stay.
                if not ran_before:
                    await asyncio.shield(self._halt())
                raise

    async def _boot_somewhere(
        self, record: Record, programs: Mapping[str, Path], nodes: int, say: Callable[[str], None]
    ) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            self._home.write(record)
            try:
                await self._boot(record, programs, nodes, say)
            except PortTakenError:
                await self._end(PROGRAMS, patience=0)
                record = replace(record, ports=self._ports(salt=attempt))
            else:
                self._home.write(replace(record, ready=True))
                return
        raise UserError("its ports are taken again and again", remedy="look for a program that opens many ports")

    async def stop(self) -> None:
        """End its processes and keep its data."""
        async with self._alone(lambda _: None):
            await self._halt()

    async def down(self) -> None:
        """End its processes and remove its data; one that is gone already is fine."""
        async with self._alone(lambda _: None):
            await self._end(PROGRAMS, patience=0)
            await asyncio.to_thread(shutil.rmtree, self._home.root, ignore_errors=True)

    def runs(self) -> bool:
        """Tell whether all its processes are there."""
        return all(running(self._home, program) is not None for program in PROGRAMS)

    async def _end(self, programs: Collection[str], *, patience: float) -> None:
        await asyncio.to_thread(end, self._home, list(programs), patience=patience)

    def _prepare(self, now: datetime) -> Record:
        """Return the record to boot from; what was never complete has nothing to lose and begins anew."""
        record = self._home.read()
        if record is None or not record.ready:
            end(self._home, PROGRAMS, patience=0)
            shutil.rmtree(self._home.root, ignore_errors=True)
            record = Record(ports=self._ports())
            self._home.write(record)
            for name, content in make_keys(now).items():
                write_secret(self._home.key(name), content)
        return record

    def _ports(self, *, salt: int = 0) -> Ports:
        others = [other.read() for other in homes(self._home.root.parent)]
        taken = {port for kept in others if kept for port in vars(kept.ports).values()}
        return choose_ports(taken, start=zlib.crc32(f"{self._home.root}{salt}{os.getpid()}".encode()))

    async def _boot(self, record: Record, programs: Mapping[str, Path], nodes: int, say: Callable[[str], None]) -> None:
        """Start what is missing. What runs and does not get well by that is ended and started again."""
        since = time.monotonic()
        self._write_files(record.ports)
        api = Api(self._home, record.ports.api)
        argv = commands(self._home, record.ports, programs)
        if any(running(self._home, program) is not None for program in PROGRAMS):
            try:
                await self._start(argv, api, seconds=_MENDING)
            except UserError:
                say(f"{self._home.name} runs and does not answer: starting it again")
                await self._halt()
        await self._start(argv, api)
        say(f"the API server answers after {time.monotonic() - since:.1f} s")
        for number in range(1, nodes + 1):
            await asyncio.to_thread(api.create, "/api/v1/nodes", node(f"node-{number}"))
        await self._until(lambda: _is_furnished(api), "its node and its service account", PROGRAMS)
        say(f"{self._home.name} is ready after {time.monotonic() - since:.1f} s")

    async def _start(self, argv: Mapping[str, list[str]], api: Api, *, seconds: float = _PATIENCE) -> None:
        for group in (FIRST, REST):
            for program in group:
                if running(self._home, program) is None:
                    await asyncio.to_thread(start, self._home, program, argv[program])
            await self._until(api.is_ready, f"{API} to be ready", group, seconds=seconds)

    async def _halt(self) -> None:
        """End everything and keep the data: only etcd has anything to bring into order."""
        await self._end([API, *REST], patience=0)
        await self._end([ETCD], patience=_GRACE)

    def _write_files(self, ports: Ports) -> None:
        keys = {file.name: file.read_bytes() for file in self._home.key("x").parent.iterdir()}
        users = {"kwok-kubeconfig": KWOK, CONTROLLERS: CONTROLLERS, "kube-scheduler-kubeconfig": SCHEDULER}
        for file, user in users.items():
            content = kubeconfig(self._home.name, server(ports), keys, user=user)
            write_secret(self._home.config(file), json.dumps(content))
        write_secret(self._home.config(SCHEDULER), json.dumps(scheduler_configuration(self._home)))
        write_secret(self._home.config(KWOK), stages())
        mine = kubeconfig(self._home.name, server(ports), keys, user="admin")
        write_secret(self._home.kubeconfig, json.dumps(mine, indent=1))

    async def _until(
        self, done: Callable[[], bool], what: str, alive: Collection[str], *, seconds: float = _PATIENCE
    ) -> None:
        """Wait until something holds, and say why not as soon as one of the programs that it needs has ended."""
        until = time.monotonic() + seconds
        while not await asyncio.to_thread(done):
            for program in alive:
                if running(self._home, program) is None:
                    raise self._ended(program)
            if time.monotonic() > until:
                raise UserError(
                    f"{self._home.name}: waited {seconds:.0f} s for {what}",
                    remedy=f"look into {self._home.log(API).parent}, or delete the cluster and create it again",
                )
            await asyncio.sleep(_PAUSE)

    def _ended(self, program: str) -> Exception:
        words = last_words(self._home, program)
        if "address already in use" in words:
            return PortTakenError(program)
        return UserError(
            f"{self._home.name}: {program} ended at once\n{words}",
            remedy=f"read {self._home.log(program)}; deleting the cluster and creating it again starts from nothing",
        )

    @asynccontextmanager
    async def _alone(self, say: Callable[[str], None]) -> AsyncIterator[None]:
        """Let one process at a time create or delete a cluster."""
        self._home.lock.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._home.lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            waited = False
            while not _locked(descriptor):
                if not waited:
                    say(f"waiting for another process that creates or deletes {self._home.name}")
                waited = True
                await asyncio.sleep(_PAUSE)
            yield
        finally:
            os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_furnished(api: Api) -> bool:
    """Tell whether pods can be created and run: a ready node, and the service account that pods get by default."""
    try:
        first = api.get("/api/v1/nodes/node-1")
        account = api.get("/api/v1/namespaces/default/serviceaccounts/default")
    except UnavailableError:
        return False
    conditions = at(first, "status.conditions", [])
    return account is not None and any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
