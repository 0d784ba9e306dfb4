"""`plat validate`: check the stack's files without touching any cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from plat.cli.console import Format, Output, directory, print_json, run_async, say, warn

if TYPE_CHECKING:
    from pathlib import Path

    from plat.app.opening import Opened


def run(ctx: typer.Context, output: Output = Format.TEXT) -> None:
    """Read plat.yaml and every manifest, and name what is wrong with file, line and remedy; exit 1 if anything is."""
    raise typer.Exit(run_async(_validate(directory(ctx), output)))


async def _validate(where: Path, output: Format) -> int:
    from plat.app.opening import open_stack  # noqa: PLC0415  # heavy, and `--help` does not need it
    from plat.app.settings import RunSettings  # noqa: PLC0415  # as above

    async with open_stack(RunSettings(where)) as opened:
        if output is Format.JSON:
            print_json(_facts(opened))
        else:
            _show(opened)
        return int(bool(opened.problems))


def _facts(opened: Opened) -> dict[str, object]:
    problems = [{"where": p.where, "message": p.args[0], "remedy": p.remedy} for p in opened.problems]
    return {"stack": opened.stack.name, "problems": problems, "found": _counts(opened)}


def _show(opened: Opened) -> None:
    for problem in opened.problems:
        warn(f"{problem.where}: {problem.args[0]}")
        if problem.remedy:
            warn(f"  To mend it: {problem.remedy}")
    for where, note in opened.inventory.notes:
        say(f"{where}: {note.path}: {note.message}" + (f"; use {note.instead}" if note.instead else ""))
    counts = ", ".join(f"{count} {name}" for name, count in _counts(opened).items() if count)
    say(f"Stack {opened.stack.name}: {counts or 'nothing that plat reads'}.")
    for kind, count in sorted(opened.inventory.unclaimed.items()):
        say(f"  left alone: {count} {kind} (no installed plug-in reads this kind)")


def _counts(opened: Opened) -> dict[str, int]:
    inventory = opened.inventory
    return {
        "applications": len(inventory.applications),
        "application sets": len(inventory.sets),
        "projects": len(inventory.projects),
        "clusters": len(opened.fleet.members()),
        "repository credentials": len(inventory.repositories),
    }
