"""One parameter set for each matching directory of a repository."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import Field

from plat.api import JSON, Generator, GeneratorContext, Part
from plat_argocd.generators.globs import matches
from plat_argocd.generators.parameters import path_parameters, with_values


class Directory(Part):
    """One pattern; an excluding one wins over all that include."""

    path: str
    exclude: bool = False


class GitDirectories(Generator):
    """`git` with `directories` (spec/cluster §8.3)."""

    kind = "git.directories"
    needs = frozenset({"git", "eval"})
    repo_url: str = Field(min_length=1)
    revision: str = ""
    directories: tuple[Directory, ...]
    values: Mapping[str, str] = {}
    path_param_prefix: str = ""
    requeue_after_seconds: int | None = None

    async def generate(self, ctx: GeneratorContext) -> Sequence[Mapping[str, JSON]]:
        """Return one set for each directory, in the order of a walk, but for those whose name begins with a dot."""
        tree = await ctx.git.tree(self.repo_url, self.revision or "HEAD")
        wanted = [item.path for item in self.directories if not item.exclude]
        unwanted = [item.path for item in self.directories if item.exclude]
        found = set(tree.directories(*wanted)) if wanted else set()
        paths = [path for path in found if _visible(path) and _any(wanted, path) and not _any(unwanted, path)]
        sets = [
            path_parameters(path, go_template=ctx.go_template, prefix=self.path_param_prefix)
            for path in sorted(paths, key=lambda path: path.split("/"))
        ]
        return [await with_values(ctx, parameters, self.values) for parameters in sets]


def _any(patterns: Sequence[str], path: str) -> bool:
    return any(matches(pattern, path) for pattern in patterns)


def _visible(path: str) -> bool:
    return bool(path) and not any(segment.startswith(".") for segment in path.split("/"))
