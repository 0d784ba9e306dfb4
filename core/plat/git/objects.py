"""Git objects by id, read through one warm `git cat-file` a repository, and checked against their ids.

Reading blocks: an object of a local mirror takes some 50 microseconds. Safe to use from several threads.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import threading
import weakref
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from plat.api import UnavailableError, UserError

TREE: Final = 0o40000
LINK: Final = 0o120000
MODULE: Final = 0o160000
EXECUTABLE: Final = 0o100755
FILE: Final = 0o100644
MAX_TREE: Final = 32 << 20
"""Bytes of one tree object: some 800,000 names. Larger ones are an attack, or no tree for people."""
_FORBIDDEN: Final = re.compile(r"\.|\.\.|\.git|git~1|", re.IGNORECASE)


class Entry(NamedTuple):
    """One name of a directory: what it is, and its object id."""

    mode: int
    oid: str


Directory = Mapping[str, Entry]


class Store(Protocol):
    """Where objects come from: a mirror, or an overlay on one."""

    def read(self, oid: str, *, limit: int) -> bytes:
        """Return the content of a blob."""
        ...

    def tree(self, oid: str) -> Directory:
        """Return the names of a directory."""
        ...

    def listing(self, oid: str) -> str:
        """Return a digest of the names and kinds in a directory, whatever their content."""
        ...


class Trees:
    """Parsed directories by id, of all repositories together; the ones not used for longest go first."""

    def __init__(self, *, names: int = 400_000) -> None:
        self._limit, self._names = names, 0
        self._known: OrderedDict[str, Directory] = OrderedDict()
        self._listings: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, oid: str) -> Directory | None:
        """Return a directory that is known."""
        with self._lock:
            found = self._known.get(oid)
            if found is not None:
                self._known.move_to_end(oid)
            return found

    def add(self, oid: str, data: bytes) -> Directory:
        """Parse a tree object and remember it."""
        directory = MappingProxyType(parse_tree(data))
        with self._lock:
            if oid not in self._known:
                self._known[oid] = directory
                self._names += len(directory) + 1
            while self._names > self._limit and len(self._known) > 1:
                _, oldest = self._known.popitem(last=False)
                self._names -= len(oldest) + 1
        return directory

    def listing(self, oid: str, directory: Directory) -> str:
        """Return the digest of the names and kinds in a directory."""
        with self._lock:
            if oid not in self._listings:
                text = "\0".join(f"{entry.mode & 0o170000:o} {name}" for name, entry in sorted(directory.items()))
                self._listings[oid] = hashlib.sha1(text.encode("utf-8", "surrogateescape")).hexdigest()  # noqa: S324  # a cache key of git's own kind
                if len(self._listings) > self._limit // 8:
                    self._listings.popitem(last=False)
            return self._listings[oid]


class Objects:
    """The objects of one repository."""

    def __init__(self, git_dir: Path, environ: Mapping[str, str], trees: Trees) -> None:
        self._git_dir, self._environ, self._trees = git_dir, environ, trees
        self.damaged = False
        """Whether an object was missing or not what its id says; the mirror should be made anew."""
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._end: weakref.finalize[[subprocess.Popen[bytes]], Objects] | None = None

    def read(self, oid: str, *, limit: int) -> bytes:
        """Return the content of a blob. Raises UserError if it has more than `limit` bytes."""
        return self._object(oid, "blob", limit)

    def tree(self, oid: str) -> Directory:
        """Return the names of a directory."""
        return self._trees.get(oid) or self._trees.add(oid, self._object(oid, "tree", MAX_TREE))

    def listing(self, oid: str) -> str:
        """Return a digest of the names and kinds in a directory."""
        return self._trees.listing(oid, self.tree(oid))

    def commit(self, oid: str) -> bytes | None:
        """Return the text of a commit, or None where the repository has no such commit."""
        with self._lock:
            kind, data = self._ask(oid, MAX_TREE)
        return data if kind == "commit" else None

    def close(self) -> None:
        """End the warm process; the next read starts another."""
        with self._lock:
            self._stop()

    def _object(self, oid: str, kind: str, limit: int) -> bytes:
        with self._lock:
            found, data = self._ask(oid, limit)
        if found != kind:
            self.damaged = True
            raise UnavailableError(f"{kind} {oid} is missing in {self._git_dir}", code="damaged")
        return data

    def _ask(self, oid: str, limit: int) -> tuple[str, bytes]:
        """Return kind and content; the kind is empty for what is missing. A dead process is replaced once."""
        for last in (False, True):
            process = self._running()
            try:
                return self._exchange(process, oid, limit)
            except (BrokenPipeError, EOFError):
                self._stop()
                if last:
                    self.damaged = True
                    raise UnavailableError(f"git cannot read {self._git_dir}", code="damaged") from None
        raise AssertionError

    def _exchange(self, process: subprocess.Popen[bytes], oid: str, limit: int) -> tuple[str, bytes]:
        assert process.stdin is not None  # noqa: S101  # Popen was given pipes; mypy cannot know
        assert process.stdout is not None  # noqa: S101
        process.stdin.write(f"{oid}\n".encode())
        process.stdin.flush()
        header = process.stdout.readline().split()
        if not header:
            raise EOFError
        if len(header) != 3 or not header[2].isdigit():  # noqa: PLR2004  # `<id> <kind> <size>`, else `<id> missing`
            return "", b""
        kind, size = header[1].decode(), int(header[2])
        if size > limit:
            self._stop()
            text = f"{kind} {oid} has {size:,} bytes, {limit:,} are allowed"
            raise UserError(text, remedy="keep large files elsewhere")
        data = process.stdout.read(size + 1)[:-1]
        if len(data) != size:
            raise EOFError
        if object_id(kind, data) != oid:
            self.damaged = True
            raise UnavailableError(f"{kind} {oid} is damaged in {self._git_dir}", code="damaged")
        return kind, data

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._stop()
            command = ["git", f"--git-dir={self._git_dir}", "cat-file", "--batch"]
            self._process = subprocess.Popen(
                command,
                env=dict(self._environ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            self._end = weakref.finalize(self, _end, self._process)
        return self._process

    def _stop(self) -> None:
        if self._end is not None:
            self._end()
        self._process = self._end = None


def object_id(kind: str, data: bytes) -> str:
    """Return the id that git gives to an object."""
    return hashlib.sha1(b"%s %d\0" % (kind.encode(), len(data)) + data).hexdigest()  # noqa: S324  # git's own ids


def parse_tree(data: bytes) -> dict[str, Entry]:
    """Parse a tree object. Raises UserError for names that could lead out of a directory when written to disk."""
    entries: dict[str, Entry] = {}
    at = 0
    while at < len(data):
        space = data.index(b" ", at)
        null = data.index(b"\0", space)
        name = data[space + 1 : null].decode("utf-8", "surrogateescape")
        if _FORBIDDEN.fullmatch(name) or "/" in name:
            raise UserError(f"a directory of the repository holds the forbidden name {name!r}")
        entries[name] = Entry(int(data[at:space], 8), data[null + 1 : null + 21].hex())
        at = null + 21
    return entries


def format_tree(entries: Directory) -> bytes:
    """Return the tree object of a directory, in git's order."""
    ordered = sorted(entries.items(), key=lambda item: _sort_key(item[0], item[1]))
    return b"".join(
        b"%o %s\0" % (entry.mode, name.encode("utf-8", "surrogateescape")) + bytes.fromhex(entry.oid)
        for name, entry in ordered
    )


def _sort_key(name: str, entry: Entry) -> bytes:
    return name.encode("utf-8", "surrogateescape") + (b"/" if entry.mode == TREE else b"")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:  # what was not read by the dead process is of no interest
                continue
    process.wait()
