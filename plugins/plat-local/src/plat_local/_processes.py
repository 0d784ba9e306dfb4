"""Programs that outlive the command that starts them, and that only we end.

Each writes its own pid file before it becomes the program: pid, start time and boot. So there is no moment in which a
crash of ours leaves a process that nobody knows, and a pid that the system has given to someone else is never touched.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from plat_local._home import Home

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_SCRIPT: Final = (
    'cd / && { cat /proc/sys/kernel/random/boot_id "/proc/$$/stat" 2>/dev/null || ps -o pid=,lstart= -p $$; }'
    ' >"$0.new" && mv "$0.new" "$0" && exec "$@"'
)
"""The pid file appears whole: a reader that sees half of one would take the program for ended."""
_PAUSE: Final = 0.01
_BIRTH: Final = 5.0


def start(home: Home, program: str, argv: Sequence[str]) -> None:
    """Start a program in a session of its own, with an empty environment, writing to its log. Raises OSError."""
    log, pid = home.log(program), home.pid(program)
    for folder in (log.parent, pid.parent):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    pid.unlink(missing_ok=True)
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    os.posix_spawn(
        "/bin/sh",
        ["/bin/sh", "-c", _SCRIPT, str(pid), *argv],
        {"PATH": os.defpath, "HOME": str(home.root)},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=(),
        setsigdef=(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE),
    )
    until = time.monotonic() + _BIRTH
    while not _begun(pid) and time.monotonic() < until:
        time.sleep(_PAUSE)


def running(home: Home, program: str) -> int | None:
    """Return the pid of our process, or None where it has ended or the pid now belongs to someone else."""
    try:
        kept = home.pid(program).read_text(encoding="utf-8")
    except OSError:
        return None
    return _same_process(kept)


def end(home: Home, programs: Sequence[str], *, patience: float) -> None:
    """End our processes: SIGTERM, after `patience` seconds SIGKILL; no patience: SIGKILL at once."""
    _send(home, programs, signal.SIGTERM if patience else signal.SIGKILL)
    if patience and not _wait(home, programs, patience):
        _send(home, programs, signal.SIGKILL)
    _wait(home, programs, 10.0)
    for program in programs:
        home.pid(program).unlink(missing_ok=True)


def last_words(home: Home, program: str, *, lines: int = 6) -> str:
    """Return the end of a program's log, for an error message."""
    try:
        text = home.log(program).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.strip().splitlines()[-lines:])


def _begun(pid: Path) -> bool:
    """Tell whether a program has come as far as writing its pid file: from then on it can be ended again."""
    try:
        return pid.stat().st_size > 0
    except OSError:
        return False


def _send(home: Home, programs: Sequence[str], number: signal.Signals) -> None:
    for program in programs:
        if (pid := running(home, program)) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def _wait(home: Home, programs: Sequence[str], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while any(running(home, program) is not None for program in programs):
        if time.monotonic() > until:
            return False
        time.sleep(_PAUSE)
    return True


def _same_process(kept: str) -> int | None:
    """Return the pid in a pid file if the process of that pid is the very one that wrote it."""
    boot, _, stat = kept.partition("\n")
    if not stat.strip():
        return _same_by_ps(kept.split())
    with contextlib.suppress(OSError, ValueError, IndexError):
        pid = int(stat.split()[0])
        _reap(pid)
        now = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        same = _BOOT.read_text(encoding="utf-8").strip() == boot and _start_time(now) == _start_time(stat)
        return pid if same and _state(now) not in "ZX" else None
    return None


def _same_by_ps(words: Sequence[str]) -> int | None:
    """Do the same where there is no /proc."""
    if not words or not words[0].isdigit():
        return None
    _reap(int(words[0]))
    shown = subprocess.run(["ps", "-o", "pid=,lstart=", "-p", words[0]], capture_output=True, text=True, check=False)
    return int(words[0]) if shown.stdout.split() == list(words) else None


def _start_time(stat: str) -> str:
    """Return field 22 of /proc/PID/stat; counted from the program's name, which may hold blanks."""
    return stat.rpartition(")")[2].split()[19]


def _state(stat: str) -> str:
    return stat.rpartition(")")[2].split()[0]


def _reap(pid: int) -> None:
    """Take leave of a child of this very process; of anybody else's, the system does."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
