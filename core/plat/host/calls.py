"""Calling plug-ins: deadlines, a bounded pool of threads for each distribution, a circuit breaker, and blame.

Source of the numbers: API.md §5 (reading 30 s, rendering 90 s, acting 60 s).
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from plat.api import PlatError, Plugin, UnavailableError
from plat.host.registry import PluginError
from plat.host.threads import Threads

DEADLINES: Final[Mapping[str, timedelta]] = {
    "render": timedelta(seconds=90),
    "reading": timedelta(seconds=30),
    "acting": timedelta(seconds=60),
}
THREADS: Final = 4
TRIPS_AFTER: Final = 5
OPEN_FOR: Final = timedelta(seconds=30)


@dataclass
class _Circuit:
    """Faults of one distribution in a row; open for a while once there were too many."""

    faults: int = 0
    open_until: float = 0.0
    hanging: set[str] = field(default_factory=set)


class Caller:
    """Calls methods of plug-in instances. One for the whole process; close it at the end."""

    def __init__(self, owners: Callable[[type[Plugin]], str]) -> None:
        self._owner = owners
        self._circuits: dict[str, _Circuit] = defaultdict(_Circuit)
        self._pools: dict[str, Threads] = {}

    async def call(self, plugin: Plugin, method: str, *args: Any) -> Any:
        """Call a method that takes a context, as `def` in a thread or as `async def`, within its deadline.

        Errors of `plat.api` pass through; anything else becomes PluginError naming distribution and version.
        Raises UnavailableError without calling while the circuit of that distribution is open.
        """
        cls = type(plugin)
        limit = Plugin.deadline(plugin, method) if "deadline" in cls.model_fields else plugin.deadline(method)
        return await self.run(
            getattr(cls, method),
            plugin,
            *args,
            owner=self._owner(cls),
            name=f"{plugin.kind}.{method}",
            limit=limit or _default(cls, method),
        )

    async def run(self, function: Callable[..., Any], *args: Any, owner: str, name: str, limit: timedelta) -> Any:
        """Call any function of a plug-in's. Raises as `call`; even SystemExit is its fault and nobody else's."""
        circuit = self._circuits[owner]
        if time.monotonic() < circuit.open_until:
            raise UnavailableError(f"plug-in {owner} failed {TRIPS_AFTER} times in a row and rests", after=OPEN_FOR)
        try:
            answer = await self._within(function, args, owner=owner, name=name, limit=limit)
        except PlatError as error:
            if isinstance(error, PluginError):
                self._trip(circuit)
            raise
        except (Exception, SystemExit) as error:
            self._trip(circuit)
            raise PluginError(f"{name} raised {type(error).__name__}: {error}", plugin=owner) from error
        circuit.faults = 0
        return answer

    def hanging(self) -> Mapping[str, frozenset[str]]:
        """Return, by distribution, the methods whose last call did not come back in time."""
        return {owner: frozenset(c.hanging) for owner, c in self._circuits.items() if c.hanging}

    def close(self) -> None:
        """Let go of the threads; one that hangs is not waited for."""
        for pool in self._pools.values():
            pool.close()

    async def _within(
        self, function: Callable[..., Any], args: tuple[Any, ...], *, owner: str, name: str, limit: timedelta
    ) -> Any:
        seconds = limit.total_seconds()
        try:
            async with asyncio.timeout(seconds):
                answer = await self._start(function, args, owner=owner)
        except TimeoutError:
            self._circuits[owner].hanging.add(name)
            raise PluginError(f"{name} did not answer within {seconds:g} s", plugin=owner) from None
        self._circuits[owner].hanging.discard(name)
        return answer

    async def _start(self, function: Callable[..., Any], args: tuple[Any, ...], *, owner: str) -> Any:
        if inspect.iscoroutinefunction(function):
            return await function(*args)
        pool = self._pools.get(owner)
        if pool is None:
            pool = self._pools[owner] = Threads(THREADS, owner)
        answer = await pool.run(functools.partial(function, *args))
        return await answer if inspect.isawaitable(answer) else answer

    @staticmethod
    def _trip(circuit: _Circuit) -> None:
        circuit.faults += 1
        if circuit.faults >= TRIPS_AFTER:
            circuit.open_until = time.monotonic() + OPEN_FOR.total_seconds()
            circuit.faults = 0


def _default(cls: type[Plugin], method: str) -> timedelta:
    """Return the core's own deadline: by the method's name, else by the access marked in `plat.api`."""
    if method in DEADLINES:
        return DEADLINES[method]
    for base in cls.__mro__:
        access = getattr(base.__dict__.get(method), "__plat_access__", "")
        if access:
            return DEADLINES[access]
    return DEADLINES["reading"]
