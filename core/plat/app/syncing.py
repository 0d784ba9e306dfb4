"""A sync that a person asks for, of one application."""

from __future__ import annotations

import getpass
from datetime import timedelta

from plat.api import UserError, nearest
from plat.app.guard import Guard
from plat.app.opening import open_stack
from plat.app.report import Reporter
from plat.app.running import Running, open_run
from plat.app.settings import RunSettings
from plat.cluster.applications import Asked
from plat.store import RunLock


async def sync_now(settings: RunSettings, reporter: Reporter, *, prune: bool, dry_run: bool, within: timedelta) -> int:
    """Sync the one application that the settings name; returns the exit code, as `plat up` does."""
    async with open_stack(settings) as opened:
        lock = RunLock(opened.stack.state_dir, clock=opened.clock)
        async with lock.hold(opened.stack.name, command="plat apps sync") as held, open_run(opened) as run:
            with reporter as report:
                await run.watch_clusters()
                guard = Guard(run, held)
                if not dry_run:
                    await guard.enter()
                await run.generate_sets()
                app = _the_one(run, settings)
                run.asked[app] = Asked(by=f"{getpass.getuser()} (os-user, unverified)", prune=prune, dry_run=dry_run)
                run.engine.subscribe(report.progress)
                run.wake(app)
                ended = await run.engine.run(until_settled=True, timeout=within)
            return report.end(run, ended)


def _the_one(run: Running, settings: RunSettings) -> str:
    found = [e.application.id for e in run.kept.catalog.entries() if run.named(e, settings.only)]
    if not found:
        names = [entry.application.name for entry in run.kept.catalog.entries()]
        name = min(settings.only)
        raise UserError(f"there is no application {name!r}", remedy=nearest(name, names))
    return found[0]
