"""What a run tells: one line for each thing that happens, and a last line that says how it ended."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable

from plat.api import UserError
from plat.app.running import APPLICATIONS, Running
from plat.engine import KeyView, RunReport, Standing, Transition

_MARKS = {
    Standing.SETTLED: "ok  ",
    Standing.WAITING: "... ",
    Standing.BLOCKED: "wait",
    Standing.FAILED: "FAIL",
}


class Reporter:
    """Plain lines, for logs and pipes."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, object], tuple[Standing, str]] = {}

    def problems(self, problems: Iterable[UserError]) -> None:
        """Tell what is wrong with files."""
        for problem in problems:
            self._line(f"FAIL {problem.where}: {problem.args[0]}")
            if problem.remedy:
                self._line(f"     to mend it: {problem.remedy}")

    def progress(self, transition: Transition) -> None:
        """Tell that a component stands differently; the same again is not told twice."""
        now = (transition.standing, str(transition.because))
        key = (transition.name, transition.key)
        if self._last.get(key) == now:
            return
        self._last[key] = now
        self._line(f"{_MARKS[transition.standing]} {transition.because}")

    def end(self, run: Running, ended: RunReport) -> int:
        """Tell how the run ended; returns the exit code."""
        views = [view for view in run.engine.snapshot() if view.name == APPLICATIONS]
        counts = Counter(view.standing for view in views)
        applications = f"{len(views)} application{'s' if len(views) != 1 else ''}"
        broken = bool(run.opened.problems or run.problems or ended.failed)
        unfinished = (*ended.waiting, *ended.blocked)
        if broken:
            self._line(f"Failed: {counts[Standing.SETTLED]} of {applications} in order; {_named(ended.failed)}")
            return 1
        if unfinished:
            self._line(f"Unfinished: {counts[Standing.SETTLED]} of {applications} in order; {_named(unfinished)}")
            return 3
        changed = run.hands_changed()
        what = f"{changed} object{'s' if changed != 1 else ''} changed" if changed else "nothing to do"
        self._line(f"Done: {applications} in order, {what} ({ended.took.total_seconds():.1f} s).")
        return 0

    def stopped(self) -> None:
        """Tell that a server has ended."""
        self._line("Stopped; the next `plat up` or `plat serve` goes on from here.")

    def _line(self, text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def _named(views: Iterable[KeyView]) -> str:
    return "; ".join(str(view.because) for view in views) or "see above"
