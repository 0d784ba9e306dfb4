"""What is written down before an effect that must not simply be repeated, so that a crash leaves a question, not a lie.

An intent without an outcome after a restart means: it may have happened. It knows effects by id only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from plat.api import JSON
from plat.engine.decision import Outcome, Repeat, Result


@dataclass(frozen=True, kw_only=True)
class Intent:
    """One KEYED or ONCE effect of one key; `outcome` is None until it is known."""

    address: str
    """The key that it belongs to: `name/key`."""
    id: str
    repeat: Repeat
    at: datetime
    outcome: Outcome | None = None


class Intents(Protocol):
    """Where intents are kept. Whatever returns has reached the disk; errors of the store are raised as they are."""

    async def load(self) -> Sequence[Intent]:
        """Return everything on record; called once, when an engine starts."""
        ...

    async def save(self, intent: Intent) -> None:
        """Write an intent, or its outcome, in place of what is on record for (address, id)."""
        ...

    async def forget(self, address: str, ids: Collection[str]) -> None:
        """Remove some from the record; absent ones are no error."""
        ...


class MemoryIntents:
    """Intents that last as long as this object: for previews and tests."""

    def __init__(self) -> None:
        self._intents: dict[tuple[str, str], Intent] = {}

    async def load(self) -> Sequence[Intent]:
        """Return everything on record."""
        return list(self._intents.values())

    async def save(self, intent: Intent) -> None:
        """Keep an intent."""
        self._intents[intent.address, intent.id] = intent

    async def forget(self, address: str, ids: Collection[str]) -> None:
        """Drop some."""
        for each in ids:
            self._intents.pop((address, each), None)


class IntentBook:
    """All intents of a running engine by key, over the store that keeps them."""

    def __init__(self, store: Intents) -> None:
        self._store = store
        self._pages: dict[str, dict[str, Intent]] = {}

    def __bool__(self) -> bool:
        """Say whether anything is on record."""
        return bool(self._pages)

    async def load(self) -> None:
        """Read what earlier runs left."""
        self._pages = {}
        for intent in await self._store.load():
            self._pages.setdefault(intent.address, {})[intent.id] = intent

    def get(self, address: str, effect: str) -> Intent | None:
        """Return what is on record for an effect."""
        return self._pages.get(address, {}).get(effect)

    def outcomes(self, address: str) -> Mapping[str, Outcome]:
        """Return the outcomes of a key: a ONCE effect without one is UNKNOWN, a KEYED one is left out."""
        page = self._pages.get(address)
        if not page:
            return {}
        return {i.id: known for i in page.values() if (known := i.outcome or unknown(i)) is not None}

    async def begin(self, intent: Intent) -> None:
        """Write down that an effect is about to be carried out."""
        await self._store.save(intent)
        self._pages.setdefault(intent.address, {})[intent.id] = intent

    async def finish(self, intent: Intent, outcome: Outcome) -> None:
        """Write down what came of it; it counts for this process even if the store fails."""
        ended = replace(intent, outcome=outcome)
        self._pages.setdefault(intent.address, {})[intent.id] = ended
        await self._store.save(ended)

    async def forget(self, address: str, ids: Collection[str] | None = None) -> None:
        """Remove some of a key's intents, or all of them."""
        page = self._pages.get(address)
        if not page:
            return
        gone = [each for each in (page if ids is None else ids) if each in page]
        if gone:
            await self._store.forget(address, gone)
        for each in gone:
            page.pop(each, None)
        if not page:
            self._pages.pop(address, None)


def unknown(intent: Intent) -> Outcome | None:
    """Return the outcome of a ONCE effect that nobody saw the end of; None for others."""
    if intent.repeat is not Repeat.ONCE:
        return None
    return Outcome(
        id=intent.id,
        result=Result.UNKNOWN,
        at=intent.at,
        code="interrupted",
        message="It was begun, and nobody saw its end: it may have happened.",
    )


def outcome_to_json(outcome: Outcome) -> dict[str, JSON]:
    """Return an outcome as plain data, for stores."""
    return {
        "id": outcome.id,
        "result": outcome.result.value,
        "at": outcome.at.isoformat(),
        "value": outcome.value,
        "error": outcome.error,
        "code": outcome.code,
        "message": outcome.message,
        "retryAt": outcome.retry_at.isoformat() if outcome.retry_at else None,
    }


def outcome_from_json(data: Mapping[str, JSON]) -> Outcome:
    """Return the outcome that `outcome_to_json` made plain."""
    return Outcome(
        id=data["id"],
        result=Result(data["result"]),
        at=datetime.fromisoformat(data["at"]),
        value=data.get("value"),
        error=data.get("error", ""),
        code=data.get("code", ""),
        message=data.get("message", ""),
        retry_at=datetime.fromisoformat(data["retryAt"]) if data.get("retryAt") else None,
    )
