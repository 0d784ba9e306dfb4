"""What an engine must find again after a crash, as one value; by default it lasts as long as the process."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from plat.engine.intents import Intents, MemoryIntents
from plat.engine.operations import MemoryOperations, Operations
from plat.engine.records import StoredIntents, StoredOperations
from plat.store.objects import ObjectStore


@dataclass(frozen=True)
class Memory:
    """Where intents and operations are kept."""

    intents: Intents = field(default_factory=MemoryIntents)
    operations: Operations = field(default_factory=MemoryOperations)

    @classmethod
    def on(cls, store: ObjectStore) -> Self:
        """Keep them in an object store."""
        return cls(StoredIntents(store), StoredOperations(store))
