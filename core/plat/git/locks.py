"""Locks between processes that share a cache: one file each, held by the kernel, gone with the process."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from plat.api import UnavailableError


@asynccontextmanager
async def held(path: Path, *, deadline: timedelta = timedelta(minutes=10)) -> AsyncIterator[None]:
    """Hold the lock of a file while the block runs; also against other tasks of this process.

    Raises UnavailableError (code `locked`) when somebody else holds it longer than the deadline. The file stays: to
    delete it would let two processes hold two files of one name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        await _take(handle, path, deadline)
        yield
    finally:
        os.close(handle)


async def _take(handle: int, path: Path, deadline: timedelta) -> None:
    loop = asyncio.get_running_loop()
    end, pause = loop.time() + deadline.total_seconds(), 0.002
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if loop.time() > end:
                raise UnavailableError(f"somebody else holds {path}", code="locked") from None
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.2)
        else:
            return
