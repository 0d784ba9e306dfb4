"""Value files of a chart: in its own repository, in that of a source with a `ref`, by glob; nothing else."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from plat.api import RenderContext, Tree, UnsupportedError, UserError, nearest, substitute

REFS: Final = ".plat/refs"
"""Where files of other sources appear among those of the chart's repository: outside of the chart."""

_ADDRESS: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
_REF: Final = re.compile(r"\$([A-Za-z0-9_-]+)/(.*)", re.DOTALL)
_MAGIC: Final = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Place:
    """A file, or a glob of files, in one of the trees."""

    tree: Tree
    path: str
    prefix: str = ""

    @property
    def key(self) -> str:
        """Its path among all files that Helm sees."""
        return posixpath.join(self.prefix, self.path)

    @property
    def glob(self) -> bool:
        """Whether it may stand for several files."""
        return _MAGIC.search(self.path) is not None

    def at(self, path: str) -> Place:
        """Return another path of the same tree."""
        return Place(self.tree, path, self.prefix)


class Files:
    """Looks up the files that a `helm` block names, and collects what they contain."""

    def __init__(self, ctx: RenderContext) -> None:
        self._ctx = ctx
        self.contents: dict[str, bytes] = {}
        """By the path under which Helm finds each, without the slash that names begin with."""

    def values(self, names: Sequence[str], *, optional: bool) -> list[str]:
        """Return the paths of value files in order, each once: a glob gives its matches in order of name.

        What is named itself is not taken from a glob, so that its place in the order is the one that was written.
        Raises UserError where a name or a glob finds nothing, unless `optional`.
        """
        places = [self._place(name, f"helm.valueFiles.{index}") for index, name in enumerate(names)]
        named = {place.key for place in places if not place.glob}
        paths: dict[str, None] = {}
        for index, place in enumerate(places):
            found = sorted(place.tree.files(place.path))
            if not found and not optional:
                remedy = "correct the path, or set ignoreMissingValueFiles"
                raise UserError(f"there is no file {names[index]!r}", where=f"helm.valueFiles.{index}", remedy=remedy)
            files = [place.at(path) for path in found]
            for file in files:
                if not place.glob or file.key not in named:
                    paths[self._taken(file)] = None
        return list(paths)

    def one(self, name: str, where: str) -> str:
        """Return the path of exactly one file. Raises UserError where there is none."""
        place = self._place(name, where)
        if place.glob or not place.tree.files(place.path):
            raise UserError(f"there is no file {name!r}", where=where, remedy="correct the path")
        return self._taken(place)

    def _taken(self, place: Place) -> str:
        self.contents[place.key] = place.tree.read(place.path)
        return f"/{place.key}"

    def _place(self, name: str, where: str) -> Place:
        match = _REF.match(name)
        if match and match[1] in self._ctx.refs:
            path = substitute(match[2], self._ctx.env).lstrip("/")
            return Place(self._ctx.refs[match[1]], _inside(path, name, where), f"{REFS}/{match[1]}")
        path = substitute(name, self._ctx.env)
        if match and match[1] not in self._ctx.env:
            refs = [f"${ref}" for ref in self._ctx.refs]
            raise UserError(f"no source has the ref {match[1]!r}", where=where, remedy=nearest(f"${match[1]}", refs))
        if _ADDRESS.match(path):
            remedy = "keep the file in git, in this repository or in a source with a ref"
            raise UnsupportedError("value files by address are not supported yet", where=where, remedy=remedy)
        whole = path.lstrip("/") if path.startswith("/") else posixpath.join(self._ctx.path, path)
        return Place(self._ctx.tree, _inside(whole, name, where))


def _inside(path: str, name: str, where: str) -> str:
    normal = posixpath.normpath(path)
    if normal.startswith("..") or posixpath.isabs(normal):
        raise UserError(f"{name!r} leads out of the repository", where=where, remedy="keep it inside")
    return normal
