"""A lock that a file stands for: the kernel holds it for this process and lets go when the process ends, however."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import Final

from plat.api import UserError
from plat.store.faults import file_fault
from plat.store.holders import Holder

_TAKEN: Final = {errno.EAGAIN, errno.EACCES}
_RECORD_BYTES: Final = 65536


class FileLock:
    """One lock file, with a record of who holds it inside. The file stays: removing it would let two hold it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    def take(self, holder: Holder) -> bool:
        """Take the lock and write the record; False if another process has it. Raises UserError."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise file_fault(error, self.path) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _write(handle, holder.to_text())
        except OSError as error:
            os.close(handle)
            if error.errno in _TAKEN:
                return False
            raise self._fault(error) from None
        self._handle = handle
        return True

    def holder(self) -> Holder | None:
        """Return who wrote the record; None if it is empty or being written."""
        try:
            return Holder.from_text(self.path.read_bytes())
        except OSError:
            return None

    def let_go(self) -> None:
        """Empty the record and give the lock back."""
        if self._handle is not None:
            handle, self._handle = self._handle, None
            try:
                os.ftruncate(handle, 0)
            finally:
                os.close(handle)

    def _fault(self, error: OSError) -> UserError:
        if error.errno in {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP}:
            remedy = "keep the directory of the stack on a local disk"
            return UserError("this file system has no locks", where=str(self.path), remedy=remedy)
        return file_fault(error, self.path)


def _write(handle: int, record: bytes) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, record[:_RECORD_BYTES], 0)
