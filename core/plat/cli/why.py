"""`plat why`: why an application is as it is, looked at now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from plat.api import UserError, nearest
from plat.cli.console import Format, Output, directory, print_json, run_async, say

if TYPE_CHECKING:
    from plat.app.settings import RunSettings
    from plat.cluster.applications import Observed
    from plat.engine import Decision


def run(
    ctx: typer.Context,
    app: Annotated[str, typer.Argument(help="The application's name.")],
    context: Annotated[str, typer.Option(help="A kubeconfig context that stands for in-cluster.")] = "",
    output: Output = Format.TEXT,
) -> None:
    """Explain one application: what differs, what is unhealthy, what would be done next or is waited for."""
    from plat.app.settings import RunSettings  # noqa: PLC0415  # heavy, and `--help` does not need it

    run_async(_why(RunSettings(directory(ctx), context=context, command="why"), app, output))


async def _why(settings: RunSettings, app: str, output: Format) -> None:
    from plat.app.previewing import explain, looking  # noqa: PLC0415  # as above

    async with looking(settings) as look:
        names = {entry.application.name: entry.application.id for entry in look.kept.catalog.entries()}
        found = await explain(look, names.get(app, app))
        if found is None:
            raise UserError(f"there is no application {app!r}", remedy=nearest(app, list(names)))
        observed, decision = found
        if output is Format.JSON:
            print_json(_facts(observed, decision))
        else:
            _show(observed, decision)


def _facts(observed: Observed, decision: Decision) -> dict[str, object]:
    return {
        "application": observed.app.id,
        "code": decision.because.code,
        "text": str(decision.because),
        "facts": decision.because.facts,
        "standing": decision.standing.value,
        "wakeAt": decision.wake_at,
        "next": [f"{type(effect).__name__} {effect.id}" for batch in decision.batches for effect in batch.effects],
    }


def _show(observed: Observed, decision: Decision) -> None:
    say(str(decision.because))
    for item in observed.compared:
        if item.status != "Synced":
            what = "missing" if item.live is None else "to prune" if item.extra else item.status
            say(f"  {item.ref}: {item.error or what}")
            for change in item.changes:
                say(f"      {change.path.lstrip('.')}: live {change.live}, git {change.git}")
    for ref, health in observed.health.items():
        if health is not None and health.status.value != "Healthy":
            say(f"  {ref}: {health.status.value} {health.because}".rstrip())
    if decision.wake_at is not None:
        say(f"  looked at again at {decision.wake_at:%H:%M:%S}")
    state = observed.state
    if state is not None and state.operation is not None:
        operation = state.operation
        say(f"  last sync: {operation.phase} {operation.finished_at or operation.started_at}: {operation.message}")
