"""Entry point of the command `plat`: finds the one module that a command needs and runs it.

Nothing but this table is imported for `plat --help`, and the names of plug-ins' commands come from what is remembered
of their metadata: that is what makes it answer at once.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from plat.cli.installed import Providers, commands
from plat.cli.settings import Settings

USAGE = "Usage: plat [-C DIR] [--debug] COMMAND [ARGS]..."


@dataclass(frozen=True)
class Command:
    """One command: its module in `plat.cli`, and the line that `plat --help` shows."""

    module: str
    help: str


COMMANDS = {
    "For everybody": {
        "up": Command("up", "Bring the world to what git says, then exit."),
        "preview": Command("preview", "Show what `up` would do, and change nothing."),
        "status": Command("status", "Show what is in sync, what is healthy, and what waits for whom."),
        "why": Command("why", "Explain why an application is as it is."),
        "history": Command("history", "Show what happened, from the ledger."),
        "drift": Command("drift", "Show live state that differed from git: who, which field, since when."),
        "render": Command("render", "Print the objects of applications, ready for `kubectl apply -f -`."),
        "serve": Command("serve", "Run the same loop as `up` for ever."),
    },
    "Applications": {
        "apps": Command("apps", "List applications and look at one."),
    },
    "Setting up": {
        "init": Command("init", "Write a first plat.yaml from what a directory holds."),
        "validate": Command("validate", "Check the stack's files without touching any cluster."),
        "schema": Command("schema", "Print the JSON Schema of a kind of configuration."),
        "doctor": Command("doctor", "Show helper programs and plug-ins: what is there, what would be built."),
        "demo": Command("demo", "Run the whole story on two local clusters."),
        "plugins": Command("plugins", "List, check and create plug-ins."),
        "cluster": Command("clusters", "Create, list and delete local clusters."),
    },
}


def main(argv: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 a user's error or refused, 2 wrong usage, 3 waiting for someone."""
    arguments, settings = _settings(list(sys.argv[1:] if argv is None else argv))
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        sys.stdout.write(_help(commands(os.environ)))
        raise SystemExit(0)
    if arguments[0] == "--version":
        from importlib.metadata import version  # noqa: PLC0415  # only this option needs it

        sys.stdout.write(f"plat {version('plat-core')}\n")
        raise SystemExit(0)
    raise SystemExit(_run(arguments[0], arguments[1:], settings))


def _run(name: str, arguments: list[str], settings: Settings) -> int:
    if name == "plugins":
        from plat.cli.listing import quick  # noqa: PLC0415  # see the module's docstring

        if (answer := quick(arguments, os.environ)) is not None:
            sys.stdout.write(answer)
            return 0
    known = {name: command.module for group in COMMANDS.values() for name, command in group.items()}
    provider = ""
    if name not in known:
        found = commands(os.environ)
        providers = [f"{item['distribution']} {item['version']}" for item in found.get(name, ())]
        if len(providers) != 1:
            return _unknown(name, [*known, *found], providers)
        known[name], provider = found[name][0]["value"], providers[0]
    from plat.cli.run import run  # noqa: PLC0415  # see the module's docstring

    return run(name, known[name], arguments, settings=settings, provider=provider)


def _settings(arguments: list[str]) -> tuple[list[str], Settings]:
    directory, debug = ".", False
    while arguments:
        if arguments[0] == "--debug":
            debug = True
            arguments = arguments[1:]
        elif arguments[0] == "-C" and len(arguments) > 1:
            directory, arguments = os.path.join(directory, arguments[1]), arguments[2:]  # noqa: PTH118  # pathlib costs start-up time
        else:
            break
    return arguments, Settings(directory, debug)


def _help(others: Providers) -> str:
    lines = [USAGE, "", "One reconciler for the whole GitOps stack: it reads the manifests that you have,",
             "shows what it would do, and brings clusters to what git says.", ""]  # fmt: skip
    for title, group in COMMANDS.items():
        lines.append(f"{title}:")
        lines += [f"  {name:<10} {command.help}" for name, command in group.items()]
        lines.append("")
    if others := {name: found for name, found in others.items() if name not in known_names()}:
        lines.append("From plug-ins:")
        lines += [f"  {name:<10} {_of(found)}" for name, found in others.items()]
        lines.append("")
    lines += ["Options:", "  -C DIR     Run as if started in DIR.", "  --debug    Show tracebacks of errors.",
              "  --version  Print the version.", "", "`plat COMMAND --help` explains a command.", ""]  # fmt: skip
    return "\n".join(lines)


def known_names() -> frozenset[str]:
    """Return the names of plat's own commands; a plug-in cannot take one."""
    return frozenset(name for group in COMMANDS.values() for name in group)


def _of(providers: list[dict[str, str]]) -> str:
    names = " and ".join(f"{item['distribution']} {item['version']}" for item in providers)
    return f"From {names}." if len(providers) == 1 else f"Unusable: {names} both provide it."


def _unknown(name: str, known: list[str], providers: list[str]) -> int:
    if providers:
        sys.stderr.write(f"Error: {' and '.join(providers)} both provide the command {name!r}. Uninstall one.\n")
        return 1
    from difflib import get_close_matches  # noqa: PLC0415  # only a mistake needs it

    near = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"Did you mean `plat {near[0]}`?" if near else "`plat --help` lists them."
    sys.stderr.write(f"Error: there is no command {name!r}. {hint}\n")
    return 2
