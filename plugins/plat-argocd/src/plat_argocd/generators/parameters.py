"""What all generators do with names, paths and `values`, in the plain engine and in the other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from plat.api import JSON, GeneratorContext

Parameters = dict[str, JSON]

_LONGEST: Final = 253
_PLACEHOLDER: Final = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


def normalize(name: str) -> str:
    """Return a name as Kubernetes allows it (spec/cluster §8.2, `normalize`)."""
    return re.sub(r"[^-a-z0-9.]", "-", name.lower())[:_LONGEST].strip("-.")


def path_parameters(path: str, *, go_template: bool, prefix: str = "", filename: str = "") -> Parameters:
    """Return what a directory, and a file in it, tell."""
    segments = path.split("/")
    names = {"basename": segments[-1], "basenameNormalized": normalize(segments[-1])}
    if filename:
        names |= {"filename": filename, "filenameNormalized": normalize(filename)}
    if go_template:
        inner: Parameters = {"path": {"path": path, "segments": segments, **names}}
        return {prefix: inner} if prefix else inner
    root = f"{prefix}.path" if prefix else "path"
    flat: Parameters = {root: path, **{f"{root}.{name}": value for name, value in names.items()}}
    return flat | {f"{root}[{index}]": segment for index, segment in enumerate(segments) if segment}


async def with_values(ctx: GeneratorContext, parameters: Parameters, values: Mapping[str, str]) -> Parameters:
    """Return parameters with the generator's `values`, whose placeholders see the parameters once, not each other."""
    if not values:
        return parameters
    if not ctx.go_template:
        filled = {f"values.{key}": fill(text, parameters) for key, text in values.items()}
        return parameters | filled
    options = ctx.go_template_options
    rendered = {key: await ctx.eval.template(text, parameters, options=options) for key, text in values.items()}
    return parameters | {"values": rendered}


def fill(text: str, parameters: Mapping[str, JSON]) -> str:
    """Replace `{{key}}` as the plain engine does: trimmed, looked up exactly, and left as it is where unknown."""

    def value(match: re.Match[str]) -> str:
        found = parameters.get(match[1].strip())
        return found if isinstance(found, str) else match[0]

    return _PLACEHOLDER.sub(value, text)
