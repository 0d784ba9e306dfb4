"""`plat doctor`: what this installation has, and what would be built when it is first needed."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import typer

from plat.cli.console import Format, Output, print_json, print_table, run_async, say


@dataclass(frozen=True)
class Line:
    """One line of the report."""

    name: str
    state: str
    where: str = ""


def run(output: Output = Format.TEXT) -> None:
    """List helper programs, libraries and plug-ins; exit 1 if something is broken."""
    lines, broken = run_async(_examine())
    if output is Format.JSON:
        print_json([vars(line) for line in lines])
    else:
        print_table([vars(line) for line in lines], {"name": "NAME", "state": "STATE", "where": "WHERE"})
        if broken:
            say("Something is broken; see STATE above.")
    raise typer.Exit(int(broken))


async def _examine() -> tuple[list[Line], bool]:
    from plat.api import Tool  # noqa: PLC0415  # heavy, and `--help` does not need it
    from plat.gobridge import Bridge, versions  # noqa: PLC0415  # as above
    from plat.plugging import host, registered  # noqa: PLC0415  # as above
    from plat.tools import Toolbox, cache_folder  # noqa: PLC0415  # as above

    plugins = host()
    lines = [Line("python", sys.version.split()[0], sys.executable), Line("git", "found", shutil.which("git") or "")]
    async with Bridge() as bridge:
        lines += [Line(f"go library {name}", version) for name, version in sorted((await versions(bridge)).items())]
    tools = [entry.cls for entry in plugins.registry("plat_tools", Tool).entries()]
    toolbox = Toolbox(tools, cache=cache_folder(os.environ), environ=os.environ)
    lines += [Line(r.program, f"{r.where} {r.version}".strip(), _short(r.path)) for r in await toolbox.report()]
    infos = plugins.plugins(registered())
    lines += [Line(f"plug-in {info.name}", info.status, info.why) for info in infos]
    broken = any(info.status not in ("active", "disabled") for info in infos)
    return lines, broken


def _short(path: Path | None) -> str:
    return str(path).replace(str(Path.home()), "~") if path else ""
