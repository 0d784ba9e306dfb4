"""The drift episodes that are open, read from the ledger once and kept up to date by its new rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from plat.api import Ref
from plat.cluster.drift import HEALED, SEEN, Episode
from plat.cluster.sync.fights import WITHIN, Taken, taken
from plat.store import Ledger, Row


def row_id(row: Row) -> str:
    """Return what names a row over all writers: its epoch and its number there."""
    return f"{row.epoch}.{row.seq}"


class Episodes:
    """Open episodes by application."""

    def __init__(self) -> None:
        self._open: dict[str, dict[Ref, Episode]] = {}
        self._taken: dict[str, list[Taken]] = {}

    @classmethod
    async def load(cls, ledger: Ledger) -> Self:
        """Read every row about drift, oldest first."""
        episodes = cls()
        rows = [*await ledger.query(type=SEEN, limit=0), *await ledger.query(type=HEALED, limit=0)]
        for row in sorted(rows, key=lambda row: (row.epoch, row.seq)):
            episodes.recorded(row)
        return episodes

    def of(self, app: str) -> Mapping[Ref, Episode]:
        """Return the open episodes of an application."""
        return dict(self._open.get(app, {}))

    def taken(self, app: str) -> tuple[Taken, ...]:
        """Return which fields of an application's objects were taken lately, and by whom."""
        return tuple(self._taken.get(app, ()))

    def recorded(self, row: Row) -> None:
        """Take a new row into account."""
        if row.type not in (SEEN, HEALED):
            return
        app = row.subject.partition(": ")[0]
        ref = Ref(**{key: row.facts[key] for key in ("group", "kind", "namespace", "name")})
        if row.type == SEEN:
            self._open.setdefault(app, {})[ref] = Episode(ref, row_id(row), row.at, row.facts)
            recent = [each for each in self._taken.get(app, ()) if row.at - each.at < WITHIN]
            self._taken[app] = [*recent, *taken(row.facts, row.at)]
        else:
            self._open.get(app, {}).pop(ref, None)
