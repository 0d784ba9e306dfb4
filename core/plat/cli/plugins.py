"""`plat plugins`: what is installed, whether it works, and a start for a new one."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from plat.api import UserError, nearest
from plat.cli.console import Format, Output, print_json, print_table, say

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help="List, check and create plug-ins.")

COLUMNS = {"name": "NAME", "distribution": "DISTRIBUTION", "version": "VERSION", "status": "STATUS", "kinds": "KINDS"}


@app.command("list")
def list_(
    output: Output = Format.TEXT,
    json: Annotated[bool, typer.Option("--json", help="The same as -o json.")] = False,
    hook: Annotated[str, typer.Option(help="Only plug-ins that implement this hook.")] = "",
) -> None:
    """List plug-ins with version, hooks and status; what does not work says why."""
    from plat.plugging import host, registered  # noqa: PLC0415  # heavy, and `--help` does not need it

    plugins = [info for info in host().plugins(registered()) if not hook or hook in info.hooks]
    if json or output is Format.JSON:
        print_json([asdict(info) for info in plugins])
        return
    print_table([asdict(info) for info in plugins], COLUMNS, empty="No plug-in is installed.")
    for info in plugins:
        if info.why:
            say(f"{info.name}: {info.why}")


@app.command()
def check(distribution: Annotated[str, typer.Argument(help="The distribution's name, such as plat-argocd.")]) -> None:
    """Check every plug-in of one distribution against the hooks; exit 1 if one does not work."""
    from plat.plugging import host, registered  # noqa: PLC0415  # as above

    plugins = host().plugins(registered())
    mine = [info for info in plugins if info.distribution == distribution]
    if not mine:
        names = sorted({info.distribution for info in plugins})
        raise UserError(f"no plug-in of {distribution!r} is installed", remedy=nearest(distribution, names))
    for info in mine:
        say(f"{info.name}: {info.status}" + (f" - {info.why}" if info.why else f", provides {', '.join(info.kinds)}"))
    raise typer.Exit(int(any(info.status != "active" for info in mine)))
