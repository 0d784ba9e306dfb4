"""One parameter set for each object in the matching files of a repository."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import Field

from plat.api import JSON, Generator, GeneratorContext, Part, Tree, UserError, flattened
from plat_argocd.generators.globs import matches_file
from plat_argocd.generators.parameters import Parameters, path_parameters, with_values

_MAGIC: Final = frozenset("*?[{\\")


class File(Part):
    """One pattern; an excluding one wins over all that include."""

    path: str
    exclude: bool = False


class GitFiles(Generator):
    """`git` with `files` (spec/cluster §8.3)."""

    kind = "git.files"
    needs = frozenset({"git", "render", "eval"})
    repo_url: str = Field(min_length=1)
    revision: str = ""
    files: tuple[File, ...]
    values: Mapping[str, str] = {}
    path_param_prefix: str = ""
    requeue_after_seconds: int | None = None
    doublestar: bool = False
    """How patterns match: set by the dialect, from the operator's choice."""

    async def generate(self, ctx: GeneratorContext) -> Sequence[Mapping[str, JSON]]:
        """Return the sets in order of the files. Raises UserError for a file that is no object and no list of them."""
        tree = await ctx.git.tree(self.repo_url, self.revision or "HEAD")
        sets: list[Mapping[str, JSON]] = []
        for path in self._paths(tree):
            for found in await _objects(ctx, tree, path):
                parameters = self._parameters(found, path, go_template=ctx.go_template)
                sets.append(await with_values(ctx, parameters, self.values))
        return sets

    def _paths(self, tree: Tree) -> list[str]:
        wanted = [item.path for item in self.files if not item.exclude]
        unwanted = [item.path for item in self.files if item.exclude]
        found = tree.files(*(glob for pattern in wanted for glob in _listed(pattern))) if wanted else ()
        return sorted(path for path in found if self._any(wanted, path) and not self._any(unwanted, path))

    def _any(self, patterns: Sequence[str], path: str) -> bool:
        return any(matches_file(pattern, path, doublestar=self.doublestar) for pattern in patterns)

    def _parameters(self, found: Mapping[str, JSON], path: str, *, go_template: bool) -> Parameters:
        folder, name = posixpath.split(path)
        place = path_parameters(folder or ".", go_template=go_template, prefix=self.path_param_prefix, filename=name)
        return {**(found if go_template else flattened(found)), **place}


def _listed(pattern: str) -> list[str]:
    """Return globs for what a pattern can match at most, so that changes elsewhere in the repository do not count."""
    fixed: list[str] = []
    for segment in pattern.split("/"):
        if set(segment) & _MAGIC:
            return ["/".join([*fixed, "**"])]
        fixed.append(segment)
    return [pattern, "/".join([*fixed, "**"])] if pattern not in ("", ".") else ["**"]


async def _objects(ctx: GeneratorContext, tree: Tree, path: str) -> Sequence[Mapping[str, JSON]]:
    documents = await ctx.render.yaml(tree.read(path), where=path)
    if not documents:
        return [{}]
    if len(documents) > 1:
        raise UserError("holds several documents", where=path, remedy="write them as one list")
    value: JSON = documents[0]
    objects = value if isinstance(value, list) else [value]
    if not all(isinstance(item, Mapping) for item in objects):
        raise UserError("is neither an object nor a list of objects", where=path, remedy="write `key: value` lines")
    return objects
