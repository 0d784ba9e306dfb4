"""What a run tells: one line for each thing that happens, and a last line that says how it ended."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Final, Self

from plat.api import UserError
from plat.app.running import APPLICATIONS, Running
from plat.engine import KeyView, Reason, RunReport, Standing, Transition

MARKS: Final = {
    Standing.SETTLED: "ok  ",
    Standing.WAITING: "... ",
    Standing.BLOCKED: "wait",
    Standing.FAILED: "FAIL",
}
_QUIET: Final = frozenset({"in-order", "generated"})
"""What is not told of a component that was in order from the start."""


def to_stdout(text: str) -> None:
    """Write one line at once, so that a pipe shows it when it happens."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Reporter:
    """Plain lines, for logs and pipes."""

    def __init__(self, write: Callable[[str], None] = to_stdout) -> None:
        self._write = write
        self._last: dict[tuple[str, object], Reason] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End live output; plain lines have none."""

    def problems(self, problems: Iterable[UserError]) -> None:
        """Tell what is wrong with files."""
        for problem in problems:
            self._write(f"FAIL {problem.where}: {problem.args[0]}")
            if problem.remedy:
                self._write(f"     to mend it: {problem.remedy}")

    def progress(self, transition: Transition) -> None:
        """Tell that a component stands differently.

        Not told: what was in order from the start, and one wait after another for the same thing.
        """
        key, because = (transition.name, transition.key), transition.because
        before = self._last.get(key)
        self._last[key] = because
        if before is None and because.code in _QUIET:
            return
        waits_on = transition.standing is Standing.WAITING and because.code == "health"
        if before is not None and (before == because or (waits_on and before.code == because.code)):
            return
        if because.code == "generated":
            return
        self._write(f"{MARKS[transition.standing]} {because}")

    def end(self, run: Running, ended: RunReport) -> int:
        """Tell how the run ended; returns the exit code."""
        views = [view for view in run.engine.snapshot() if view.name == APPLICATIONS]
        counts = Counter(view.standing for view in views)
        applications = f"{len(views)} application{'s' if len(views) != 1 else ''}"
        if run.opened.problems or run.problems or ended.failed:
            failed = f": {_names(ended.failed)}" if ended.failed else ", files of the stack are wrong"
            self._write(
                f"Failed{failed}; {counts[Standing.SETTLED]} of {applications} in order. `plat why NAME` says more."
            )
            return 1
        unfinished = (*ended.waiting, *ended.blocked)
        if unfinished:
            texts = "; ".join(str(view.because) for view in unfinished)
            self._write(f"Unfinished: {counts[Standing.SETTLED]} of {applications} in order; {texts}")
            return 3
        changed = run.hands_changed()
        what = f"{changed} object{'s' if changed != 1 else ''} changed" if changed else "nothing to do"
        self._write(f"Done: {applications} in order, {what} ({ended.took.total_seconds():.1f} s).")
        return 0

    def stopped(self) -> None:
        """Tell that a server has ended."""
        self._write("Stopped; the next `plat up` or `plat serve` goes on from here.")


def _names(views: Iterable[KeyView]) -> str:
    return ", ".join(str(view.key).rpartition("/")[2] for view in views)
