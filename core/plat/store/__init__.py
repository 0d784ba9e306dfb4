"""What plat remembers: objects, the ledger, blobs, locks and what an engine has begun.

It knows SQLite, files and the Kubernetes API, and no word of any domain: not what an object means, nor who reads it.
"""

from __future__ import annotations

from plat.store.blobs import Blobs
from plat.store.chains import Head, Verified
from plat.store.database import Database
from plat.store.holders import Holder
from plat.store.kubernetes import KubernetesStore
from plat.store.leases import Held, LeaseClient, RunLock, lease_name
from plat.store.ledger import Ledger, Row
from plat.store.objects import Added, Deleted, Event, ExpiredError, Listing, Modified, ObjectStore, Stored
from plat.store.patches import difference, merge, same
from plat.store.sqlite import SqliteStore

__all__ = [
    "Added",
    "Blobs",
    "Database",
    "Deleted",
    "Event",
    "ExpiredError",
    "Head",
    "Held",
    "Holder",
    "KubernetesStore",
    "LeaseClient",
    "Ledger",
    "Listing",
    "Modified",
    "ObjectStore",
    "Row",
    "RunLock",
    "SqliteStore",
    "Stored",
    "Verified",
    "difference",
    "lease_name",
    "merge",
    "same",
]
