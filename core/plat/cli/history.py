"""`plat history`: what happened, from the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from plat.cli.console import Format, Output, directory, print_json, print_table, run_async, say

if TYPE_CHECKING:
    from plat.app.settings import RunSettings

COLUMNS = {"at": "AT", "type": "WHAT", "subject": "SUBJECT", "by": "BY", "because": "BECAUSE"}


def run(
    ctx: typer.Context,
    app: Annotated[str, typer.Option(help="Only rows about this application.")] = "",
    limit: Annotated[int, typer.Option(help="How many rows, the newest; 0 for all.")] = 20,
    verify: Annotated[bool, typer.Option("--verify", help="Check the ledger's hash chain; exit 1 if broken.")] = False,
    output: Output = Format.TEXT,
) -> None:
    """Show what was synced, what drifted and was healed, oldest first."""
    from plat.app.settings import RunSettings  # noqa: PLC0415  # heavy, and `--help` does not need it

    settings = RunSettings(directory(ctx), command="history")
    raise typer.Exit(run_async(_verify(settings) if verify else _history(settings, app, limit, output)))


async def _history(settings: RunSettings, app: str, limit: int, output: Format) -> int:
    from plat.app.reading import remembered  # noqa: PLC0415  # as above

    async with remembered(settings) as found:
        rows = await found.ledger.query(limit=0 if app else limit)
        rows = [
            row for row in rows if not app or app in (row.subject, row.subject.partition(":")[0].rpartition("/")[2])
        ]
        rows = list(reversed(rows[:limit] if limit else rows))
        if output is Format.JSON:
            print_json([{**{key: getattr(row, key) for key in COLUMNS}, "facts": row.facts} for row in rows])
            return 0
        shown = [
            {**vars(row), "at": row.at.strftime("%Y-%m-%d %H:%M:%S"), "because": _line(row.because)} for row in rows
        ]
        print_table(shown, COLUMNS, empty="The ledger is empty; `plat up` writes to it.")
        return 0


async def _verify(settings: RunSettings) -> int:
    from plat.app.reading import remembered  # noqa: PLC0415  # as above

    async with remembered(settings) as found:
        verified = await found.ledger.verify()
        say(f"{verified.rows} rows, chain intact." if verified.ok else f"The ledger was tampered with: {verified.why}")
        return int(not verified.ok)


def _names(subject: str) -> tuple[str, str]:
    """Return the id and the name of the application that a row is about."""
    app = subject.partition(":")[0]
    return app, app.rpartition("/")[2]


def _line(text: str) -> str:
    first = text.splitlines()[0] if text else ""
    return first if len(first) <= 80 else f"{first[:77]}..."  # noqa: PLR2004  # what fits on a line
