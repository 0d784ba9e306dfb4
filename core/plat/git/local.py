"""Whether a repository on this machine moved, by looking at its refs: a few small files, no process."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def stamp(repository: Path) -> str:
    """Return a text that changes whenever a branch, a tag or HEAD does; empty if that cannot be told by looking."""
    git_dir = repository / ".git" if (repository / ".git").is_dir() else repository
    if not (git_dir / "refs").is_dir() or (git_dir / "reftable").exists() or (git_dir / "commondir").exists():
        return ""
    digest = hashlib.sha256()
    for place in (git_dir / "HEAD", git_dir / "packed-refs", *_loose(git_dir / "refs")):
        with suppress(OSError):
            digest.update(f"{place}\n".encode("utf-8", "surrogateescape") + place.read_bytes() + b"\0")
    return digest.hexdigest()


def _loose(folder: Path) -> Iterator[Path]:
    try:
        children = sorted(folder.iterdir())
    except OSError:
        return
    for child in children:
        if child.is_dir():
            yield from _loose(child)
        else:
            yield child
