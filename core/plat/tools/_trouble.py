"""Turn what goes wrong while getting a program into one clear error. Pure."""

from __future__ import annotations

import errno
import re
from typing import Final

from plat.api import UserError
from plat.tools._process import Ended

_FULL: Final = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_OFFLINE: Final = re.compile(
    r"dial tcp|no such host|i/o timeout|connection refused|connection reset|network is unreachable|proxyconnect|"
    r"TLS handshake timeout|GOPROXY=off|GOTOOLCHAIN|Temporary failure in name resolution|"
    r"Failed to establish a new connection|Failed to fetch|error sending request|No matching distribution",
    re.IGNORECASE,
)


def explain(doing: str, ended: Ended, *, log: str = "") -> UserError:
    """Return the error for a program that failed, by what it printed."""
    if _FULL.search(ended.text):
        return full(doing)
    if _OFFLINE.search(ended.text):
        return UserError(
            f"{doing} failed: a download did not work\n{ended.last}",
            remedy="check the network and GOPROXY, HTTPS_PROXY or the Python index's settings, then run it again;"
            " or put the program on PATH",
        )
    whole = f"; the whole output is in {log}" if log else ""
    return UserError(
        f"{doing} failed with exit code {ended.code}{whole}\n{ended.last}",
        remedy="run it again, or put the program on PATH or into the folder that KUBEBUILDER_ASSETS names",
    )


def full(doing: str, detail: str = "") -> UserError:
    """Return the error for a full disk."""
    return UserError(
        f"{doing} failed: the disk is full{detail}",
        remedy="free some space, or point PLAT_CACHE at another disk, then run it again: it goes on where it was",
    )


def from_os(doing: str, error: OSError) -> UserError:
    """Return the error for an operating system's no."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return full(doing)
    return UserError(
        f"{doing} failed: {error.strerror or error} ({error.filename or 'no file'})",
        remedy="make the folder writable, or point PLAT_CACHE at another one",
    )
