"""`plat render`: the objects of applications as YAML, so that git and kubectl are always enough."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from plat.cli.console import Format, Output, directory, print_json, run_async

if TYPE_CHECKING:
    from plat.app.settings import RunSettings


def run(
    ctx: typer.Context,
    apps: Annotated[list[str] | None, typer.Argument(help="Only these applications.")] = None,
    context: Annotated[str, typer.Option(help="A kubeconfig context that stands for in-cluster.")] = "",
    output: Output = Format.YAML,
) -> None:
    """Print what applications consist of, exactly as `plat up` applies it, ready for `kubectl apply -f -`.

    Works without a cluster: then every kind that is not Kubernetes' own counts as namespaced.
    """
    from plat.app.settings import RunSettings  # noqa: PLC0415  # heavy, and `--help` does not need it

    given = RunSettings(directory=directory(ctx), context=context, only=frozenset(apps or ()), command="render")
    run_async(_render(given, output))


async def _render(settings: RunSettings, output: Format) -> None:
    from plat.app.previewing import looking  # noqa: PLC0415  # as above
    from plat.app.rendering import rendered  # noqa: PLC0415  # as above
    from plat.gobridge import yaml  # noqa: PLC0415  # as above

    async with looking(settings) as look:
        objects = await rendered(look, settings.only)
        if output is Format.JSON:
            print_json(list(objects))
            return
        texts = [(await yaml.dump(look.opened.bridge, manifest)).decode() for manifest in objects]
        sys.stdout.write("---\n".join(texts))
