"""The vocabulary of the loop: what a reconciler is asked, and the data it answers with. No behaviour, no domain word.

One pass is observe (may read the world), decide (pure), act (carries effects out). See docs/explanation/engine.md.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import ClassVar, Protocol, TypeVar

from plat.api import JSON


class Reach(StrEnum):
    """What an effect touches; a preview performs READ and LOCAL ones in scratch and predicts REMOTE ones."""

    READ = "read"
    LOCAL = "local"
    REMOTE = "remote"


class Repeat(StrEnum):
    """What a second try does. ONCE and KEYED write an intent first; CONVERGING writes nothing and may be repeated."""

    CONVERGING = "converging"
    KEYED = "keyed"
    ONCE = "once"


class Lane(IntEnum):
    """Who is served first: people and safety, then changes, then timers, then resync."""

    PEOPLE = 0
    CHANGE = 1
    TIMER = 2
    RESYNC = 3


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One short change or read, as data. Subclasses add what it needs and say their reach and repeat.

    `id` names it within its key and is the same on every attempt: its outcome comes back under that id.
    A precondition is a field of the subclass, checked at the target by whoever performs it (RefusedError).
    """

    reach: ClassVar[Reach] = Reach.REMOTE
    repeat: ClassVar[Repeat] = Repeat.CONVERGING
    deadline: ClassVar[timedelta] = timedelta(seconds=30)
    id: str


@dataclass(frozen=True)
class Batch:
    """Effects that run side by side. A failed one ends the batches after its own, unless `go_on`."""

    effects: tuple[Effect, ...]
    go_on: bool = False


class Standing(StrEnum):
    """Whether more will happen by itself. `plat up` ends when no key is WAITING."""

    SETTLED = "settled"
    WAITING = "waiting"
    BLOCKED = "blocked"
    """A person has to act: an approval, a confirmation."""
    FAILED = "failed"


@dataclass(frozen=True)
class Reason:
    """Why: a stable code, and facts that its sentence is made of (`SENTENCES` of the tier)."""

    code: str
    facts: Mapping[str, JSON] = field(default_factory=dict)
    text: str = ""
    """One sentence that a person understands."""

    def __str__(self) -> str:
        """Return the sentence."""
        return self.text or self.code


@dataclass(frozen=True)
class Decision:
    """What to do, in order; when to look again; and why."""

    batches: tuple[Batch, ...] = ()
    wake_at: datetime | None = None
    because: Reason = Reason("nothing-to-do")
    standing: Standing = Standing.SETTLED
    forget: frozenset[str] = frozenset()
    """Ids of outcomes and ended operations that are no longer needed: the observed world shows what came of them.

    Carried out before the batches. Needed for KEYED and ONCE effects and operations, whose outcomes are kept for ever
    otherwise; naming an id here and in an effect of the same decision repeats that effect on purpose.
    """


class Result(StrEnum):
    """How an effect ended. UNKNOWN: an intent without an outcome after a crash."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one effect; handed to the next `observe`, which may put it before `decide` like any fact."""

    id: str
    result: Result
    at: datetime
    value: JSON = None
    error: str = ""
    """The class of the error: `UserError`, `RefusedError`, `UnavailableError`, `PluginError`, `TimeoutError`."""
    code: str = ""
    message: str = ""
    retry_at: datetime | None = None
    """Not before then, where the target said so (`UnavailableError.after`)."""


@dataclass(frozen=True, kw_only=True)
class OperationView:
    """Work that outlives an effect, as `observe` sees it."""

    id: str
    kind: str
    state: JSON = None
    progress: str = ""
    heartbeat: datetime | None = None
    cancelled: str = ""
    """The code of the cancellation that was asked for; it need not be asked for again."""
    outcome: Outcome | None = None


@dataclass(frozen=True)
class Past:
    """What this key's own effects and operations have come to, by id."""

    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    operations: Mapping[str, OperationView] = field(default_factory=dict)


K_contra = TypeVar("K_contra", bound=Hashable, contravariant=True)
O = TypeVar("O")  # noqa: E741  # Observed


class Reconciler(Protocol[K_contra, O]):
    """Brings one key at a time to what is wanted."""

    async def observe(self, key: K_contra, past: Past) -> O | None:
        """Gather everything that matters into one frozen value; None: the key is gone, forget it."""
        ...

    def decide(self, observed: O, now: datetime) -> Decision:
        """Say what to do. Pure: no I/O, no clock, no randomness; the same value gives the same decision."""
        ...
