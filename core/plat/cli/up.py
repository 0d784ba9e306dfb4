"""`plat up`: bring the world to what git says, then exit."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from plat.cli.console import directory, run_async


def run(
    ctx: typer.Context,
    apps: Annotated[list[str] | None, typer.Argument(help="Only these applications.")] = None,
    context: Annotated[str, typer.Option(help="A kubeconfig context that stands for in-cluster.")] = "",
    timeout: Annotated[str, typer.Option(help="How long to wait for everything to be in order.")] = "10m",
    time_scale: Annotated[float, typer.Option(help="Run plat's own waits this many times faster.")] = 1.0,
) -> None:
    """Bring clusters to what git says, wait until everything is in order, and exit.

    Exit code 0: in order. 1: something failed. 3: unfinished, waiting for somebody or something that is named.
    """
    from plat.api import read_duration  # noqa: PLC0415  # heavy, and `--help` does not need it
    from plat.app.settings import RunSettings  # noqa: PLC0415  # as above
    from plat.app.up import bring_up  # noqa: PLC0415  # as above
    from plat.cli.reporting import reporter  # noqa: PLC0415  # as above

    try:
        limit = read_duration(timeout)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    assert isinstance(limit, timedelta)  # noqa: S101  # a text is read or refused
    given = RunSettings(
        directory=directory(ctx),
        context=context,
        only=frozenset(apps or ()),
        time_scale=time_scale,
        command="up",
    )
    raise typer.Exit(run_async(bring_up(given, reporter(), within=limit)))
