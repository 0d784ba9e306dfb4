"""Running one command: its module is imported, its errors become one clear line, its result an exit code."""

from __future__ import annotations

import gc
import importlib
import sys
import traceback
from importlib.metadata import EntryPoint
from typing import Any

import typer

from plat.api import PlatError, UserError
from plat.cli.installed import COMMANDS
from plat.cli.settings import Settings

INTERRUPTED = 130
COLLECT = (20_000, 20, 20)
"""When garbage is looked for: by default that is a tenth of the time of a run over many objects, nearly all in use."""
"""The exit code after Ctrl-C, as shells have it."""


def run(name: str, module: str, arguments: list[str], *, settings: Settings, provider: str = "") -> int:
    """Run a command and return its exit code. Tracebacks are shown with --debug only.

    With a `provider` (a distribution and its version), `module` is an entry point of a plug-in's: `package.module:app`.
    """
    gc.set_threshold(*COLLECT)
    try:
        command = typer.main.get_command(_plugin(name, module, provider) if provider else _app(name, module))
        command.main(arguments, prog_name=f"plat {name}", obj=settings)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 0
        return _interrupted() if code == INTERRUPTED else code  # Typer makes this of a KeyboardInterrupt
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        return 0
    except BaseException as error:  # noqa: BLE001  # the one place where an error becomes text
        return _report(error, settings, provider)
    return 0


def _interrupted() -> int:
    sys.stderr.write("Interrupted; the next `plat up` goes on where this one stopped.\n")
    return INTERRUPTED


def _app(name: str, module: str) -> typer.Typer:
    loaded: Any = importlib.import_module(f"plat.cli.{module}")
    ready = getattr(loaded, "app", None)
    if isinstance(ready, typer.Typer):
        return ready
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(name)(loaded.run)
    return app


def _plugin(name: str, value: str, provider: str) -> typer.Typer:
    """Return the app of a plug-in; whatever its import raises is its own fault."""
    try:
        app = EntryPoint(name, value, COMMANDS).load()
    except Exception as error:
        raise PlatError(f"plug-in {provider}: {value} cannot be imported: {type(error).__name__}: {error}") from error
    if not isinstance(app, typer.Typer):
        raise PlatError(f"plug-in {provider}: {value} is not a Typer app")
    return app


def _report(error: BaseException, settings: Settings, provider: str) -> int:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if settings.debug:
        traceback.print_exception(error)
    match error:
        case UserError():
            where = f"{error.where}: " if error.where else ""
            sys.stderr.write(f"Error: {where}{error.args[0]}\n")
            if error.remedy:
                sys.stderr.write(f"  To mend it: {error.remedy}\n")
        case PlatError():
            sys.stderr.write(f"Error: {error}\n")
        case _:
            text = f"{type(error).__name__}: {error}"
            if provider:
                sys.stderr.write(f"Error: plug-in {provider} failed: {text}\n  `plat --debug ...` shows where.\n")
                return 1
            sys.stderr.write(f"Error: plat failed: {text}\n  This is a bug of plat; `plat --debug ...` shows where.\n")
    return 1
