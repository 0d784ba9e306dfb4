"""The pool of helper processes: started on first use, shared by all, replaced when one ends or has done its share."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson

from plat.api import JSON, RefusedError, UnavailableError, UserError
from plat.gobridge.limits import Limits
from plat.gobridge.operations import Operation
from plat.gobridge.outcomes import as_error
from plat.gobridge.process import Helper, HelperLostError

_DEFAULT = Limits()


@dataclass
class Prologue:
    """What a process must have been told before certain requests; encoded when first needed."""

    operation: Operation
    request: JSON
    body: bytes = b""

    def encoded(self) -> bytes:
        """Return the request as JSON, and let go of the value it was made from."""
        if not self.body:
            self.body, self.request = _encode(self.request), None
        return self.body


class Bridge:
    """A pool of warm helper processes. Safe for any number of tasks of one event loop.

    A request whose process is lost is tried once more, in a process of its own, unless it is certain that the request
    was the cause. If that fails as well, it raises UnavailableError; from its second time on it is refused for good.
    """

    def __init__(self, *, binary: Path | None = None, size: int = 2, limits: Limits = _DEFAULT) -> None:
        self._binary, self._size, self._limits = binary, size, limits
        self._helpers: list[Helper] = []
        self._retired: list[Helper] = []
        self._solos: list[Helper] = []
        self._starting = asyncio.Lock()
        self._prologues: dict[str, Prologue] = {}
        self._deaths: dict[bytes, int] = {}
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    @property
    def pids(self) -> Sequence[int]:
        """The ids of the running processes."""
        return [helper.pid for helper in (*self._helpers, *self._solos) if helper.alive]

    def remember(self, key: str, operation: Operation, request: JSON) -> None:
        """Keep what each process must be told before a request that `needs` the key, also after a restart."""
        self._prologues.setdefault(key, Prologue(operation, request))

    def knows(self, key: str) -> bool:
        """Whether `remember` has seen the key."""
        return key in self._prologues

    def forget(self, prefix: str) -> None:
        """Let go of the prologues whose key begins with a prefix."""
        for key in [key for key in self._prologues if key.startswith(prefix)]:
            del self._prologues[key]

    async def call(
        self, operation: Operation, request: JSON, *, deadline: timedelta | None = None, needs: Sequence[str] = ()
    ) -> JSON:
        """Send one request. Only the modules of this package call this.

        Raises:
            UserError: The input is bad.
            RefusedError: A limit or a rule of the helper, or the request killed helpers before (code "poisoned").
            UnavailableError: The process was lost; the next request gets a new one.
        """
        body = _encode(request)
        if len(body) > self._limits.request:
            raise RefusedError(f"{operation}: a request of {len(body)} bytes is too large", code="input")
        self._refuse_poison(operation, body)
        seconds = (deadline or self._limits.deadline).total_seconds()
        try:
            return await self._shared(operation, body, seconds, needs)
        except HelperLostError as lost:
            if lost.guilty:
                raise self._mourn(operation, body, lost) from lost
        try:
            return await self._solo(operation, body, seconds, needs)
        except HelperLostError as lost:
            raise self._mourn(operation, body, lost) from lost

    async def aclose(self) -> None:
        """End all processes, one that is just starting included; requests in flight fail."""
        self._closed = True
        async with self._starting:  # a process that starts while the loop ends would never be waited for
            pass
        helpers, self._helpers, self._retired = [*self._helpers, *self._retired, *self._solos], [], []
        await asyncio.gather(*(helper.aclose() for helper in helpers))

    async def _shared(self, operation: Operation, body: bytes, seconds: float, needs: Sequence[str]) -> JSON:
        return await self._on(await self._helper(), operation, body, seconds, needs)

    async def _solo(self, operation: Operation, body: bytes, seconds: float, needs: Sequence[str]) -> JSON:
        """Run a request in a process of its own, so that a second death is certainly its doing."""
        if self._closed:
            raise UnavailableError("the bridge is closed", code="closed")
        helper = await Helper.start(self._program(), self._limits)
        self._solos.append(helper)
        try:
            return await self._on(helper, operation, body, seconds, needs)
        finally:
            self._solos.remove(helper)
            await helper.aclose()

    async def _on(
        self, helper: Helper, operation: Operation, body: bytes, seconds: float, needs: Sequence[str]
    ) -> JSON:
        if any(key not in helper.primed for key in needs):
            await self._prime(helper, needs)
        try:
            failure, result = await helper.call(operation, body, seconds)
        except TimeoutError:
            raise RefusedError(f"{operation} took longer than {seconds:g} s", code="deadline") from None
        if failure is not None:
            raise as_error(failure)
        return orjson.loads(result)

    async def _prime(self, helper: Helper, needs: Sequence[str]) -> None:
        async with helper.priming:
            for key in needs:
                if key in helper.primed:
                    continue
                prologue = self._prologues[key]
                seconds = self._limits.deadline.total_seconds()
                await self._on(helper, prologue.operation, prologue.encoded(), seconds, ())
                helper.primed.add(key)

    async def _helper(self) -> Helper:
        """Return the process with the least to do; start one when all are crowded."""
        helper = self._idlest()
        if helper is not None:
            return helper
        async with self._starting:
            helper = self._idlest()
            if helper is None:
                helper = await self._start()
            return helper

    def _idlest(self) -> Helper | None:
        helpers = [helper for helper in self._helpers if helper.alive and not helper.spent]
        best = min(helpers, key=lambda helper: helper.load, default=None)
        if best is not None and best.load >= self._limits.crowd and len(helpers) < self._size:
            return None
        return best

    async def _start(self) -> Helper:
        if self._closed:
            raise UnavailableError("the bridge is closed", code="closed")
        await self._sweep()
        try:
            helper = await Helper.start(self._program(), self._limits)
        except OSError as error:
            raise UnavailableError(f"the helper does not start: {error}", code="helper-start") from error
        self._helpers.append(helper)
        return helper

    async def _sweep(self) -> None:
        """Take out the processes that have ended or done their share; those still busy end later."""
        gone = [helper for helper in self._helpers if helper.spent or not helper.alive]
        self._helpers = [helper for helper in self._helpers if helper not in gone]
        self._retired += gone
        idle = [helper for helper in self._retired if not helper.load]
        self._retired = [helper for helper in self._retired if helper.load]
        await asyncio.gather(*(helper.aclose() for helper in idle))

    def _program(self) -> Path:
        if self._binary is None:
            import plat_gobridge  # noqa: PLC0415 - only when a helper is really needed

            self._binary = plat_gobridge.binary()
        return self._binary

    def _refuse_poison(self, operation: Operation, body: bytes) -> None:
        if self._deaths and self._deaths.get(_digest(operation, body), 0) > 1:
            raise RefusedError(f"{operation}: this request has ended the helper before", code="poisoned")

    def _mourn(self, operation: Operation, body: bytes, lost: HelperLostError) -> UnavailableError:
        digest = _digest(operation, body)
        self._deaths[digest] = self._deaths.get(digest, 0) + 1
        return UnavailableError(f"{operation}: {lost}", code="helper-lost")


def _encode(request: JSON) -> bytes:
    try:
        return orjson.dumps(request)
    except TypeError as error:
        raise UserError(f"a value cannot be written as JSON: {error}") from error


def _digest(operation: Operation, body: bytes) -> bytes:
    return blake2b(operation.encode() + b"\0" + body, digest_size=16).digest()
