"""`plat preview`: what `plat up` would do. Nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from plat.cli.console import Format, Output, directory, print_json, run_async, say, warn

if TYPE_CHECKING:
    from plat.app.settings import RunSettings
    from plat.cluster.applications.foreseeing import Foreseen, Prospect

_SIGNS = {"create": "+", "configure": "~", "delete": "-", "run": ">", "keep": "="}


def run(
    ctx: typer.Context,
    apps: Annotated[list[str] | None, typer.Argument(help="Only these applications.")] = None,
    context: Annotated[str, typer.Option(help="A kubeconfig context that stands for in-cluster.")] = "",
    output: Output = Format.TEXT,
) -> None:
    """Show what `plat up` would change: every object, every field, each tried by a server-side dry run.

    Exit code 1 if something could not be compared or would be refused.
    """
    from plat.app.settings import RunSettings  # noqa: PLC0415  # heavy, and `--help` does not need it

    given = RunSettings(directory=directory(ctx), context=context, only=frozenset(apps or ()), command="preview")
    raise typer.Exit(run_async(_preview(given, output)))


async def _preview(settings: RunSettings, output: Format) -> int:
    from plat.app.previewing import failed, looking, prospects  # noqa: PLC0415  # as above

    async with looking(settings) as look:
        found = await prospects(look, settings.only)
        problems = [*look.opened.problems, *look.problems]
        if output is Format.JSON:
            print_json({"stack": look.opened.stack.name, "applications": [prospect.facts() for prospect in found]})
        else:
            for problem in problems:
                warn(f"{problem.where}: {problem.args[0]}" + (f" ({problem.remedy})" if problem.remedy else ""))
            _show(found)
        return int(failed(found) or bool(problems))


def _show(found: list[Prospect]) -> None:
    quiet = [prospect for prospect in found if prospect.code == "in-sync"]
    for prospect in found:
        if prospect.code != "in-sync":
            _show_one(prospect)
    counts: dict[str, int] = {}
    for prospect in found:
        for item in prospect.objects:
            if prospect.automatic:
                counts[item.verb.value] = counts.get(item.verb.value, 0) + 1
    if quiet:
        say(f"{len(quiet)} of {len(found)} applications are in sync.")
    changes = ", ".join(f"{count} to {verb}" for verb, count in counts.items() if verb != "keep")
    say(f"Plan: {changes}. `plat up` does it." if changes else "Plan: nothing to do.")


def _show_one(prospect: Prospect) -> None:
    revision = prospect.revisions[0][:7] if prospect.revisions else ""
    place = " ".join(part for part in (f"on {prospect.cluster}" if prospect.cluster else "", revision) if part)
    say(f"{prospect.app} {place}: {prospect.because}".replace(" :", ":"))
    wave = ("Sync", 0)
    for item in prospect.objects:
        if (item.phase, item.wave) != wave:
            say(f"  {item.phase}, wave {item.wave}")
        wave = (item.phase, item.wave)
        _show_object(item)
    say()


def _show_object(item: Foreseen) -> None:
    say(f"  {_SIGNS[item.verb.value]} {item.ref}")
    for change in item.changes:
        say(f"      {change.path.lstrip('.')}: {_short(change.live)} -> {_short(change.git)}")
    if item.problem:
        say(f"      would be refused: {item.problem}")


def _short(value: object) -> str:
    if value is None:
        return "(absent)"
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004  # what fits on a line
