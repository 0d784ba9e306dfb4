"""Looking without touching: the same observation as a run, on a copy of its state, and what would follow."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

from plat.api import PlatError
from plat.app.opening import Opened, open_stack
from plat.app.running import Running, open_run
from plat.app.settings import RunSettings
from plat.cluster.applications import decide
from plat.cluster.applications.foreseeing import Foreseen, Prospect, Verb, foresee, foresee_leaving, out_of_reach
from plat.cluster.applications.observed import Observed
from plat.cluster.applications.removing import decide_leaving
from plat.engine import Decision, Past, Reason

DRY_RUNS = 16


@asynccontextmanager
async def looking(settings: RunSettings) -> AsyncIterator[Running]:
    """Open a stack for looking: its state is a copy, its sets are generated into that copy, nothing else is done."""
    async with open_stack(settings) as opened:
        with tempfile.TemporaryDirectory(prefix="plat-preview-") as scratch:
            _copy_state(opened, Path(scratch))
            async with open_run(opened, state=Path(scratch)) as run:
                await run.watch_clusters()
                await run.generate_sets()
                yield run


async def prospects(run: Running, only: frozenset[str] = frozenset(), *, dry_run: bool = True) -> list[Prospect]:
    """Return what would happen to each application, each change tried by a server-side dry run."""
    run.require(only)
    gate = asyncio.Semaphore(DRY_RUNS)
    chosen = [entry for entry in run.kept.catalog.entries() if not only or run.named(entry, only)]
    return list(await asyncio.gather(*(_prospect(run, entry.application.id, gate, dry_run) for entry in chosen)))


async def explain(run: Running, app: str) -> tuple[Observed, Decision] | None:
    """Return what was observed of an application and what would be decided now; None where it is not known.

    Where a sync would begin now, the reason is why it would, not its first step.
    """
    now = run.opened.clock.now()
    entry, leaving = run.kept.catalog.get(app), await run.observer.leaving(app, Past(), foresee=now)
    if entry is not None and leaving is not None:
        gone = Observed(app=entry.application, cluster="", state=entry.state, removing=True)
        return gone, decide_leaving(leaving, now)
    observed = await run.observer.observe(app, Past())
    if observed is None:
        return None
    decision, prospect = decide(observed, now), foresee(observed, now)
    if prospect.objects and prospect.automatic:
        text = f"{observed.app.name} is {prospect.sync} ({prospect.because}): {prospect.why}; `plat up` syncs it"
        decision = replace(decision, because=Reason(prospect.code, {"sync": prospect.sync}, text))
    return observed, decision


async def _prospect(run: Running, app: str, gate: asyncio.Semaphore, dry_run: bool) -> Prospect:  # noqa: FBT001  # passed on
    async with gate:
        try:
            leaving = await run.observer.leaving(app, Past(), foresee=run.opened.clock.now())
        except PlatError as error:
            return out_of_reach(app, str(error))
        if leaving is not None:
            return foresee_leaving(leaving)
        observed = await run.observer.observe(app, Past())
        assert observed is not None  # noqa: S101  # the catalog does not change while we look
        prospect = foresee(observed, run.opened.clock.now())
        if not dry_run:
            return prospect
        objects = [await _tried(run.opened, observed, item) for item in prospect.objects]
        return replace(prospect, objects=tuple(objects))


async def _tried(opened: Opened, observed: Observed, item: Foreseen) -> Foreseen:
    """Ask the server whether it would accept an object, where it can be asked already."""
    untriable = item.ref in observed.unservable or observed.namespace is not None
    if item.problem or item.target is None or untriable or item.verb not in (Verb.CREATE, Verb.CONFIGURE):
        return item
    member = opened.fleet.find(observed.app.destination)
    try:
        await member.client.apply(item.target.manifest, manager=observed.app.camp.field_manager, dry_run=True)
    except PlatError as error:
        return replace(item, problem=str(error))
    return item


def _copy_state(opened: Opened, target: Path) -> None:
    """Copy the databases of a state folder, also while a run writes to them; objects in a cluster come from there."""
    source = opened.stack.state_dir
    for name in ("state.db", "verdicts.db") if opened.stack.file.state.use == "file" else ("verdicts.db",):
        if not (source / name).is_file():
            continue
        uri = f"{(source / name).absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as old, closing(sqlite3.connect(target / name)) as new:
            old.backup(new)
        (target / name).chmod(0o600)


def failed(found: Sequence[Prospect]) -> bool:
    """Say whether anything in a preview could not be compared or would be refused."""
    return any(p.problem or any(item.problem for item in p.objects) for p in found)
