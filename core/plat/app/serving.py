"""`plat serve` as a program: the same loop as `plat up`, for ever."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from plat.app.guard import Guard
from plat.app.opening import open_stack
from plat.app.polling import Poller
from plat.app.report import Reporter
from plat.app.running import Running, open_run
from plat.app.settings import RunSettings
from plat.store import RunLock

FLUSH = 5.0
"""Seconds between two writes of what was learned about live objects."""


async def serve(settings: RunSettings, reporter: Reporter) -> int:
    """Serve until SIGINT or SIGTERM; effects in flight are finished then."""
    async with open_stack(settings) as opened:
        lock = RunLock(opened.stack.state_dir, clock=opened.clock)
        async with lock.hold(opened.stack.name, command="plat serve") as held, open_run(opened) as run:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, run.engine.stop)
            with reporter as report:
                report.problems([*opened.problems, *run.problems])
                run.engine.subscribe(report.progress)
                await run.watch_clusters()
                await Guard(run, held).enter()
                run.enqueue_all()
                await _run_with_helpers(run)
            report.stopped()
    return 0


async def _run_with_helpers(run: Running) -> None:
    helpers = [asyncio.create_task(Poller(run).forever()), asyncio.create_task(_flush(run.kept.flush))]
    try:
        await run.engine.run(until_settled=False)
    finally:
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)


async def _flush(flush: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(FLUSH)
        flush()
