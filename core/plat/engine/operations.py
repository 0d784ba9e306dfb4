"""Work that outlives an effect: started by one, run outside its key, seen as a fact, found again after a restart.

It knows no kind of work: a runner says where and how it runs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar, Protocol

from plat.api import JSON
from plat.engine.decision import Effect, OperationView, Outcome


@dataclass(frozen=True, kw_only=True)
class StartOperation(Effect):
    """Start work; its `id` is the operation's. Started before: nothing happens, also when it has ended.

    `exclusive`: of the operations of one key with the same word here, only one runs at a time; a second is refused with
    the code `busy`. Subclasses may narrow the reach, for work that only reads.
    """

    deadline: ClassVar[timedelta] = timedelta(seconds=60)
    kind: str
    """The name that its runner was given to the engine under."""
    arguments: JSON = None
    exclusive: str = ""


@dataclass(frozen=True, kw_only=True)
class CancelOperation(Effect):
    """Ask work to stop, until its runner has heard it. That it has stopped is seen by its outcome, later.

    Ended or unknown work: nothing happens.
    """

    operation: str
    code: str = "cancelled"
    """Why, as the code of the outcome: `cancelled`, `superseded`."""


@dataclass(frozen=True, kw_only=True)
class OperationRecord:
    """One operation as it is written down."""

    address: str
    id: str
    kind: str
    arguments: JSON = None
    exclusive: str = ""
    started_at: datetime
    handle: JSON = None
    """What its runner finds it by; None: nobody saw it start."""
    state: JSON = None
    progress: str = ""
    heartbeat: datetime | None = None
    cancelled: str = ""
    """The code of the cancellation that was asked for."""
    outcome: Outcome | None = None

    @property
    def view(self) -> OperationView:
        """The record as `observe` sees it."""
        return OperationView(
            id=self.id,
            kind=self.kind,
            state=self.state,
            progress=self.progress,
            heartbeat=self.heartbeat,
            cancelled=self.cancelled,
            outcome=self.outcome,
        )


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a runner is told."""

    name: str
    """Unique among all work of all keys, and the same after a restart: name jobs and files by (a digest of) it."""
    arguments: JSON
    handle: JSON = None


class LostError(Exception):
    """Raised by `attach`: nobody can say what became of the work. Its outcome is UNKNOWN."""


class Progress(Protocol):
    """How a runner tells what goes on."""

    async def found_by(self, handle: JSON) -> None:
        """Write down what the work is found by after a restart. Say it as soon as it is known."""
        ...

    def say(self, text: str, state: JSON = None) -> None:
        """Tell how far it is; counts as a heartbeat. The key is woken, at most once a second."""
        ...

    def beat(self) -> None:
        """Tell that it is alive; wakes nobody."""
        ...


class Runner(Protocol):
    """Runs one kind of work.

    An engine that ends cancels the coroutines of `run` and `attach`: the work itself goes on where it can, and is
    attached to again by the next engine. So it is after UnavailableError or TimeoutError, which mean that the work is
    out of reach, not that it has ended; whatever else they raise is the outcome of the work.
    """

    async def run(self, work: Work, progress: Progress) -> JSON:
        """Start the work, see it to its end and return its value."""
        ...

    async def attach(self, work: Work, progress: Progress) -> JSON:
        """Find work that an earlier process started and see it to its end.

        `work.handle` is None if nobody was told one. Where it is certain that the work was never started, start it,
        unless it was cancelled before; where nobody can say, raise LostError.
        """
        ...

    async def cancel(self, work: Work) -> None:
        """Make the work stop: `run` or `attach` then end soon by themselves. Called again, also after the end."""
        ...


class Operations(Protocol):
    """Where operations are kept. Whatever returns has reached the disk; errors of the store are raised as they are."""

    async def load(self) -> Sequence[OperationRecord]:
        """Return everything on record; called when an engine starts to run."""
        ...

    async def save(self, record: OperationRecord) -> None:
        """Write a record in place of the one for (address, id)."""
        ...

    async def forget(self, address: str, ids: Collection[str]) -> None:
        """Remove some from the record; absent ones are no error."""
        ...


class MemoryOperations:
    """Operations that last as long as this object: for previews and tests."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], OperationRecord] = {}

    async def load(self) -> Sequence[OperationRecord]:
        """Return everything on record."""
        return list(self._records.values())

    async def save(self, record: OperationRecord) -> None:
        """Keep a record."""
        self._records[record.address, record.id] = record

    async def forget(self, address: str, ids: Collection[str]) -> None:
        """Drop some."""
        for each in ids:
            self._records.pop((address, each), None)


class Shelf:
    """Operation records by key, and their views."""

    def __init__(self) -> None:
        self._pages: dict[str, dict[str, OperationRecord]] = {}
        self._views: dict[str, Mapping[str, OperationView]] = {}

    def __bool__(self) -> bool:
        """Say whether there is any record."""
        return bool(self._pages)

    def fill(self, records: Sequence[OperationRecord]) -> None:
        """Start again from what is on record."""
        self._pages, self._views = {}, {}
        for record in records:
            self.put(record)

    def page(self, address: str) -> Mapping[str, OperationRecord]:
        """Return the records of a key."""
        return self._pages.get(address, {})

    def all(self) -> list[OperationRecord]:
        """Return every record."""
        return [record for page in self._pages.values() for record in page.values()]

    def put(self, record: OperationRecord) -> None:
        """Add or replace a record."""
        self._pages.setdefault(record.address, {})[record.id] = record
        self._views.pop(record.address, None)

    def change(self, address: str, operation: str, **fields: JSON) -> OperationRecord | None:
        """Change fields of a record; None: it is gone."""
        record = self._pages.get(address, {}).get(operation)
        if record is None:
            return None
        changed = replace(record, **fields)
        self.put(changed)
        return changed

    def drop(self, address: str, operation: str) -> None:
        """Remove a record."""
        page = self._pages.get(address, {})
        page.pop(operation, None)
        if not page:
            self._pages.pop(address, None)
        self._views.pop(address, None)

    def views(self, address: str) -> Mapping[str, OperationView]:
        """Return the operations of a key as `observe` sees them."""
        if address not in self._pages:
            return {}
        views = self._views.get(address)
        if views is None:
            views = self._views[address] = {r.id: r.view for r in self._pages[address].values()}
        return views
