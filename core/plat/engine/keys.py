"""What the engine remembers of one key between passes, and of one registered reconciler."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from plat.engine.decision import Batch, Effect, Outcome, Past, Reason, Reconciler, Result, Standing
from plat.engine.effects import Handler
from plat.engine.queue import Slot
from plat.engine.reasons import KeyView, Told

NOTHING: Final = Past()
NEW: Final = Reason("new", text="It was not looked at yet.")
KEPT: Final = 1000
"""How many outcomes of effects that may be repeated freely are kept for a key that is not settled, at least."""

Signature = tuple[tuple[Batch, ...], tuple[tuple[Any, ...], ...]]


@dataclass(frozen=True)
class Kind:
    """One registered reconciler, and how its keys are written down."""

    name: str
    reconciler: Reconciler[Any, Any]
    handlers: Mapping[type[Effect], Handler]
    address: Callable[[Any], str]


class Entry(Slot):
    """One key: its place in the queue, and what it has come to."""

    past: Past = NOTHING
    standing: Standing = Standing.SETTLED
    because: Reason = NEW
    since: datetime | None = None
    """When it came to stand as it does; None: it was never looked at."""
    history: tuple[Told, ...] = ()
    """How it stood before and what was asked of it, oldest first."""
    notes: int = 0
    """How much of the history was asked since it stands as it does."""
    acting: bool = False
    """Whether its effects are being carried out."""
    interrupted: bool = False
    """Whether something came meanwhile that its effects have to wait for."""
    last: Signature | None = None
    """What the last pass did and what came of it, to notice that nothing changes."""
    same: int = 0
    """How many passes in a row did the same with the same result."""
    streak: int = 0
    """How many passes in a row had effects."""

    def __init__(self, kind: Kind, key: Hashable) -> None:
        self.kind, self.key = kind, key

    @property
    def address(self) -> str:
        """How this key is written down: `name/key`."""
        return f"{self.kind.name}/{self.kind.address(self.key)}"

    @property
    def story(self) -> tuple[Told, ...]:
        """The reasons that are kept, oldest first."""
        if self.since is None:
            return self.history
        before = len(self.history) - self.notes
        return (*self.history[:before], Told(self.since, self.because, self.standing), *self.history[before:])

    @property
    def view(self) -> KeyView:
        """This key as it stands now."""
        return KeyView(
            name=self.kind.name,
            key=self.key,
            standing=self.standing,
            because=self.because,
            since=self.since,
            failures=self.failures,
            active=self.lane is not None,
        )


def signature(batches: tuple[Batch, ...], outcomes: Mapping[str, Outcome]) -> Signature:
    """Return what is compared from pass to pass: everything but the time."""
    return batches, tuple((o.id, o.result, o.error, o.code, o.message, o.value) for o in outcomes.values())


def merged(
    old: Mapping[str, Outcome], new: Mapping[str, Outcome], durable: Mapping[str, Outcome]
) -> dict[str, Outcome]:
    """Return old and new outcomes, without the oldest ones that nobody can need for ever."""
    together = {i: o for i, o in old.items() if i not in new}
    together.update(new)
    surplus = len(together) - max(KEPT, 2 * len(new)) - len(durable)
    if surplus > 0:
        oldest = (i for i in tuple(together) if i not in durable)
        for each, _ in zip(oldest, range(surplus), strict=False):
            del together[each]
    return together


def transient(outcomes: Mapping[str, Outcome]) -> bool:
    """Say whether everything that went wrong may go well later by itself."""
    bad = [o for o in outcomes.values() if o.result is not Result.DONE]
    return all(o.error in ("UnavailableError", "TimeoutError") or o.code == "conflict" for o in bad)
