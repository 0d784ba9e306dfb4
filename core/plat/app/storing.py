"""Where a stack keeps its objects: a file beside plat.yaml, or custom resources in one of its clusters (DESIGN §6).

The ledger is always SQL, in the file.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from plat.app.opening import Opened
from plat.cluster.catalog import KIND
from plat.store import Database, KubernetesStore, ObjectStore, SqliteStore

DURABLE = frozenset({"Intent", "Operation"})
"""Kinds whose rows must survive a power cut: they say what may have been done already."""


@asynccontextmanager
async def open_objects(opened: Opened, database: Database, *, scratch: bool = False) -> AsyncIterator[ObjectStore]:
    """Open the objects of a stack; `scratch` means a copy of them in the given database, to be thrown away.

    Raises UnavailableError while the cluster that holds the state is out of reach.
    """
    local = await SqliteStore.over(database, durable=DURABLE)
    try:
        if opened.stack.file.state.use == "file":
            yield local
            return
        remote = await _in_cluster(opened)
        try:
            if scratch:
                await _copy(remote, local)
            yield local if scratch else remote
        finally:
            await remote.aclose()
    finally:
        await local.aclose()


async def _in_cluster(opened: Opened) -> ObjectStore:
    name = opened.stack.file.state.cluster
    member = opened.fleet.named(name)
    await member.connect()
    return KubernetesStore(member.client)


async def _copy(source: ObjectStore, target: ObjectStore) -> None:
    """Copy what the catalog of applications is made of."""
    for stored in await source.list(KIND):
        copied = await target.create(KIND, stored.name, stored.namespace, spec=stored.spec, labels=stored.labels)
        await target.update_status(copied, stored.status)
