"""What a stack remembers, read without touching a cluster or a repository: for status, history and drift."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from plat.app.opening import Opened, open_stack
from plat.app.settings import RunSettings
from plat.app.storing import open_objects
from plat.cluster.catalog import Catalog
from plat.store import Database, Holder, Ledger, RunLock


@dataclass(frozen=True)
class Remembered:
    """The state of a stack as it was left."""

    opened: Opened
    ledger: Ledger
    catalog: Catalog
    holder: Holder | None
    """Who runs the stack now."""


@asynccontextmanager
async def remembered(settings: RunSettings) -> AsyncIterator[Remembered]:
    """Open what a stack remembers; nothing of it is changed."""
    async with open_stack(settings) as opened, AsyncExitStack() as closing:
        state = opened.stack.state_dir
        database = await Database.open(state / "state.db")
        closing.push_async_callback(database.aclose)
        store = await closing.enter_async_context(open_objects(opened, database))
        catalog = Catalog(store, opened.dialect_of, opened.manifests)
        await catalog.recall()
        ledger = await Ledger.open(database, opened.stack.name)
        holder = RunLock(state, clock=opened.clock).holder(opened.stack.name)
        yield Remembered(opened, ledger, catalog, holder)
