"""Applications at rest: while nothing has changed that one was decided from, it is not decided again.

What decided about an application that was in order is written down, by versions and object ids. The next run, or the
next event that concerns others, compares these and reads, renders and compares nothing (DESIGN §9: unit of work =
content). It is a cache: without it everything is looked at once more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from plat.api import JSON, Kind, PlatError, Ref
from plat.cluster.applications.book import Book
from plat.cluster.applications.observed import Asked, Observed
from plat.cluster.applications.observing import Observer, Sources
from plat.cluster.applications.traces import seal_of
from plat.cluster.catalog import Entry
from plat.cluster.rendering.cache import ReadSet
from plat.cluster.rendering.pipeline import Witness
from plat.engine import Decision, Reason, Standing


@dataclass(frozen=True)
class Rested:
    """An application about which nothing has to be decided, and why it was in order."""

    because: Reason


@dataclass(frozen=True)
class Rest:
    """What an application was decided from, and what concerns it."""

    seal: str
    kinds: frozenset[Kind]
    refs: frozenset[Ref]
    witnesses: tuple[Witness, ...]
    reads: tuple[tuple[str, ReadSet], ...]
    because: Reason = field(hash=False)


class Rests:
    """Says which applications rest."""

    def __init__(
        self, book: Book, observer: Observer, sources: Sources, *, asked: Callable[[str], Asked | None]
    ) -> None:
        self._book, self._observer, self._from, self._asked = book, observer, sources, asked
        self._known: dict[str, Rest | None] = {}

    async def look(self, app: str) -> Rested | None:
        """Return an application that rests; None where it has to be observed."""
        rest, entry = self._rest(app), self._from.catalog.get(app)
        if entry is None:
            self._drop(app)
        if rest is None or entry is None or self._asked(app) is not None:
            return None
        try:
            same = await self._same(entry, rest)
        except PlatError:
            return None  # whoever observes it says what is wrong
        return Rested(rest.because) if same else None

    def keep(self, observed: Observed, decision: Decision) -> None:
        """Write down what a decision was made from, if nothing followed from it and nothing will by itself."""
        trace, app = observed.trace, observed.app.id
        final = decision.standing is Standing.SETTLED and not decision.batches and decision.wake_at is None
        moving = observed.asked or observed.newer or observed.lost or observed.episodes or observed.taken
        if trace is None or not final or moving or trace.targets.revision_bound:
            self._drop(app)
            return
        rest = Rest(
            seal=trace.seal,
            kinds=trace.kinds,
            refs=frozenset(target.ref for target in trace.targets.objects),
            witnesses=trace.targets.witnesses,
            reads=trace.targets.reads,
            because=decision.because,
        )
        if self._rest(app) != rest:
            self._known[app] = rest
            self._book.put(app, _encoded(rest))

    def _rest(self, app: str) -> Rest | None:
        if app not in self._known:
            row = self._book.get(app)
            self._known[app] = None if row is None else _decoded(row)
        return self._known[app]

    def _drop(self, app: str) -> None:
        if self._rest(app) is not None:
            self._known[app] = None
            self._book.put(app, None)

    async def _same(self, entry: Entry, rest: Rest) -> bool:
        app = entry.application
        member = self._from.fleet.find(app.destination)
        await member.connect()
        await member.watches.synced(*(kind for kind in rest.kinds if member.serves(kind)))
        if not await self._from.renders.unchanged(app, rest.witnesses):
            return False
        if seal_of(entry, member, rest.refs, surroundings=self._from.surroundings) != rest.seal:
            return False
        self._observer.attend(app.id, member.name, rest.refs, rest.reads)
        return True


def _encoded(rest: Rest) -> list[JSON]:
    because = rest.because
    return [
        rest.seal,
        [(kind.group, kind.kind) for kind in rest.kinds],
        [(ref.group, ref.kind, ref.namespace, ref.name) for ref in rest.refs],
        [(witness.source, sorted(witness.paths)) for witness in rest.witnesses],
        [(url, sorted(read_set)) for url, read_set in rest.reads],
        [because.code, dict(because.facts), because.text],
    ]


def _decoded(row: list[JSON]) -> Rest:
    seal, kinds, refs, witnesses, reads, because = row
    return Rest(
        seal=seal,
        kinds=frozenset(Kind(group=group, kind=kind) for group, kind in kinds),
        refs=frozenset(Ref(group=g, kind=k, namespace=namespace, name=name) for g, k, namespace, name in refs),
        witnesses=tuple(Witness(source, _read_set(paths)) for source, paths in witnesses),
        reads=tuple((url, _read_set(pairs)) for url, pairs in reads),
        because=Reason(*because),
    )


def _read_set(pairs: list[list[str]]) -> ReadSet:
    return frozenset((path, oid) for path, oid in pairs)
