"""All keys of an engine: how each stands, where it is found, and what is written down for it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from datetime import datetime

from plat.engine.decision import Past, Reason, Standing
from plat.engine.desk import OperationDesk
from plat.engine.intents import IntentBook
from plat.engine.keys import NOTHING, Entry, Kind
from plat.engine.reasons import Listeners, Told, Transition


class Roster:
    """Keys by name and by address. It counts the WAITING ones, since a run ends when there are none."""

    def __init__(self, book: IntentBook, desk: OperationDesk, *, keep: int) -> None:
        self._book, self._desk, self._keep = book, desk, keep
        self._kinds: dict[str, Kind] = {}
        self.entries: dict[str, dict[Hashable, Entry]] = {}
        self._addresses: dict[str, Entry] = {}
        self._recorded = False
        self.listeners = Listeners()
        self.waiting = 0

    def register(self, kind: Kind) -> None:
        """Make room for the keys of a reconciler.

        Raises:
            ValueError: its name is taken.
        """
        if kind.name in self._kinds:
            raise ValueError(f"two reconcilers are called {kind.name!r}")
        self._kinds[kind.name] = kind
        self.entries[kind.name] = {}

    def remember(self, name: str, key: Hashable) -> Entry:
        """Add a key, with what earlier runs wrote down for it."""
        entry = self.entries[name][key] = Entry(self._kinds[name], key)
        if self._recorded:
            self.recall(entry)
        return entry

    def drop(self, entry: Entry) -> None:
        """Forget a key."""
        self.waiting -= entry.standing is Standing.WAITING
        del self.entries[entry.kind.name][entry.key]
        self._addresses.pop(entry.address, None)

    def refresh(self) -> list[Entry]:
        """Hand what is written down to all keys, when it was read again; return those for which it is news."""
        self._recorded = bool(self._book or self._desk)
        news = []
        for entry in self:
            if self._recorded or entry.past is not NOTHING:
                before = entry.past
                self.recall(entry)
                if entry.past != before:
                    news.append(entry)
        return news

    def recall(self, entry: Entry) -> None:
        """Reduce what is known of a key to what is written down."""
        address = entry.address
        outcomes, operations = self._book.outcomes(address), self._desk.views(address)
        if outcomes or operations:
            self._addresses[address] = entry
            entry.past = Past(outcomes, operations)
        else:
            self._addresses.pop(address, None)
            entry.past = NOTHING

    def locate(self, entry: Entry) -> str:
        """Return a key's address, and find it by that from now on."""
        address = entry.address
        self._addresses[address] = entry
        return address

    def at(self, address: str) -> Entry | None:
        """Return the key at an address, if it has anything written down."""
        return self._addresses.get(address)

    def __iter__(self) -> Iterator[Entry]:
        """Go through all keys."""
        for entries in self.entries.values():
            yield from entries.values()

    def of_standing(self, standing: Standing) -> Sequence[Entry]:
        """Return the keys that stand so."""
        return [entry for entry in self if entry.standing is standing]

    def stand(self, entry: Entry, now: datetime, because: Reason, standing: Standing) -> None:
        """Let a key stand so; what is new becomes part of its story."""
        old = entry.because
        if standing is not entry.standing:
            self.waiting += (standing is Standing.WAITING) - (entry.standing is Standing.WAITING)
        elif because.code == old.code and because == old:
            return
        if entry.since is not None:
            entry.history = entry.story[1 - self._keep :]
        entry.because, entry.standing, entry.since, entry.notes = because, standing, now, 0
        if self.listeners:
            self.listeners.tell(Transition(entry.kind.name, entry.key, now, because, standing))

    def note(self, entry: Entry, told: Told) -> None:
        """Add to a key's story what has been asked of it while it stands as it does."""
        entry.history = (*entry.history[2 - self._keep :], told)
        entry.notes = min(entry.notes + 1, len(entry.history))
