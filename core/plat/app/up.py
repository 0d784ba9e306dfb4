"""`plat up` as a program: lock, run, report. What it prints goes through the reporter that the caller gives."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from plat.app.opening import open_stack
from plat.app.report import Reporter
from plat.app.running import Running, open_run
from plat.app.settings import RunSettings
from plat.store import RunLock


async def bring_up(settings: RunSettings, *, within: timedelta, reporter: Callable[[], Reporter] = Reporter) -> int:
    """Bring a stack up and return the exit code."""
    async with open_stack(settings) as opened:
        lock = RunLock(opened.stack.state_dir, clock=opened.clock)
        async with lock.hold(opened.stack.name, command="plat up"), open_run(opened) as run:
            report = reporter()
            report.problems([*opened.problems, *run.problems])
            stop = run.engine.subscribe(report.progress)
            await run.watch_clusters()
            run.enqueue_all()
            ended = await run.engine.run(until_settled=True, timeout=within)
            stop()
            return report.end(run, ended)


def code_of(run: Running) -> int:
    """Return 1 if a file of the stack is wrong, else 0."""
    return int(bool(run.opened.problems or run.problems))
