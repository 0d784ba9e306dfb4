"""A stack that runs: the store, the engine, the reconcilers, and what wakes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from plat.api import Event, HealthCheck, Project, Renderer, UserError, nearest
from plat.app.drifts import Episodes, row_id
from plat.app.opening import Opened, core_version
from plat.app.sets import Generators
from plat.app.storing import open_objects
from plat.app.surroundings import surroundings
from plat.cluster.adoption import Adoption
from plat.cluster.applications import ApplicationReconciler, Asked, Observer, Sources
from plat.cluster.applications.book import Book
from plat.cluster.applications.resting import Rests
from plat.cluster.catalog import Catalog, Entry
from plat.cluster.comparison.compare import Comparer
from plat.cluster.comparison.memory import Verdicts
from plat.cluster.effects import Hands
from plat.cluster.health.lookup import HealthOf, health_of
from plat.cluster.projects.rules import default_project
from plat.cluster.rendering import RenderCache, Renders
from plat.cluster.server import ClusterServer
from plat.cluster.sets import ChangeApplications, SetHands, SetReconciler
from plat.cluster.tracking import ownership
from plat.engine import Engine, Memory, Past
from plat.gobridge import yaml
from plat.kube import Change
from plat.store import Database, Ledger, Row

APPLICATIONS = "application"
SETS = "set"


@dataclass(frozen=True)
class Kept:
    """What a run remembers, of this run and earlier ones."""

    ledger: Ledger
    catalog: Catalog
    verdicts: Verdicts
    renders: Renders
    episodes: Episodes
    adoption: Adoption
    book: Book
    """What applications at rest were decided from."""

    def flush(self) -> None:
        """Write what was learned to disk, for the next run."""
        self.verdicts.flush()
        self.book.flush()


@dataclass
class Running:
    """Everything that a run works with."""

    opened: Opened
    kept: Kept
    engine: Engine
    observer: Observer
    hands: Hands
    sets: SetReconciler
    set_hands: SetHands
    asked: dict[str, Asked] = field(default_factory=dict)
    problems: list[UserError] = field(default_factory=list)

    def hands_changed(self) -> int:
        """Return how many objects were changed on clusters."""
        return self.hands.changed

    def enqueue_all(self) -> None:
        """Have every set and every application looked at; one that a set has made waits for its set."""
        for key in self.opened.inventory.sets:
            self.engine.enqueue(SETS, key)
        for entry in self.kept.catalog.entries():
            if entry.removing or entry.application.owner not in self.opened.inventory.sets:
                self.wake(entry.application.id)

    def wake(self, app: str) -> None:
        """Have one application looked at, unless the command is about others only."""
        if self._chosen(app):
            self.engine.enqueue(APPLICATIONS, app, interrupts=True)

    def named(self, entry: Entry, names: Collection[str]) -> bool:
        """Say whether an application is one of these, by name or by `namespace/name`."""
        return bool({entry.application.name, entry.application.id} & set(names))

    def require(self, names: Collection[str]) -> None:
        """Raise UserError for a name that is no application's, with the nearest one."""
        entries = self.kept.catalog.entries()
        for name in sorted(names):
            if not any(self.named(entry, {name}) for entry in entries):
                known = [entry.application.name for entry in entries]
                raise UserError(f"there is no application {name!r}", remedy=nearest(name, known))

    async def generate_sets(self) -> None:
        """Bring the catalog to what the sets say, now and without the engine: for commands that only look."""
        for key, declared in self.opened.inventory.sets.items():
            observed = await self.sets.observe(key, Past())
            if observed is None:
                continue
            decision = self.sets.decide(observed, self.opened.clock.now())
            for batch in decision.batches:
                for effect in batch.effects:
                    if isinstance(effect, ChangeApplications):
                        await self.set_hands.change(effect)
            self.kept.catalog.look_at(key)
            if observed.generated is None or decision.because.code == "bad-results":
                self.problems.append(UserError(str(decision.because), where=declared.where))

    async def watch_clusters(self) -> None:
        """Connect to every cluster side by side, and let changes there wake applications."""
        members = self.opened.fleet.members()
        await asyncio.gather(*(member.connect() for member in members), return_exceptions=True)
        for member in members:
            if member.connected:
                self._listen(member.name)

    def _listen(self, cluster: str) -> None:
        member = self.opened.fleet.named(cluster)

        def changed(change: Change) -> None:
            owners = {live.owner for live in (change.before, change.after) if live is not None and live.owner}
            keys = {app for owner in owners if (app := self.kept.catalog.by_instance(owner))}
            for key in {*keys, *self.observer.interested(cluster, change.ref)}:
                if self._chosen(key):
                    self.engine.enqueue(APPLICATIONS, key)

        member.watches.subscribe(changed)

    def _chosen(self, app: str) -> bool:
        entry, only = self.kept.catalog.get(app), self.opened.settings.only
        if entry is None:
            return False
        owner = entry.application.owner
        unsure = owner in self.opened.inventory.sets and not self.kept.catalog.looked_at(owner)
        return not unsure and (not only or self.named(entry, only))


@asynccontextmanager
async def open_run(opened: Opened, *, state: Path | None = None) -> AsyncIterator[Running]:
    """Open the state of a stack, or a copy of it, and build its engine."""
    scratch, cache = state is not None, opened.cache
    state = state or opened.stack.state_dir
    async with AsyncExitStack() as closing:
        database = await Database.open(state / "state.db")
        closing.push_async_callback(database.aclose)
        store = await closing.enter_async_context(open_objects(opened, database, scratch=scratch))
        ledger = await Ledger.open(database, opened.stack.name)
        verdicts = Verdicts(state / "verdicts.db")
        closing.callback(verdicts.close)
        book = Book(state / "rests.db")
        closing.callback(book.close)
        renders_cache = RenderCache(cache / "renders.db")
        closing.callback(renders_cache.close)
        catalog = Catalog(store, opened.dialect_of, opened.manifests)
        complete = not opened.problems
        problems = await catalog.load(opened.inventory.applications, opened.inventory.sets, complete=complete)
        engine = Engine(clock=opened.clock, memory=Memory.on(store))
        episodes = await Episodes.load(ledger)
        adoption = Adoption(store, ownership(opened.inventory.camps))
        kept = Kept(ledger, catalog, verdicts, _renders(opened, renders_cache), episodes, adoption, book)
        run = _build(opened, kept, engine)
        run.problems = problems
        catalog.changed = run.wake
        yield run


def _build(opened: Opened, kept: Kept, engine: Engine) -> Running:
    comparers: dict[str, Comparer] = {}

    def comparer(cluster: str) -> Comparer:
        if cluster not in comparers:
            member = opened.fleet.named(cluster)
            comparers[cluster] = Comparer(ClusterServer(member, opened.bridge), kept.verdicts)
        return comparers[cluster]

    asked: dict[str, Asked] = {}
    sources = Sources(
        catalog=kept.catalog,
        fleet=opened.fleet,
        renders=kept.renders,
        adoption=kept.adoption,
        comparer=comparer,
        project=_projects(opened).get,
        health_of=_judge(opened),
        episodes=kept.episodes.of,
        asked=lambda app: asked.pop(app, None),
        taken=kept.episodes.taken,
        surroundings=surroundings(opened),
    )
    observer = Observer(sources)
    rests = Rests(kept.book, observer, sources, asked=asked.get)
    hands = Hands(opened.fleet, kept.catalog, kept.ledger, comparer, _recorded(opened, kept.episodes))
    engine.register(APPLICATIONS, ApplicationReconciler(observer, rests), hands.performers())
    sets, set_hands = _register_sets(opened, kept.catalog, engine)
    return Running(opened, kept, engine, observer, hands, sets, set_hands, asked)


def _recorded(opened: Opened, episodes: Episodes) -> Callable[[Row], None]:
    """Return who hears of a new row of the ledger: the open episodes of drift, and every plug-in that listens."""

    def recorded(row: Row) -> None:
        episodes.recorded(row)
        event = Event(
            id=row_id(row),
            at=row.at,
            type=row.type,
            subject=row.subject,
            by=row.by,
            because=row.because,
            facts=row.facts,
        )
        opened.host.tell(event)

    return recorded


def _register_sets(opened: Opened, catalog: Catalog, engine: Engine) -> tuple[SetReconciler, SetHands]:
    generators = Generators(opened.host, opened.contexts, opened.fleet, opened.dialect_of, catalog)
    sets = opened.inventory.sets.get
    hands = SetHands(sets, catalog, opened.manifests, opened.dialect_of)
    reconciler = SetReconciler(sets, catalog, generators.generate)
    engine.register(SETS, reconciler, {ChangeApplications: hands.change})
    return reconciler, hands


def _renders(opened: Opened, cache: RenderCache) -> Renders:
    renderers = {e.cls.kind: e.cls for e in opened.host.registry("plat_renderers", Renderer).entries()}

    async def read(text: bytes, *, where: str) -> Mapping[str, object]:
        documents = await yaml.documents(opened.bridge, text, where=where)
        return documents[0].value if documents else {}

    return Renders(
        opened.repositories,
        renderers,
        opened.contexts.render,
        cache,
        read_yaml=read,
        version=core_version(),
    )


def _projects(opened: Opened) -> Mapping[str, Project]:
    declared = opened.inventory.projects
    homes = {entry.object.camp.home for entry in opened.inventory.applications.values()} or {"argocd"}
    return {"default": default_project(min(homes)), **declared}


def _judge(opened: Opened) -> HealthOf:
    registry = opened.host.registry("plat_health_checks", HealthCheck)
    made: dict[str, HealthCheck | None] = {}

    def find(kind: str) -> HealthCheck | None:
        if kind not in made:
            entry = registry.find(kind)
            made[kind] = entry.cls() if entry else None
        return made[kind]

    return health_of(find)
