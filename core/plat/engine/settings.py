"""The numbers of the loop, and what a run reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from plat.engine.effects import Planned
from plat.engine.queue import Backoff
from plat.engine.reasons import KeyView


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Numbers of the loop."""

    keys: int = 32
    """How many keys are in hand at once."""
    effects: int = 32
    """How many effects of one batch are in flight at once."""
    backoff: Backoff = field(default_factory=Backoff)
    patience: int = 5
    """How many tries a key is WAITING for something unavailable before it stands FAILED (it goes on trying)."""
    same: int = 3
    """After how many passes that did the same with the same result a key backs off."""
    streak: int = 1000
    """After how many passes with effects in a row a key is slowed down, whatever it does."""
    observe: timedelta = timedelta(minutes=10)
    """How long one observation may take."""
    reasons: int = 32
    """How many reasons are kept for each key."""


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """How a run ended: `settled`, or by its time-out or `stop` with work left."""

    settled: bool
    waiting: tuple[KeyView, ...] = ()
    """Keys that stand WAITING, and those that were not finished with."""
    blocked: tuple[KeyView, ...] = ()
    failed: tuple[KeyView, ...] = ()
    passes: int = 0
    effects: int = 0
    took: timedelta = timedelta()
    planned: tuple[Planned, ...] = ()
    """Remote effects that a preview collected."""
