"""ApplicationSets: generators and a template become Applications, and a plan says what changes (spec/cluster §8.1-8.2).

It may not ask a cluster or a store, nor know any generator but matrix and merge: these it is given as callables.
"""

from __future__ import annotations

from plat.cluster.appset.applications import (
    Generated,
    Patch,
    Problem,
    Tools,
    Validate,
    generate,
    name_of,
    owner_reference,
)
from plat.cluster.appset.engines import Engine, GoEngine, PlainEngine, TemplateMany, Text, engine_of
from plat.cluster.appset.ignoring import Jq, settled
from plat.cluster.appset.parameters import NESTING, CallGenerator, Sets, generator_kind, named, parameter_sets
from plat.cluster.appset.plan import Plan, Step, Verb, owner_of, plan, plan_removal

__all__ = [
    "NESTING",
    "CallGenerator",
    "Engine",
    "Generated",
    "GoEngine",
    "Jq",
    "Patch",
    "PlainEngine",
    "Plan",
    "Problem",
    "Sets",
    "Step",
    "TemplateMany",
    "Text",
    "Tools",
    "Validate",
    "Verb",
    "engine_of",
    "generate",
    "generator_kind",
    "name_of",
    "named",
    "owner_of",
    "owner_reference",
    "parameter_sets",
    "plan",
    "plan_removal",
    "settled",
]
