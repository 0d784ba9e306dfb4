"""Value files of a chart: in its own repository, in that of a source with a `ref`, by glob; nothing else."""

from __future__ import annotations

import posixpath
import re
from typing import Final

from plat.api import RenderContext, Tree, UnsupportedError, UserError, nearest, substitute

REFS: Final = ".plat/refs"
"""Where files of other sources appear among those of the chart's repository: outside of the chart."""

_ADDRESS: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
_REF: Final = re.compile(r"\$([A-Za-z0-9_-]+)/(.*)", re.DOTALL)
_MAGIC: Final = re.compile(r"[*?\[]")


class Files:
    """Looks up the files that a `helm` block names, and collects what they contain."""

    def __init__(self, ctx: RenderContext) -> None:
        self._ctx = ctx
        self.contents: dict[str, bytes] = {}
        """By the path under which Helm finds each."""

    def values(self, name: str, where: str, *, optional: bool) -> list[str]:
        """Return the paths of a value file, or of all that match a glob, in order of name.

        Raises UserError where there is none, unless `optional`.
        """
        tree, path, prefix = self._place(name, where)
        found = sorted(tree.files(path))
        if not found and not optional:
            remedy = "correct the path, or set ignoreMissingValueFiles"
            raise UserError(f"there is no file {name!r}", where=where, remedy=remedy)
        return [self._taken(tree, file, prefix) for file in found]

    def one(self, name: str, where: str) -> str:
        """Return the path of exactly one file. Raises UserError where there is none."""
        tree, path, prefix = self._place(name, where)
        if _MAGIC.search(path) or not tree.files(path):
            raise UserError(f"there is no file {name!r}", where=where, remedy="correct the path")
        return self._taken(tree, path, prefix)

    def _taken(self, tree: Tree, path: str, prefix: str) -> str:
        key = posixpath.join(prefix, path)
        self.contents[key] = tree.read(path)
        return key

    def _place(self, name: str, where: str) -> tuple[Tree, str, str]:
        """Return the tree, the path in it, and what its paths begin with among the chart's files."""
        match = _REF.match(name)
        if match and match[1] in self._ctx.refs:
            path = substitute(match[2], self._ctx.env)
            return self._ctx.refs[match[1]], _inside(path.lstrip("/"), name, where), f"{REFS}/{match[1]}"
        path = substitute(name, self._ctx.env)
        if match and match[1] not in self._ctx.env:
            refs = [f"${ref}" for ref in self._ctx.refs]
            raise UserError(f"no source has the ref {match[1]!r}", where=where, remedy=nearest(f"${match[1]}", refs))
        if _ADDRESS.match(path):
            remedy = "keep the file in git, in this repository or in a source with a ref"
            raise UnsupportedError("value files by address are not supported yet", where=where, remedy=remedy)
        whole = path.lstrip("/") if path.startswith("/") else posixpath.join(self._ctx.path, path)
        return self._ctx.tree, _inside(whole, name, where), ""


def _inside(path: str, name: str, where: str) -> str:
    normal = posixpath.normpath(path)
    if normal.startswith("..") or posixpath.isabs(normal):
        raise UserError(f"{name!r} leads out of the repository", where=where, remedy="keep it inside")
    return normal
