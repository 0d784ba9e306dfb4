"""Intents and operations in an object store, so that they are found again wherever the store is.

One object for each, named by a digest of address and id; what changes is one text in its status, since a merge patch
would mix an outcome's value with the one before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import orjson

from plat.api import JSON, RefusedError
from plat.engine.decision import Repeat
from plat.engine.intents import Intent, outcome_from_json, outcome_to_json
from plat.engine.operations import OperationRecord
from plat.store.objects import ObjectStore, Stored

INTENT: Final = "Intent"
OPERATION: Final = "Operation"
_TRIES: Final = 3


@dataclass
class Shelves:
    """Objects of one kind with a changing text each; it remembers their versions, for it is the only one to write."""

    store: ObjectStore
    kind: str
    _known: dict[str, Stored] = field(default_factory=dict)

    async def load(self) -> list[tuple[Mapping[str, JSON], Mapping[str, JSON]]]:
        """Return the fixed and the changing part of every object."""
        self._known = {obj.name: obj for obj in await self.store.list(self.kind)}
        return [(obj.spec, orjson.loads(obj.status.get("text", "{}"))) for obj in self._known.values()]

    async def save(self, address: str, each: str, *, fixed: Mapping[str, JSON], changing: Mapping[str, JSON]) -> None:
        """Write the changing part, whatever is there; an object that is absent is created first."""
        name = _name(address, each)
        patch = {"text": orjson.dumps(changing).decode()}
        for last in (*(False,) * (_TRIES - 1), True):
            try:
                obj = self._known.get(name) or await self._create(name, {"address": address, "id": each, **fixed})
                self._known[name] = await self.store.update_status(obj, patch)
            except RefusedError:
                self._known.pop(name, None)
                if last:
                    raise
            else:
                return

    async def forget(self, address: str, ids: Collection[str]) -> None:
        """Delete some; absent ones are no error."""
        for each in ids:
            name = _name(address, each)
            await self.store.delete(self.kind, name)
            self._known.pop(name, None)

    async def _create(self, name: str, spec: Mapping[str, JSON]) -> Stored:
        try:
            return await self.store.create(self.kind, name, spec=spec)
        except RefusedError:
            known = await self.store.get(self.kind, name)
            if known is None:
                raise
            return known


class StoredIntents:
    """Intents in an object store."""

    def __init__(self, store: ObjectStore) -> None:
        self._shelves = Shelves(store, INTENT)

    async def load(self) -> Sequence[Intent]:
        """Return everything on record."""
        return [_intent(fixed, changing) for fixed, changing in await self._shelves.load()]

    async def save(self, intent: Intent) -> None:
        """Write an intent, or its outcome."""
        outcome = None if intent.outcome is None else outcome_to_json(intent.outcome)
        await self._shelves.save(
            intent.address,
            intent.id,
            fixed={"repeat": intent.repeat.value},
            changing={"at": intent.at.isoformat(), "outcome": outcome},
        )

    async def forget(self, address: str, ids: Collection[str]) -> None:
        """Remove some from the record."""
        await self._shelves.forget(address, ids)


class StoredOperations:
    """Operations in an object store."""

    def __init__(self, store: ObjectStore) -> None:
        self._shelves = Shelves(store, OPERATION)

    async def load(self) -> Sequence[OperationRecord]:
        """Return everything on record."""
        return [_record(fixed, changing) for fixed, changing in await self._shelves.load()]

    async def save(self, record: OperationRecord) -> None:
        """Write a record."""
        await self._shelves.save(
            record.address,
            record.id,
            fixed={"kind": record.kind, "arguments": record.arguments, "exclusive": record.exclusive},
            changing={
                "startedAt": record.started_at.isoformat(),
                "handle": record.handle,
                "state": record.state,
                "progress": record.progress,
                "heartbeat": record.heartbeat.isoformat() if record.heartbeat else None,
                "cancelled": record.cancelled,
                "outcome": None if record.outcome is None else outcome_to_json(record.outcome),
            },
        )

    async def forget(self, address: str, ids: Collection[str]) -> None:
        """Remove some from the record."""
        await self._shelves.forget(address, ids)


def _name(address: str, each: str) -> str:
    return hashlib.sha256(f"{address}\0{each}".encode()).hexdigest()[:40]


def _intent(fixed: Mapping[str, JSON], changing: Mapping[str, JSON]) -> Intent:
    outcome = changing.get("outcome")
    return Intent(
        address=fixed["address"],
        id=fixed["id"],
        repeat=Repeat(fixed["repeat"]),
        at=_time(changing.get("at")),
        outcome=outcome_from_json(outcome) if outcome else None,
    )


def _record(fixed: Mapping[str, JSON], changing: Mapping[str, JSON]) -> OperationRecord:
    outcome, heartbeat = changing.get("outcome"), changing.get("heartbeat")
    return OperationRecord(
        address=fixed["address"],
        id=fixed["id"],
        kind=fixed["kind"],
        arguments=fixed.get("arguments"),
        exclusive=fixed.get("exclusive", ""),
        started_at=_time(changing.get("startedAt")),
        handle=changing.get("handle"),
        state=changing.get("state"),
        progress=changing.get("progress", ""),
        heartbeat=_time(heartbeat) if heartbeat else None,
        cancelled=changing.get("cancelled", ""),
        outcome=outcome_from_json(outcome) if outcome else None,
    )


def _time(text: str | None) -> datetime:
    """Return a time; the epoch for an object whose writer ended between creating it and writing the rest."""
    return datetime.fromisoformat(text or "1970-01-01T00:00:00+00:00")
