"""Who runs here, as others read it, and whether a process of this machine is still there. Knows no lock."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import os
import secrets
import socket
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from plat.store.encoding import dump, load, moment, stamp

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_PROCESSES: Final = Path("/proc/self/ns/pid")
_START: Final = 19  # proc(5): field 22 of /proc/PID/stat, counted after the name of the program


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A process that holds a lock: what a person needs to find it, and what another process needs to see it die."""

    user: str
    host: str
    pid: int
    command: str
    directory: str
    since: datetime
    place: str
    """A digest of host, boot and process namespace: only within one of them a pid means the same process."""
    started: str
    """When the process was started, in the kernel's ticks; empty where the system does not tell."""
    nonce: str

    def __str__(self) -> str:
        """Return `ann@laptop (pid 4711, plat up, in /home/ann/shop)`."""
        what = ", ".join(part for part in (f"pid {self.pid}", self.command, f"in {self.directory}") if part)
        return f"{self.user}@{self.host} ({what})"

    @property
    def identity(self) -> str:
        """Return what tells this holder from all others, and `dead` whether it has died."""
        return f"{self.place}/{self.pid}/{self.started}/{self.nonce}"

    def to_text(self) -> bytes:
        """Return the record as JSON."""
        return dump({**asdict(self), "since": stamp(self.since)})

    @classmethod
    def from_text(cls, text: bytes) -> Self | None:
        """Return the holder of a record; None if it is not whole."""
        try:
            fields = load(text)
            return cls(**{**fields, "since": moment(fields["since"])})
        except (ValueError, TypeError, KeyError):
            return None


def this_process(now: datetime, *, command: str = "", who: str = "") -> Holder:
    """Return this process as a holder. `who` names the person where the system's user is not the one."""
    return Holder(
        user=who or _user(),
        host=socket.gethostname(),
        pid=os.getpid(),
        command=command,
        directory=str(Path.cwd()),
        since=now,
        place=_place(),
        started=_started(os.getpid()),
        nonce=secrets.token_hex(8),
    )


def dead(identity: str) -> bool:
    """Say whether the holder of an identity was a process of this machine that has ended. Unsure: False."""
    place, _, rest = identity.partition("/")
    pid, _, rest = rest.partition("/")
    started = rest.partition("/")[0]
    if place != _place() or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return bool(started) and started != _started(int(pid))


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user id without a name
        return str(os.getuid())


def _place() -> str:
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(_BOOT.read_text(encoding="ascii").strip())
    with contextlib.suppress(OSError):
        parts.append(str(_PROCESSES.readlink()))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _started(pid: int) -> str:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[_START]
