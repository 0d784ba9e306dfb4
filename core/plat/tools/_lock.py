"""One holder at a time across processes; whoever waits is told for whom. Nothing is left behind by a crash."""

from __future__ import annotations

import asyncio
import fcntl
import getpass
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

_PAUSE: Final = 0.2


@asynccontextmanager
async def exclusive(path: Path, *, doing: str, say: Callable[[str], None]) -> AsyncIterator[int]:
    """Hold a lock file and yield its descriptor; a child that inherits it keeps the lock as long as it lives.

    The kernel's lock counts, not the file: it goes with its last holder, however that one ended.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        await _take(descriptor, say)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{_me()}, {doing}".encode(), 0)
        yield descriptor
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


async def _take(descriptor: int, say: Callable[[str], None]) -> None:
    told = ""
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 1000, 0).decode(errors="replace") or "another process"
            if holder != told:
                say(f"waiting for {holder}")
                told = holder
            await asyncio.sleep(_PAUSE)
        else:
            return


def _me() -> str:
    since = datetime.now().astimezone().strftime("%H:%M:%S")
    return f"{getpass.getuser()}@{socket.gethostname()} (pid {os.getpid()}, since {since})"
