"""`plat up` as a program: lock, run, report. What it prints goes through the reporter that the caller gives."""

from __future__ import annotations

from datetime import timedelta

from plat.app.guard import Guard
from plat.app.opening import open_stack
from plat.app.report import Reporter
from plat.app.running import open_run
from plat.app.settings import RunSettings
from plat.store import RunLock


async def bring_up(settings: RunSettings, reporter: Reporter, *, within: timedelta) -> int:
    """Bring a stack up and return the exit code: 0 in order, 1 failed, 3 unfinished."""
    async with open_stack(settings) as opened:
        lock = RunLock(opened.stack.state_dir, clock=opened.clock)
        async with lock.hold(opened.stack.name, command="plat up") as held, open_run(opened) as run:
            with reporter as report:
                report.problems([*opened.problems, *run.problems])
                stop = run.engine.subscribe(report.progress)
                await run.watch_clusters()
                await Guard(run, held).enter()
                run.enqueue_all()
                ended = await run.engine.run(until_settled=True, timeout=within)
                stop()
            run.require(settings.only)
            return report.end(run, ended)
