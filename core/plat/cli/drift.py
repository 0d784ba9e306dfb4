"""`plat drift`: live state that differed from git though git had not changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from plat.cli.console import Format, Output, directory, print_json, run_async, say

if TYPE_CHECKING:
    from plat.app.settings import RunSettings
    from plat.store import Row


def run(
    ctx: typer.Context,
    open_only: Annotated[bool, typer.Option("--open", help="Only drift that is not healed.")] = False,
    output: Output = Format.TEXT,
) -> None:
    """Show each drift: the object, which fields, who (field manager), since when, and when it was healed."""
    from plat.app.settings import RunSettings  # noqa: PLC0415  # heavy, and `--help` does not need it

    run_async(_drift(RunSettings(directory(ctx), command="drift"), open_only, output))


async def _drift(settings: RunSettings, open_only: bool, output: Format) -> None:  # as typed by users
    from plat.app.drifts import row_id  # noqa: PLC0415  # heavy, and `--help` does not need it
    from plat.app.reading import remembered  # noqa: PLC0415  # as above

    async with remembered(settings) as found:
        seen = await found.ledger.query(type="drift.seen", limit=0)
        healed = {row.facts["episode"]: row for row in await found.ledger.query(type="drift.healed", limit=0)}
        rows = [_facts(row, healed.get(row_id(row))) for row in reversed(seen)]
        rows = [row for row in rows if not (open_only and row["healed"])]
        if output is Format.JSON:
            print_json(rows)
            return
        for row in rows:
            _show(row)
        if not rows:
            say("No drift: live state has not left git since the first sync.")


def _facts(seen: Row, healed: Row | None) -> dict[str, Any]:
    facts = {key: value for key, value in seen.facts.items() if key != "key"}
    return {
        "application": seen.subject.partition(": ")[0],
        **facts,
        "seen": seen.at,
        "healed": healed.at if healed else None,
        "healedBy": healed.by if healed else "",
    }


def _show(row: dict[str, Any]) -> None:
    group = f"{row['group']}/" if row["group"] else ""
    say(f"{row['application']}: {group}{row['kind']} {row['namespace']}/{row['name']} ({row['class']})")
    for item in row["fields"]:
        since = f" since {item['since']}" if item["since"] else ""
        who = f", set by {item['manager']} ({item['operation']}){since}" if item["manager"] else ""
        say(f"    {item['path'].lstrip('.')}: git says {item['git']}, live was {item['live']}{who}")
    ended = f"healed {row['healed']:%Y-%m-%d %H:%M:%S} by {row['healedBy']}" if row["healed"] else "not healed"
    say(f"    seen {row['seen']:%Y-%m-%d %H:%M:%S}, {ended}")
