"""Run one program to its end, line by line, and end it with its whole family when the caller is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

GRACE: Final = 10.0
"""Seconds that a program gets after SIGINT to leave its caches whole."""
_LINE: Final = 1 << 20


@dataclass(frozen=True)
class Ended:
    """How a program ended, and all it printed."""

    code: int
    text: str

    @property
    def last(self) -> str:
        """The last few lines, for an error message."""
        return "\n".join(self.text.strip().splitlines()[-8:])


async def run(
    argv: Sequence[str | Path],
    *,
    environ: Mapping[str, str],
    cwd: Path | None = None,
    on_line: Callable[[str], None] = lambda _: None,
    keep: Collection[int] = (),
) -> Ended:
    """Run a program in a process group of its own; both its outputs are read as one.

    `keep` are file descriptors that it inherits. Raises OSError where it cannot be started.
    """
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=cwd,
        env=environ,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        pass_fds=tuple(keep),
        limit=_LINE,
    )
    try:
        text = await _read(process, on_line)
        return Ended(await process.wait(), text)
    finally:
        await _end(process)


async def _read(process: asyncio.subprocess.Process, on_line: Callable[[str], None]) -> str:
    lines: list[str] = []
    if process.stdout is not None:
        async for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip()
            lines.append(line)
            on_line(line)
    return "\n".join(lines)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    _signal(process.pid, signal.SIGINT)
    try:
        await asyncio.wait_for(process.wait(), GRACE)
    except (TimeoutError, asyncio.CancelledError):
        _signal(process.pid, signal.SIGKILL)
        await process.wait()


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
