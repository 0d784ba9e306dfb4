"""From a path to an object, jailed: symlinks are followed inside the tree, and refused where they lead out of it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from plat.api import UserError
from plat.git.objects import LINK, TREE, Entry, Store

MAX_LINKS: Final = 40
"""As Linux: more than so many links on one path are a loop."""
MAX_TARGET: Final = 4096


class LeavesTreeError(UserError):
    """A path or a symlink leads out of the repository."""


class DanglingLinkError(UserError):
    """A symlink leads to nothing in the repository."""


@dataclass(frozen=True)
class Found:
    """Where a path leads. `path` has no links in it; `entry` is None where there is nothing."""

    path: str
    entry: Entry | None
    links: tuple[tuple[str, str], ...] = ()
    """(path, object id) of the symlinks that were followed."""


def find(store: Store, root: str, path: str) -> Found:
    """Return where `path` leads, following symlinks as a file system would.

    Raises LeavesTreeError for absolute paths and for `..` or symlinks that lead out, UserError for a loop of symlinks.
    """
    if path.startswith("/") or "\0" in path:
        raise LeavesTreeError(f"{path!r} is not a path inside the repository", remedy="use a relative path")
    todo = deque(path.split("/"))
    trail: list[tuple[str, Entry]] = []
    links: list[tuple[str, str]] = []
    while todo:
        part = todo.popleft()
        if part in ("", "."):
            continue
        if part == "..":
            if not trail:
                raise _leaves(path, links)
            trail.pop()
            continue
        here = trail[-1][1] if trail else Entry(TREE, root)
        entry = store.tree(here.oid).get(part) if here.mode == TREE else None
        if entry is None:
            return Found(_lexical([*(name for name, _ in trail), part, *todo], path), None, tuple(links))
        if entry.mode == LINK:
            links.append(("/".join([*(name for name, _ in trail), part]), entry.oid))
            todo.extendleft(reversed(_target(store, entry, path, links)))
        else:
            trail.append((part, entry))
    return Found("/".join(name for name, _ in trail), trail[-1][1] if trail else Entry(TREE, root), tuple(links))


def raw(store: Store, root: str, path: str) -> Entry | None:
    """Return what stands at a path itself: no symlink is followed."""
    entry = Entry(TREE, root)
    for part in path.split("/") if path else ():
        found = store.tree(entry.oid).get(part) if entry.mode == TREE else None
        if found is None:
            return None
        entry = found
    return entry


def _target(store: Store, entry: Entry, path: str, links: list[tuple[str, str]]) -> list[str]:
    if len(links) > MAX_LINKS:
        raise UserError("is a loop of symlinks", where=path, remedy="remove one of them")
    target = store.read(entry.oid, limit=MAX_TARGET).decode("utf-8", "surrogateescape")
    if target.startswith("/"):
        raise _leaves(path, links)
    return target.split("/")


def _lexical(parts: list[str], path: str) -> str:
    """The path of what does not exist, so that it can be recorded that it does not."""
    steps: list[str] = []
    for part in parts:
        if part == "..":
            if not steps:
                raise _leaves(path, [])
            steps.pop()
        elif part not in ("", "."):
            steps.append(part)
    return "/".join(steps)


def _leaves(path: str, links: list[tuple[str, str]]) -> LeavesTreeError:
    through = f" through the symlink {links[-1][0]!r}" if links else ""
    return LeavesTreeError(f"leads out of the repository{through}", where=path, remedy="keep it inside the repository")
