"""Hook `plat_generators`: parameter sets for an ApplicationSet."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from plat.api._capabilities import Cluster, Eval, Git, Http, Render
from plat.api._plugin import Answer, Context, Plugin, reading
from plat.api._values import JSON


@dataclass(frozen=True, kw_only=True)
class GeneratorContext(Context):
    """What a generator may use."""

    git: Git
    http: Http
    clusters: Sequence[Cluster]
    """All clusters of the stack, by name."""
    render: Render
    eval: Eval
    go_template: bool
    """False: the plain engine, whose keys are flat."""
    go_template_options: Sequence[str]
    """Options of text/template, such as `missingkey=error`."""
    project: str = ""
    """The project that the set names, if any."""


class Generator(Plugin):
    """Give the parameter sets of an ApplicationSet. The core does selectors, matrix, merge, templates, deletion.

    `kind` is the key under which the generator stands in the manifest; where one key covers several generators, a
    dot and the distinguishing field follow it: `git.directories`.
    """

    every: ClassVar[timedelta] = timedelta(minutes=3)
    """How old an answer may get that depends on more than git and clusters."""

    @reading
    @abstractmethod
    def generate(self, ctx: GeneratorContext) -> Answer[Sequence[Mapping[str, JSON]]]:
        """Return all sets, in a stable order."""
