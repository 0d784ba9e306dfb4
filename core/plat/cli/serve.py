"""`plat serve`: the same loop as `plat up`, for ever."""

from __future__ import annotations

from typing import Annotated

import typer

from plat.cli.console import directory, run_async


def run(
    ctx: typer.Context,
    context: Annotated[str, typer.Option(help="A kubeconfig context that stands for in-cluster.")] = "",
) -> None:
    """Keep clusters as git says until Ctrl-C or SIGTERM: pushes and manual edits are acted on as they come."""
    from plat.app.serving import serve  # noqa: PLC0415  # heavy, and `--help` does not need it
    from plat.app.settings import RunSettings  # noqa: PLC0415  # as above
    from plat.cli.reporting import reporter  # noqa: PLC0415  # as above

    given = RunSettings(directory(ctx), context=context, command="serve")
    raise typer.Exit(run_async(serve(given, reporter())))
