"""Trees on disk for programs that need real files: one directory a tree, shared, read-only, named by its content."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from plat.api import UnavailableError, UserError
from plat.git.lookup import find
from plat.git.objects import EXECUTABLE, LINK, MODULE, TREE, Entry, Store
from plat.git.walk import Budget, Limits, everything

KEEP: Final = 32
"""Directories kept whatever their age."""
IN_USE: Final = 3600.0
"""Seconds after which an export that nobody asked for again may go."""


class Exports:
    """The exported trees below one directory. Processes may share it: what is there is whole, and never changes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def directory(self, store: Store, root: str, limits: Limits) -> Path:
        """Return the directory of a tree, written if it is not there yet.

        Raises LeavesTreeError for a symlink that leads out, UserError beyond the limits; then nothing is left behind.
        """
        target = self._folder / root
        if not target.is_dir():
            await asyncio.to_thread(self._write, store, root, limits)
        with suppress(FileNotFoundError):
            os.utime(target)
        return target

    def _write(self, store: Store, root: str, limits: Limits) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".new-", dir=self._folder))
        try:
            scratch.chmod(0o755)
            _fill(scratch, store, root, limits)
            _publish(scratch, self._folder / root)
        except FileExistsError as error:
            raise UserError(f"{error.filename} is there twice for a file system that ignores case") from None
        except OSError as error:
            text = f"a tree cannot be written below {self._folder}: {error.strerror}"
            raise UnavailableError(text, code="disk") from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        self._forget()

    def _forget(self) -> None:
        """Remove the exports that nobody used for longest, and what a killed process left half done."""
        ages = sorted(_ages(self._folder), reverse=True)
        for used, folder in ages[KEEP:]:
            if time.time() - used > IN_USE:
                shutil.rmtree(folder, ignore_errors=True)


def _publish(scratch: Path, target: Path) -> None:
    """Give a whole directory its name, unless somebody else was faster with the same content."""
    try:
        scratch.rename(target)
    except OSError:
        if not target.is_dir():
            raise


def _ages(folder: Path) -> Iterator[tuple[float, Path]]:
    for child in folder.iterdir():
        with suppress(FileNotFoundError):
            yield child.stat().st_mtime, child


def _fill(folder: Path, store: Store, root: str, limits: Limits) -> None:
    budget = Budget(limits)
    for path, entry in list(everything(store, root, budget)):  # the whole is counted before the first is written
        if entry.mode in (TREE, MODULE):
            (folder / path).mkdir()
        elif entry.mode == LINK:
            _link(folder, store, root, path, entry)
        else:
            content = store.read(entry.oid, limit=limits.file_bytes)
            budget.add(path, len(content))
            _file(folder / path, content, entry.mode)


def _link(folder: Path, store: Store, root: str, path: str, entry: Entry) -> None:
    """Write a symlink after it was followed to its end: what does not raise stays inside."""
    find(store, root, path)
    target = store.read(entry.oid, limit=4096)
    (folder / path).symlink_to(os.fsdecode(target))


def _file(path: Path, content: bytes, mode: int) -> None:
    """Write a new file, never through something that is already there (file systems that ignore case)."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(path, flags, 0o555 if mode == EXECUTABLE else 0o444)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
