"""`plat plugins`: what is installed, whether it works, and a start for a new one."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from plat.api import UserError, nearest
from plat.cli.console import Format, Output, say
from plat.cli.installed import commands, places, remember, sources
from plat.cli.listing import LISTING, Row, text
from plat.cli.main import known_names

if TYPE_CHECKING:
    from plat.host import Host

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help="List, check and create plug-ins.")

COMMAND: Final = "plat.commands"
"""What stands among the hooks of a plug-in that brings a command."""
SETTLED: Final = frozenset({"active", "disabled", "incompatible"})
"""What stays so until something is installed or edited; a broken plug-in may work the next time."""


@app.command("list")
def list_(
    output: Output = Format.TEXT,
    json: Annotated[bool, typer.Option("--json", help="The same as -o json.")] = False,
    hook: Annotated[str, typer.Option(help="Only plug-ins that implement this hook, such as plat_renderers.")] = "",
) -> None:
    """List plug-ins with version, hooks and status; what does not work says why.

    The answer is remembered until something is installed, removed or edited.
    """
    before = places()
    known = _hooks()
    wanted = hook if hook in known or not hook else f"plat_{hook}"
    if wanted and wanted not in known:
        raise UserError(f"there is no hook {hook!r}", remedy=nearest(wanted, list(known)))
    rows = _rows(_host())
    if all(row["status"] in SETTLED for row in rows):
        files = sources(row["module"].partition(".")[0] for row in rows)
        answer = {"hooks": list(known), "rows": [_shown(row) for row in rows]}
        remember(LISTING, answer, os.environ, before=before, files=files)
    as_json = json or output is Format.JSON
    sys.stdout.write(text([_shown(row) for row in rows], hook=wanted, as_json=as_json))


@app.command()
def check(distribution: Annotated[str, typer.Argument(help="The distribution's name, such as plat-argocd.")]) -> None:
    """Check what one distribution brings: it loads, fits the hooks, and is documented by schemas; exit 1 if not."""
    host = _host()
    rows = _rows(host)
    mine = [row for row in rows if row["distribution"] == distribution]
    if not mine:
        names = sorted({row["distribution"] for row in rows})
        raise UserError(f"no plug-in of {distribution!r} is installed", remedy=nearest(distribution, names))
    faults = [*_schema_faults(host, {row["name"] for row in mine}), *_requirement_faults(distribution)]
    for row in mine:
        provides = ", ".join(row["kinds"]) or ", ".join(row["hooks"])
        say(f"{row['name']}: {row['status']}" + (f" - {row['why']}" if row["why"] else f", provides {provides}"))
    for fault in faults:
        say(f"{distribution}: {fault}")
    raise typer.Exit(int(bool(faults) or any(row["status"] != "active" for row in mine)))


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Its name, such as acme; the distribution is called plat-acme.")],
    hook: Annotated[str, typer.Option(help="What it shall be: renderer, generator, dialect, ... or a hook's name.")],
    directory: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="Where; ./plat-NAME if not given.")] = None,
) -> None:
    """Write a whole distribution for a new plug-in, with tests that already pass, and say what to do next."""
    from plat.cli.scaffold import Names, variant, write  # noqa: PLC0415  # only this command needs it

    names = Names.of(name)
    target = directory if directory is not None else Path(names.distribution)
    for path in write(names, variant(hook), target):
        say(f"  {path}")
    say(f"{names.distribution} is written to {target}. It works as it is; next:")
    say(f"  cd {target}")
    say('  pip install -e ".[test]"     # in the environment that plat is installed in')
    say("  pytest                       # the promises that the core relies on, as tests of yours")
    say(f"  plat plugins check {names.distribution}")
    say(f"Then write what it shall do in src/{names.module}/plugin.py.")


def _host() -> Host:
    from plat.plugging import host  # noqa: PLC0415  # heavy, and `--help` does not need it

    return host()


def _hooks() -> tuple[str, ...]:
    from plat.plugging import registered  # noqa: PLC0415  # heavy, and `--help` does not need it

    return (*registered(), "plat_event", COMMAND)


def _rows(host: Host) -> list[dict[str, Any]]:
    """Return one row for each plug-in and for each command of one; `module` is where it is, and not shown."""
    from plat.host import installed  # noqa: PLC0415  # heavy, and `--help` does not need it
    from plat.plugging import registered  # noqa: PLC0415  # as above

    modules = {(row.distribution, row.name): row.entry_point.module for row in installed()}
    rows = [asdict(info) for info in host.plugins(registered())]
    for row in rows:
        row["module"] = modules[row["distribution"], row["name"]]
    return rows + [_command(name, facts, found) for name, found in commands(os.environ).items() for facts in found]


def _command(name: str, facts: Mapping[str, str], found: list[dict[str, str]]) -> dict[str, Any]:
    others = [other["distribution"] for other in found if other is not facts]
    why = "plat has a command of this name" if name in known_names() else ""
    if others:
        why = f"{' and '.join(others)} provides a command of this name, too"
    return {
        "name": name,
        "distribution": facts["distribution"],
        "version": facts["version"],
        "status": "faulty" if why else "active",
        "hooks": [COMMAND],
        "kinds": [f"plat {name}"],
        "why": why,
        "module": facts["value"].partition(":")[0],
    }


def _shown(row: Row) -> Row:
    return {key: value for key, value in row.items() if key != "module"}


def _schema_faults(host: Host, names: set[str]) -> list[str]:
    """Say of which kinds no JSON Schema can be made; `plat schema` and editors need one."""
    from plat.plugging import registered  # noqa: PLC0415  # heavy, and `--help` does not need it

    faults = []
    for hook, base in registered().items():
        for entry in host.registry(hook, base).entries():
            if entry.owner.name not in names:
                continue
            try:
                entry.cls.model_json_schema(by_alias=True)
            except Exception as error:  # noqa: BLE001  # a type of the plug-in's may raise anything
                faults.append(f"no JSON Schema can be made of {entry.cls.kind}: {error}")
    return faults


def _requirement_faults(distribution: str) -> list[str]:
    """Say whether it names the versions of plat that it works with."""
    from importlib.metadata import requires  # noqa: PLC0415  # heavy, and `--help` does not need it

    if distribution == "plat-core":
        return []
    needs = [text for text in requires(distribution) or () if text.lower().replace("_", "-").startswith("plat-core")]
    if not needs:
        return ["it does not require plat-core; add `plat-core>=0.1,<1` to its dependencies"]
    return [] if any("<" in text for text in needs) else [f"`{needs[0]}` has no upper bound; add `<1`"]
