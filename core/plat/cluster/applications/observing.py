"""Gathering everything that decides about one application. It reads; it writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from plat.api import (
    Application,
    ApplicationState,
    Condition,
    Health,
    HistoryItem,
    Kind,
    NamespaceMetadata,
    PlatError,
    Project,
    Ref,
    UnavailableError,
    UserError,
    at,
)
from plat.cluster.adoption import Adoption
from plat.cluster.applications.awaiting import absent_namespaces, awaited, serves_more, widened
from plat.cluster.applications.observed import Asked, Observed, underway
from plat.cluster.applications.removing import Around, Leaving, observe_leaving
from plat.cluster.applications.traces import trace_of
from plat.cluster.catalog import Catalog, Entry
from plat.cluster.comparison.compare import Compared, Comparer, extra
from plat.cluster.drift import Episode
from plat.cluster.fleet import Fleet, Member
from plat.cluster.health.lookup import HealthOf
from plat.cluster.projects.rules import Place, permits_live, refusals, refuse_object
from plat.cluster.rendering import Renders, Target, Targets
from plat.cluster.rendering.cache import ReadSet
from plat.cluster.rendering.targets import digest
from plat.cluster.sync.annotations import option, role_of
from plat.cluster.sync.fights import Taken
from plat.cluster.sync.tasks import Hook, hook_refs
from plat.cluster.tracking import instance_name, shared_warnings
from plat.engine import Past
from plat.git import ReadIndex
from plat.kube import Live

NAMESPACE = Kind(kind="Namespace")
DEFINITION = "CustomResourceDefinition"


@dataclass(frozen=True)
class Sources:
    """Where observations come from."""

    catalog: Catalog
    fleet: Fleet
    renders: Renders
    adoption: Adoption
    comparer: Callable[[str], Comparer]
    project: Callable[[str], Project | None]
    health_of: HealthOf
    episodes: Callable[[str], Mapping[Ref, Episode]]
    asked: Callable[[str], Asked | None]
    taken: Callable[[str], tuple[Taken, ...]] = lambda _: ()
    """Fields of an application's objects that somebody took lately."""
    surroundings: str = ""
    """A digest of what decides about every application: versions, the stack's own files."""


class Observer:
    """Observes applications; remembers health by object version, and which applications want which object."""

    def __init__(self, sources: Sources) -> None:
        self._from = sources
        self._health: dict[str, tuple[str, Health | None]] = {}
        self._wanted: dict[tuple[str, Ref], set[str]] = {}
        self._wants: dict[str, tuple[str, frozenset[Ref], Targets | None]] = {}
        self._rendered: dict[str, Targets] = {}
        self.reads: ReadIndex[str] = ReadIndex()
        """Which applications read which paths of which repository."""

    async def observe(self, key: str, past: Past) -> Observed | None:
        """Return what decides about an application; None where it is gone."""
        entry = self._from.catalog.get(key)
        if entry is None:
            self._forget(key)
            return None
        app = entry.application
        base = Observed(app=app, cluster="", state=entry.state, removing=entry.removing, outcomes=past.outcomes)
        try:
            return await self._observed(entry, base)
        except UserError as error:
            kind = "InvalidSpecError" if error.where.startswith("spec.") else "ComparisonError"
            return replace(base, problem=Condition(type=kind, message=str(error)))
        except UnavailableError as error:
            return replace(base, problem=Condition(type="ComparisonError", message=str(error)), unavailable=True)
        except PlatError as error:
            return replace(base, problem=Condition(type="ComparisonError", message=str(error)))

    async def leaving(self, key: str, past: Past, *, foresee: datetime | None = None) -> Leaving | None:
        """Return what decides about an application that nobody declares any more; None for any other.

        `foresee`: as if its deletion had begun then.
        """
        entry = self._from.catalog.get(key)
        if entry is None or not entry.removing:
            return None
        sources = self._from
        around = Around(fleet=sources.fleet, renders=sources.renders, project=sources.project, judge=self._judge)
        return await observe_leaving(entry, past, around, foresee=foresee)

    def attend(self, app: str, cluster: str, refs: frozenset[Ref], reads: Iterable[tuple[str, ReadSet]]) -> None:
        """Remember what concerns an application that is not observed, as it rests."""
        if app not in self._wants:
            for url, read_set in reads:
                self.reads.add(app, url, read_set)
            for ref in refs:
                self._wanted.setdefault((cluster, ref), set()).add(app)
            self._wants[app] = (cluster, refs, None)

    def interested(self, cluster: str, ref: Ref) -> Iterable[str]:
        """Return the applications that want an object of this address."""
        return tuple({app for each in widened(ref) for app in self._wanted.get((cluster, each), ())})

    async def _observed(self, entry: Entry, base: Observed) -> Observed:
        app = entry.application
        member = self._from.fleet.find(app.destination)
        await member.connect()
        base = replace(base, cluster=member.name)
        project = self._project(app, member)
        targets, newer, lost = await self._targets(app, member, base.state)
        if await serves_more(member, targets):
            targets, newer, lost = await self._targets(app, member, base.state)
        ordinary, hooks = _split(targets)
        watched = await self._watched(member, entry, targets)
        trace = trace_of(entry, member, targets, watched, surroundings=self._from.surroundings)
        self._note(app.id, member.name, targets, awaited(member, targets))
        place = Place(name=member.name, server=member.server, project=member.project)
        compared = await self._compared(app, member, ordinary, permitted=lambda ref: permits_live(project, ref, place))
        found = tuple(_hook(target, member, base.state) for target in hooks)
        return replace(
            base,
            project=project,
            revisions=targets.revisions,
            newer=newer,
            lost=lost,
            kinds=targets.kinds,
            warnings=(*targets.conditions, *_shared(app, compared)),
            compared=compared,
            hooks=found,
            namespace=_namespace(app, member, targets),
            health=self._healths(compared, found),
            invalid=_invalid(app, project, place, member, targets),
            absent=absent_namespaces(member, targets),
            unservable=_unservable(app, member, targets),
            episodes=self._from.episodes(app.id),
            taken=self._from.taken(app.id),
            heals=_heals(base.state.history if base.state else (), targets.revisions),
            asked=self._from.asked(app.id),
            confirmed=_confirmed(base),
            trace=trace,
        )

    async def _targets(
        self, app: Application, member: Member, state: ApplicationState | None
    ) -> tuple[Targets, tuple[str, ...], str]:
        """Return what is wanted: of the revisions of the operation that runs (§4.1.1), else of what git has now."""
        renders, facts = self._from.renders, member.facts()
        operation = state.operation if state else None
        pinned = operation.revisions if operation is not None and underway(operation) else ()
        try:
            now = await renders.targets(app, facts, known=pinned or (state.revisions if state else ()))
        except UserError:
            if not pinned:
                raise
            return await renders.targets(app, facts, pinned=pinned), (), ""
        if not pinned or now.revisions == pinned:
            return now, (), ""
        try:
            return await renders.targets(app, facts, pinned=pinned), now.revisions, ""
        except UserError as error:
            return now, now.revisions, str(error)

    def _project(self, app: Application, member: Member) -> Project:
        project = self._from.project(app.project)
        if project is None:
            text = f"application references project {app.project} which does not exist"
            raise UserError(text, where="spec.project", remedy="declare it as an AppProject, or use `default`")
        place = Place(name=member.name, server=member.server, project=member.project)
        if refused := refusals(project, app, place):
            raise UserError("; ".join(refused), where="spec.project")
        return project

    async def _watched(self, member: Member, entry: Entry, targets: Targets) -> frozenset[Kind]:
        """Watch every kind that can hold objects of an application, and return these kinds."""
        kinds = {Kind(group=t.ref.group, kind=t.ref.kind) for t in targets.objects}
        state = entry.state
        kinds |= {Kind(group=r.ref.group, kind=r.ref.kind) for r in (state.resources if state else ())}
        kinds.add(NAMESPACE)
        await member.watches.synced(*(kind for kind in kinds if member.serves(kind)))
        if state is None or not state.resources:
            more = await self._adopted(member, entry.application, targets) - kinds
            await member.watches.synced(*(kind for kind in more if member.serves(kind)))
            kinds |= more
        return frozenset(kinds)

    async def _adopted(self, member: Member, app: Application, targets: Targets) -> frozenset[Kind]:
        """Return the kinds of what is there of an application that plat has not seen before."""
        instance, lives = instance_name(app), (member.watches.get(target.ref) for target in targets.objects)
        there = any(live is not None and live.owner == instance for live in lives)
        return await self._from.adoption.kinds(member, instance, anew=there)

    async def _compared(
        self, app: Application, member: Member, targets: tuple[Target, ...], *, permitted: Callable[[Ref], bool]
    ) -> tuple[Compared, ...]:
        watches = member.watches
        pairs = [(target, watches.get(target.ref)) for target in targets]
        compared = await self._from.comparer(member.name).compare(app, pairs)
        known = {target.ref for target in targets}
        owned = watches.owned(instance_name(app))
        extras = [live for live in owned if live.ref not in known and not live.parents and permitted(live.ref)]
        ordinary = [live for live in extras if not _is_hook(live)]
        return (*compared, *(extra(live) for live in sorted(ordinary, key=lambda live: str(live.ref))))

    def _healths(self, compared: Iterable[Compared], hooks: Iterable[Hook]) -> Mapping[Ref, Health | None]:
        lives = [item.live for item in compared if item.live is not None]
        lives += [live for hook in hooks for live in (hook.live, *hook.named.values()) if live is not None]
        return {live.ref: self._judge(live) for live in lives}

    def _judge(self, live: object) -> Health | None:
        assert isinstance(live, Live)  # noqa: S101  # comparisons keep what the watches gave
        version, health = self._health.get(live.uid, ("", None))
        if version != live.version:
            health = self._from.health_of(live.body())
            self._health[live.uid] = (live.version, health)
        return health

    def _note(self, app: str, cluster: str, targets: Targets, others: frozenset[Ref]) -> None:
        """Remember what an application reads and wants, `others` being what it waits for besides."""
        if self._rendered.get(app) is not targets:
            self._rendered[app] = targets
            self.reads.remove(app)
            for url, read_set in targets.reads:
                self.reads.add(app, url, read_set)
        elif not others and self._wants[app][2] is targets:
            return
        refs = frozenset(target.ref for target in targets.objects) | others
        if self._wants.get(app, ("", frozenset(), None))[:2] != (cluster, refs):
            self._unwant(app)
            for ref in refs:
                self._wanted.setdefault((cluster, ref), set()).add(app)
        self._wants[app] = (cluster, refs, None if others else targets)

    def _forget(self, app: str) -> None:
        self._rendered.pop(app, None)
        self.reads.remove(app)
        self._unwant(app)

    def _unwant(self, app: str) -> None:
        cluster, refs, _ = self._wants.pop(app, ("", frozenset(), None))
        for ref in refs:
            self._wanted[cluster, ref].discard(app)


def _shared(app: Application, compared: Iterable[Compared]) -> tuple[Condition, ...]:
    """Return the warnings of objects that are tracked as another application's (spec/cluster §6 rule 3)."""
    lives = (item.live for item in compared if item.target is not None)
    return shared_warnings(app, [(live.ref, live.owner) for live in lives if isinstance(live, Live)])


def _split(targets: Targets) -> tuple[tuple[Target, ...], tuple[Target, ...]]:
    """Return ordinary objects and hooks; an object that is skipped is neither."""
    ordinary, hooks = [], []
    for target in targets.objects:
        role = role_of(target.manifest)
        if role.hook:
            hooks.append(target)
        elif not role.skipped:
            ordinary.append(target)
    return tuple(ordinary), tuple(hooks)


def _hook(target: Target, member: Member, state: ApplicationState | None) -> Hook:
    """Return a hook with what is live of it, under the names that the operation gives it where it has none itself."""
    operation = state.operation if state else None
    if target.ref.name or operation is None:
        return Hook(target, member.watches.get(target.ref))
    lives = {ref: member.watches.get(ref) for ref in hook_refs(target, operation)}
    return Hook(target, None, {ref: live for ref, live in lives.items() if live is not None})


def _is_hook(live: Live) -> bool:
    role = role_of(live.body())
    return role.hook or role.skipped


def _namespace(app: Application, member: Member, targets: Targets) -> Target | None:
    """Return the namespace that a sync creates first (§4.2.8): absent, or with labels of its own to keep."""
    name = app.destination.namespace
    if app.option("CreateNamespace") != "true" or not name:
        return None
    ref = Ref(kind="Namespace", name=name)
    if any(target.ref == ref for target in targets.objects):
        return None
    wanted = app.namespace_metadata
    live = member.watches.get(ref)
    if live is not None and (wanted is None or _carries(live, wanted, app.camp.field_manager)):
        return None
    metadata: dict[str, object] = {"name": name}
    if wanted is not None:
        metadata |= {"labels": dict(wanted.labels), "annotations": dict(wanted.annotations)}
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    return Target(manifest, ref, digest(manifest))


def _carries(live: Live, wanted: NamespaceMetadata, manager: str) -> bool:
    """Say whether a namespace has all of this, and nothing else that we have applied."""
    metadata = live.body().get("metadata") or {}
    ours = [e for e in metadata.get("managedFields") or () if (e["manager"], e["operation"]) == (manager, "Apply")]
    for field, given in (("labels", wanted.labels), ("annotations", wanted.annotations)):
        owned = {f"f:{name}" for name in given}
        if not given.items() <= (metadata.get(field) or {}).items():
            return False
        if any(set(at(entry, f"fieldsV1.f:metadata.f:{field}", {})) - owned for entry in ours):
            return False
    return True


def _invalid(app: Application, project: Project, place: Place, member: Member, targets: Targets) -> Mapping[Ref, str]:
    """Return which targets may not or cannot be applied, and why (§4.4.1)."""
    coming = _defined(targets)
    found: dict[Ref, str] = {}
    for target in targets.objects:
        ref, scope = target.ref, member.facts().namespaced(target.ref.group, target.ref.kind)
        skips = option(app, "SkipDryRunOnMissingResource", target.manifest) == "true"
        if scope is None and (ref.group, ref.kind) not in coming and not skips:
            version = target.manifest.get("apiVersion", "")
            found[ref] = f"cluster {member.name} serves no {version} {ref.kind}; install its definition first"
        elif refused := refuse_object(project, ref, place, namespaced=scope is not False):
            found[ref] = refused
    return found


def _unservable(app: Application, member: Member, targets: Targets) -> frozenset[Ref]:
    """Return what cannot be dry-run before the sync itself has made its kind or its namespace."""
    del app
    spaces = {t.ref.name for t in targets.objects if (t.ref.group, t.ref.kind) == ("", "Namespace")}
    spaces = {name for name in spaces if member.watches.get(Ref(kind="Namespace", name=name)) is None}
    facts = member.facts()
    return frozenset(
        t.ref for t in targets.objects if facts.namespaced(t.ref.group, t.ref.kind) is None or t.ref.namespace in spaces
    )


def _defined(targets: Targets) -> set[tuple[str, str]]:
    specs = [t.manifest.get("spec") or {} for t in targets.objects if t.ref.kind == DEFINITION]
    return {(spec.get("group", ""), (spec.get("names") or {}).get("kind", "")) for spec in specs}


def _heals(history: Iterable[HistoryItem], revisions: tuple[str, ...]) -> tuple[str, ...]:
    """Return when these revisions were synced by plat itself after the first time."""
    own = [item.deployed_at for item in history if item.automated and item.revisions == revisions]
    return tuple(own[1:])


def _confirmed(base: Observed) -> bool:
    """Whether deletions were approved, not before the operation began (annotation deletion-approved)."""
    approved, state = base.app.approved_at, base.state
    operation = state.operation if state else None
    if not approved:
        return False
    if operation is None or not operation.started_at:
        return True
    return datetime.fromisoformat(approved) >= datetime.fromisoformat(operation.started_at)
