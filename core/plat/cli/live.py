"""Live progress on a terminal: one line for each component that is not in order yet, above it what has happened."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from plat.app.report import MARKS, Reporter
from plat.engine import Standing, Transition

_STYLES = {Standing.SETTLED: "green", Standing.WAITING: "yellow", Standing.BLOCKED: "magenta", Standing.FAILED: "red"}


class LiveReporter(Reporter):
    """Keeps one line a component while it waits; everything else scrolls by above."""

    LINES = 20

    def __init__(self) -> None:
        self._console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
        self._live = Live(console=self._console, refresh_per_second=8, transient=True)
        self._waiting: dict[tuple[str, object], str] = {}
        super().__init__(self._above)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def progress(self, transition: Transition) -> None:
        """Show a wait in its own line, and tell everything else as a log would."""
        key = (transition.name, transition.key)
        if transition.standing is Standing.WAITING:
            self._waiting[key] = str(transition.because)
            self._last[key] = transition.because
        else:
            self._waiting.pop(key, None)
            super().progress(transition)
        self._draw()

    def _draw(self) -> None:
        lines = [f"{MARKS[Standing.WAITING]} {text}" for text in list(self._waiting.values())[: self.LINES]]
        more = len(self._waiting) - self.LINES
        if more > 0:
            lines.append(f"     and {more} more")
        self._live.update(Text("\n".join(lines), style="yellow"))

    def _above(self, text: str) -> None:
        style = next((_STYLES[standing] for standing, mark in MARKS.items() if text.startswith(mark)), "")
        self._console.print(Text(text, style=style))
