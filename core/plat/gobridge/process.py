"""One helper process: frames out, frames in, and what happens when it ends. It knows nothing of pools."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from asyncio.subprocess import Process
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from plat.api import UnavailableError
from plat.gobridge.limits import Limits

_SIZE: Final = struct.Struct(">II")
_BUFFER: Final = 1 << 20
_TAIL: Final = 4096

MEMORY_EXIT: Final = 75
"""The exit code by which the helper says that it used too much memory."""


class HelperLostError(UnavailableError):
    """The process ended before it answered. `guilty`: it ended by itself while it had nothing else to do."""

    def __init__(self, message: str, *, guilty: bool) -> None:
        super().__init__(message, code="helper-lost")
        self.guilty = guilty


class Helper:
    """A running helper. Build it with `start`."""

    def __init__(self, process: Process, limits: Limits) -> None:
        self._process, self._limits = process, limits
        self._waiting: dict[int, asyncio.Future[tuple[Mapping[str, Any] | None, bytes]]] = {}
        self._abandoned: dict[int, asyncio.TimerHandle] = {}
        self._next = 0
        self._bytes = 0
        self._tail = b""
        self._runaway = ""
        self.primed: set[str] = set()
        """Keys of the prologues that this process has been told."""
        self.priming = asyncio.Lock()
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._listen())]

    @classmethod
    async def start(cls, binary: Path, limits: Limits) -> Helper:
        """Start a process; it needs no environment and gets none."""
        size = str(limits.request)
        arguments = ("-input", size, "-output", size, "-memory", str(limits.memory))
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            str(binary), *arguments, stdin=pipe, stdout=pipe, stderr=pipe, env={}, limit=_BUFFER, start_new_session=True
        )
        return cls(process, limits)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def load(self) -> int:
        """How many requests are in flight, those included whose caller is gone."""
        return len(self._waiting) + len(self._abandoned)

    @property
    def alive(self) -> bool:
        """Whether it can take another request."""
        return self._process.returncode is None and not self._runaway and not self._tasks[0].done()

    @property
    def spent(self) -> bool:
        """Whether it has done so much that a fresh one should take over."""
        return self._next >= self._limits.recycle_requests or self._bytes >= self._limits.recycle_bytes

    async def call(self, operation: str, body: bytes, seconds: float) -> tuple[Mapping[str, Any] | None, bytes]:
        """Send one request and wait for its answer: a failure, or the result as JSON text."""
        self._next += 1
        number = self._next
        future: asyncio.Future[tuple[Mapping[str, Any] | None, bytes]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        head = b'{"id":%d,"op":"%s","ms":%d}' % (number, operation.encode(), max(1, int(seconds * 1000)))
        try:
            await self._send(head, body)
            async with asyncio.timeout(seconds + self._limits.grace.total_seconds()):
                return await future
        except TimeoutError:
            self._kill(f"{operation} did not stop at its deadline of {seconds:g} s")
            raise
        except asyncio.CancelledError:
            await self._abandon(number, operation)
            raise
        finally:
            self._waiting.pop(number, None)

    async def aclose(self) -> None:
        """End the process and wait for it."""
        self._fail("the helper was closed")
        if stdin := self._process.stdin:
            stdin.close()
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if stdin:
            with contextlib.suppress(OSError):
                await stdin.wait_closed()

    async def _send(self, head: bytes, body: bytes = b"") -> None:
        if (stdin := self._process.stdin) is None or not self.alive:
            raise HelperLostError("the helper has ended", guilty=False)
        self._bytes += len(body)
        try:
            stdin.write(_SIZE.pack(len(head), len(body)) + head)
            stdin.write(body)
            await stdin.drain()
        except OSError as error:
            raise HelperLostError("the helper has ended", guilty=False) from error

    async def _abandon(self, number: int, operation: str) -> None:
        """Tell the helper to stop a request; if it does not in time, it is a runaway."""
        if not self.alive:
            return
        loop = asyncio.get_running_loop()
        reason = f"{operation} did not stop when it was cancelled"
        self._abandoned[number] = loop.call_later(self._limits.grace.total_seconds(), self._kill, reason)
        with contextlib.suppress(HelperLostError):
            await self._send(b'{"cancel":%d}' % number)

    def _kill(self, reason: str) -> None:
        self._runaway = self._runaway or reason
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def _read(self) -> None:
        stdout = self._process.stdout
        try:
            while stdout is not None:
                head, body = _SIZE.unpack(await stdout.readexactly(_SIZE.size))
                self._bytes += body
                self._deliver(orjson.loads(await stdout.readexactly(head)), await stdout.readexactly(body))
        except (asyncio.IncompleteReadError, OSError):
            await self._process.wait()
            self._fail(self._epitaph())

    def _deliver(self, head: Mapping[str, Any], body: bytes) -> None:
        number = head["id"]
        if timer := self._abandoned.pop(number, None):
            timer.cancel()
        future = self._waiting.pop(number, None)
        if future is not None and not future.done():
            future.set_result((head.get("error"), body))

    async def _listen(self) -> None:
        """Keep the end of what it says on stderr: Go's own words on a crash."""
        stderr = self._process.stderr
        while stderr is not None and (chunk := await stderr.read(_TAIL)):
            self._tail = (self._tail + chunk)[:_TAIL]

    def _epitaph(self) -> str:
        if self._runaway:
            return f"the helper was ended: {self._runaway}"
        if self._process.returncode == MEMORY_EXIT:
            return f"the helper used more than {self._limits.memory >> 20} MB of memory"
        said = self._tail.decode(errors="replace").strip().partition("\n")[0]
        return f"the helper ended with code {self._process.returncode}" + (f": {said}" if said else "")

    def _fail(self, reason: str) -> None:
        alone = len(self._waiting) == 1 and not self._abandoned
        guilty = alone and not self._runaway and (self._process.returncode or 0) > 0
        for timer in self._abandoned.values():
            timer.cancel()
        self._abandoned.clear()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(HelperLostError(reason, guilty=guilty))
        self._waiting.clear()
