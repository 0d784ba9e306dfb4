"""`plat doctor`: what this installation has, and what would be built when it is first needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from plat.cli.console import Format, Output, print_json, print_table, run_async, say

LIBRARIES: Final = (
    "github.com/Masterminds/semver/v3",
    "github.com/Masterminds/sprig/v3",
    "github.com/argoproj/argo-cd/v3",
    "github.com/expr-lang/expr",
    "github.com/google/cel-go",
    "github.com/google/go-jsonnet",
    "github.com/itchyny/gojq",
    "github.com/yuin/gopher-lua",
    "go",
    "helm.sh/helm/v4",
    "sigs.k8s.io/kustomize/api",
    "sigs.k8s.io/structured-merge-diff/v6",
    "sigs.k8s.io/yaml",
)
"""The Go libraries whose behaviour plat takes over; `--all` shows what they bring with them, too."""


@dataclass(frozen=True)
class Line:
    """One line of the report."""

    name: str
    state: str
    where: str = ""


def run(
    output: Output = Format.TEXT,
    everything: Annotated[bool, typer.Option("--all", help="Every Go module, not only the main ones.")] = False,
) -> None:
    """List helper programs, plug-ins and libraries; exit 1 if something is broken."""
    lines, broken = run_async(_examine(everything or output is Format.JSON))
    if output is Format.JSON:
        print_json([vars(line) for line in lines])
    else:
        print_table([vars(line) for line in lines], {"name": "NAME", "state": "STATE", "where": "WHERE"})
        if broken:
            say("Something is broken; see STATE above.")
    raise typer.Exit(int(broken))


async def _examine(everything: bool) -> tuple[list[Line], bool]:  # passed on
    from plat.api import Tool  # noqa: PLC0415  # heavy, and `--help` does not need it
    from plat.gobridge import Bridge, versions  # noqa: PLC0415  # as above
    from plat.plugging import host, registered  # noqa: PLC0415  # as above
    from plat.tools import Toolbox, cache_folder  # noqa: PLC0415  # as above

    plugins = host()
    infos = plugins.plugins(registered())
    lines = [Line("python", sys.version.split()[0], _short(Path(sys.executable))), _git()]
    tools = [entry.cls for entry in plugins.registry("plat_tools", Tool).entries()]
    toolbox = Toolbox(tools, cache=cache_folder(os.environ), environ=os.environ)
    for found in await toolbox.report():
        where = _short(found.path) or found.note
        lines.append(Line(found.program, f"{found.where} {found.version}".strip(), where))
    lines += [Line(f"plug-in {info.name}", info.status, info.why) for info in infos]
    async with Bridge() as bridge:
        lines += _libraries(await versions(bridge), everything=everything)
    return lines, any(info.status not in ("active", "disabled") for info in infos)


def _git() -> Line:
    path = shutil.which("git") or ""
    if not path:
        return Line("git", "missing", "install git 2.31 or newer")
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    return Line("git", done.stdout.strip().rpartition(" ")[2], path)


def _libraries(found: Mapping[str, str], *, everything: bool) -> list[Line]:
    names = sorted(found) if everything else [name for name in LIBRARIES if name in found]
    return [Line(f"go library {name}", found[name]) for name in names]


def _short(path: Path | None) -> str:
    return str(path).replace(str(Path.home()), "~") if path else ""
