"""How commands print and run: one way for tables, JSON and asynchronous work."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import orjson
import typer

from plat.api import JSON
from plat.cli.run import INTERRUPTED
from plat.cli.settings import Settings
from plat.cli.tables import table

T = TypeVar("T")


class Format(StrEnum):
    """What `-o` takes."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"


Output = Annotated[Format, typer.Option("-o", "--output", help="text for people, json for programs.")]


def settings(ctx: typer.Context) -> Settings:
    """Return the options that stood before the command."""
    found = ctx.find_root().obj
    return found if isinstance(found, Settings) else Settings()


def directory(ctx: typer.Context) -> Path:
    """Return the directory that the command runs in."""
    return Path(settings(ctx).directory)


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run asynchronous work to its end. Ctrl-C and SIGTERM cancel it, with every cleanup done.

    A second one ends the process at once, which costs no more than a crash: the next run goes on.
    """

    async def main() -> T:
        task = asyncio.ensure_future(work)

        def stop() -> None:
            if task.cancelling():
                sys.stderr.write("Ended at once; the next `plat up` goes on where this one stopped.\n")
                sys.stderr.flush()
                os._exit(INTERRUPTED)
            task.cancel()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
        try:
            return await task
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None

    return asyncio.run(main())


def say(text: str = "") -> None:
    """Print one line for people."""
    sys.stdout.write(text + "\n")


def warn(text: str) -> None:
    """Print one line about something that is not right, beside the output proper."""
    sys.stderr.write(text + "\n")


def print_json(value: JSON) -> None:
    """Print one value as JSON, keys in the order in which the command's documentation names them."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    sys.stdout.write(orjson.dumps(value, default=str, option=options).decode() + "\n")


def print_table(rows: Sequence[Mapping[str, object]], columns: Mapping[str, str], *, empty: str = "") -> None:
    """Print rows as aligned columns; `columns` maps the key of a row to its heading."""
    if not rows:
        say(empty)
        return
    for line in table(rows, columns):
        say(line)
