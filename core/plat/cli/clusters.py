"""`plat cluster`: real Kubernetes on this machine, without a container engine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from plat.cli.console import Format, Output, print_json, print_table, run_async, say

if TYPE_CHECKING:
    from plat.api import ClusterProvider, ProviderContext
    from plat.host import Caller

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help="Create, list and delete local clusters.")

Name = Annotated[str, typer.Argument(help="The cluster's name.")]
Use = Annotated[str, typer.Option(help="The kind of cluster provider.")]


@app.command()
def create(name: Name, use: Use = "local") -> None:
    """Bring a cluster up; one that runs already is fine. Prints how to reach it."""
    provider, ctx, caller = _provider(name, use)
    run_async(caller.call(provider, "create", ctx))
    connection = run_async(caller.call(provider, "connect", ctx))
    say(f"Cluster {name} is up: {connection.kubeconfig['clusters'][0]['cluster']['server']}")
    say(f"  kubectl --kubeconfig {ctx.work}/{name}/kubeconfig get namespaces")


@app.command("list")
def list_(use: Use = "local", output: Output = Format.TEXT) -> None:
    """List the clusters that were created here."""
    provider, ctx, caller = _provider("", use)
    rows = [{"name": name, "use": use} for name in run_async(caller.call(provider, "names", ctx))]
    if output is Format.JSON:
        print_json(rows)
    else:
        print_table(rows, {"name": "NAME", "use": "USE"}, empty="No cluster. `plat cluster create NAME` makes one.")


@app.command()
def delete(name: Name, use: Use = "local") -> None:
    """Take a cluster down and forget it; one that is gone already is fine."""
    provider, ctx, caller = _provider(name, use)
    run_async(caller.call(provider, "delete", ctx))
    say(f"Cluster {name} is gone.")


def _provider(name: str, use: str) -> tuple[ClusterProvider, ProviderContext, Caller]:
    from plat.app.clusters import lone_provider  # noqa: PLC0415  # heavy, and `--help` does not need it

    return lone_provider(name, use, progress=say, environ=os.environ)
