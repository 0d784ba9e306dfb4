"""Generator `teams`: one set of parameters for each line of a CSV file in git."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from plat.api import JSON, Generator, GeneratorContext, UserError, hookimpl


class Teams(Generator):
    """`teams`: the names of the columns are the names of the parameters."""

    kind = "teams"
    needs = frozenset({"git"})
    repo_url: str
    path: str
    revision: str = "HEAD"

    async def generate(self, ctx: GeneratorContext) -> Sequence[Mapping[str, JSON]]:
        """Return the lines in order. Raises UserError for a line that has more or fewer fields than the first."""
        tree = await ctx.git.tree(self.repo_url, self.revision)
        lines = list(csv.reader(io.StringIO(tree.read(self.path).decode())))
        names = lines[0] if lines else []
        for number, fields in enumerate(lines[1:], start=2):
            if len(fields) != len(names):
                remedy = f"give it these fields: {', '.join(names)}"
                raise UserError(f"has {len(fields)} fields", where=f"{self.path}:{number}", remedy=remedy)
        return [dict(zip(names, fields, strict=True)) for fields in lines[1:]]


@hookimpl
def plat_generators() -> list[type[Generator]]:
    """Register the generator."""
    return [Teams]
