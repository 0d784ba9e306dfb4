"""Who tells what happens in a run: live progress on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys

from plat.app.report import Reporter


def reporter() -> Reporter:
    """Return what suits standard output; only a terminal needs the library that draws."""
    if not sys.stdout.isatty():
        return Reporter()
    from plat.cli.live import LiveReporter  # noqa: PLC0415  # 40 ms that a pipe can save

    return LiveReporter()
