"""What one helper process may use before it is stopped or replaced."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of each process and each request; sizes in bytes."""

    deadline: timedelta = timedelta(seconds=60)
    """How long a request may take that names no deadline of its own."""
    grace: timedelta = timedelta(seconds=2)
    """How long a request may outlive its deadline or its caller before the process is killed."""
    request: int = 256 << 20
    """The largest request and the largest reply."""
    memory: int = 2 << 30
    """The heap at which a process ends itself."""
    recycle_requests: int = 50_000
    """A process that has answered so many is replaced when it is idle."""
    recycle_bytes: int = 4 << 30
    """A process that has read and written so much is replaced when it is idle."""
    crowd: int = 4
    """Another process is started only when each has so many requests in flight: one uses all cores already."""
