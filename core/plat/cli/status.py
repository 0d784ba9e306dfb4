"""`plat status`: how everything stood when somebody last looked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from plat.api import UserError
from plat.cli.console import Format, Output, directory, print_json, print_table, run_async, say

if TYPE_CHECKING:
    from plat.app.settings import RunSettings
    from plat.cluster.catalog import Entry
    from plat.cluster.fleet import Fleet

COLUMNS = {
    "application": "APPLICATION",
    "cluster": "CLUSTER",
    "sync": "SYNC",
    "health": "HEALTH",
    "revision": "REVISION",
    "since": "SINCE",
    "message": "MESSAGE",
}


def run(ctx: typer.Context, output: Output = Format.TEXT) -> None:
    """Show each application as the last run left it, and who runs the stack now. No cluster is asked."""
    from plat.app.settings import RunSettings  # noqa: PLC0415  # heavy, and `--help` does not need it

    run_async(_status(RunSettings(directory(ctx), command="status"), output))


async def _status(settings: RunSettings, output: Format) -> None:
    from plat.app.reading import remembered  # noqa: PLC0415  # as above

    async with remembered(settings) as found:
        rows = [_row(entry, found.opened.fleet) for entry in found.catalog.entries()]
        holder = str(found.holder) if found.holder else ""
        if output is Format.JSON:
            print_json({"stack": found.opened.stack.name, "running": holder, "applications": rows})
            return
        print_table(rows, COLUMNS, empty="Nothing has run yet; `plat up` does.")
        if holder:
            say(f"Running now: {holder}")


def _cluster(entry: Entry, fleet: Fleet) -> str:
    """Return the name of the destination's cluster, or what the application says where it is not known."""
    destination = entry.application.destination
    try:
        return fleet.find(destination).name
    except UserError:
        return destination.name or destination.server


def _row(entry: Entry, fleet: Fleet) -> dict[str, Any]:
    state = entry.state
    row: dict[str, Any] = {"application": entry.application.name, "cluster": _cluster(entry, fleet)}
    if state is None:
        return {**row, "sync": "Unknown", "health": "Unknown", "message": "not looked at yet"}
    message = "; ".join(condition.message for condition in state.conditions) or state.health.because
    if not message and state.operation is not None and state.operation.phase != "Succeeded":
        message = state.operation.message
    return {
        **row,
        "sync": state.sync,
        "health": state.health.status.value,
        "revision": ", ".join(revision[:7] for revision in state.revisions),
        "since": state.reconciled_at,
        "message": "being removed" if entry.removing else message,
    }
