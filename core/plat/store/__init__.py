"""What plat remembers: objects, the ledger, blobs, locks and what an engine has begun.

It knows SQLite, files and the Kubernetes API, and no word of any domain: not what an object means, nor who reads it.
"""

from __future__ import annotations

from plat.store.database import Database
from plat.store.objects import Added, Deleted, Event, ExpiredError, Listing, Modified, ObjectStore, Stored
from plat.store.patches import difference, merge, same
from plat.store.sqlite import SqliteStore

__all__ = [
    "Added",
    "Database",
    "Deleted",
    "Event",
    "ExpiredError",
    "Listing",
    "Modified",
    "ObjectStore",
    "SqliteStore",
    "Stored",
    "difference",
    "merge",
    "same",
]
