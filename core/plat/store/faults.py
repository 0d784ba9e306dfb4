"""What went wrong with a file of ours, as one sentence and a remedy. Knows SQLite's codes and errno, nothing else."""

from __future__ import annotations

import errno
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Final

from plat.api import PlatError, UnavailableError, UserError

_PRIMARY: Final = 0xFF  # the low byte of an extended result code is the primary one (sqlite.org/rescode.html)
_FULL: Final = "free some disk space and run the same command again; nothing was half done"


def fault_of(error: sqlite3.Error, path: Path) -> PlatError | None:
    """Return what to tell about the world around a database; None for a mistake of ours."""
    match getattr(error, "sqlite_errorcode", 0) & _PRIMARY:
        case sqlite3.SQLITE_FULL:
            return UserError("there is no space left for the state of plat", where=str(path), remedy=_FULL)
        case sqlite3.SQLITE_IOERR:
            return UserError(f"the state of plat cannot be written or read: {error}", where=str(path), remedy=_FULL)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            after = timedelta(seconds=1)
            return UnavailableError(f"{path} is being written by another process", code="locked", after=after)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return UserError(f"the state of plat cannot be opened: {error}", where=str(path), remedy="check its rights")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            remedy = "restore it from a backup, or move it away to start anew"
            return UserError(f"this is not a whole database of plat: {error}", where=str(path), remedy=remedy)
    return None


def file_fault(error: OSError, path: Path) -> UserError:
    """Return what to tell about a file or directory that could not be written or read."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return UserError("there is no space left for the state of plat", where=str(path), remedy=_FULL)
    return UserError(f"{error.strerror or error}", where=str(path), remedy="check the path and its rights")
