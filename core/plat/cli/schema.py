"""`plat schema`: the JSON Schema of a kind of configuration, for editors."""

from __future__ import annotations

from typing import Annotated

import typer

from plat.api import Plugin, UserError, nearest
from plat.cli.console import print_json


def run(
    kind: Annotated[
        str, typer.Argument(help="`stack` for plat.yaml, or a plug-in's kind, such as kustomize.")
    ] = "stack",
) -> None:
    """Print the JSON Schema of plat.yaml or of the configuration of a plug-in's kind."""
    from plat.plugging import host, registered  # noqa: PLC0415  # heavy, and `--help` does not need it
    from plat.stack import StackFile  # noqa: PLC0415  # as above

    if kind == "stack":
        print_json(StackFile.model_json_schema(by_alias=True))
        return
    plugins = host()
    classes: dict[str, type[Plugin]] = {}
    for hook, base in registered().items():
        classes |= {entry.cls.kind: entry.cls for entry in plugins.registry(hook, base).entries()}
    if kind not in classes:
        raise UserError(f"no plug-in provides kind {kind!r}", remedy=nearest(kind, ["stack", *classes]))
    print_json(classes[kind].model_json_schema(by_alias=True))
