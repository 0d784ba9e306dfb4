"""One application's sources turned into its targets, through the cache."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

from plat.api import JSON, Application, Condition, Manifest, PlatError, Renderer, Source, Tree, UserError
from plat.cluster.rendering.cache import ReadSet, RenderCache, Rendering
from plat.cluster.rendering.choose import choose, merged, names_in, override_files
from plat.cluster.rendering.environment import Recording, environment
from plat.cluster.rendering.targets import Namespaced, Target, digest, make_targets


@dataclass(frozen=True)
class ClusterFacts:
    """What a render may depend on of the cluster that it is meant for."""

    kube_version: str
    api_versions: tuple[str, ...]
    namespaced: Namespaced

    @cached_property
    def mark(self) -> str:
        """What is the same for clusters of the same version that serve the same."""
        return digest([self.kube_version, list(self.api_versions)])


class SourceTree(Tree, Protocol):
    """A tree that remembers what was read of it."""

    @property
    def read_set(self) -> ReadSet:
        """Everything read so far."""
        ...

    def holds(self, read_set: ReadSet) -> bool:
        """Say whether everything in the read-set has the same object id here."""
        ...

    def names(self, path: str = "") -> Sequence[str]:
        """Return the names in a directory; empty where there is none."""
        ...

    def oid(self, path: str) -> str:
        """Return the object id at a path, symlinks not followed; empty for nothing."""
        ...


class Repositories(Protocol):
    """Where trees come from."""

    async def resolve(self, url: str, revision: str, *, tag_prefix: str = "") -> str:
        """Return the commit."""
        ...

    async def tree(self, url: str, revision: str) -> SourceTree:
        """Return the tree of a commit."""
        ...


@dataclass(frozen=True)
class RenderInput:
    """What the composition root needs to call a renderer."""

    app: Application
    source: Source
    path: str
    refs: Mapping[str, SourceTree]
    env: Recording
    facts: ClusterFacts


RunRenderer = Callable[[Renderer, SourceTree, RenderInput], Awaitable[tuple[Sequence[Manifest], Sequence[str]]]]
"""Call a renderer with its context; the composition root builds the context."""

ReadYaml = Callable[..., Awaitable[Mapping[str, JSON]]]
"""`await read(text, where=path)`: one file with one mapping."""


@dataclass(frozen=True)
class Witness:
    """What of one source, by its number, must be the same for an application to want the same."""

    source: int
    paths: ReadSet
    """Directories that were read from as a whole; that is fewer than all files."""


@dataclass(frozen=True)
class Targets:
    """What one application wants to be there, at which revisions."""

    objects: tuple[Target, ...]
    revisions: tuple[str, ...]
    kinds: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()
    reads: tuple[tuple[str, ReadSet], ...] = ()
    """(repository address, read-set) of all sources: which changed paths concern this application."""
    revision_bound: bool = False
    """The render has used the revision itself, so it changes with every commit."""
    witnesses: tuple[Witness, ...] = ()
    """Empty where nothing short tells that nothing has changed."""


class Renders:
    """Renders applications; the same content is rendered once, whatever the number of applications."""

    def __init__(
        self,
        repositories: Repositories,
        renderers: Mapping[str, type[Renderer]],
        run: RunRenderer,
        cache: RenderCache,
        *,
        read_yaml: ReadYaml,
        version: str,
    ) -> None:
        self._repositories, self._renderers, self._run, self._cache = repositories, renderers, run, cache
        self._read_yaml = read_yaml
        self._version = version
        self._flights: dict[str, asyncio.Task[Rendering]] = {}
        self._last: dict[tuple[str, bool], tuple[Application, ClusterFacts, tuple[str, ...], Targets]] = {}
        self.rendered = 0
        """How many renders were really made; an unchanged application makes none."""

    async def targets(
        self, app: Application, facts: ClusterFacts, *, pinned: Sequence[str] = (), known: Sequence[str] = ()
    ) -> Targets:
        """Render all sources of an application, at `pinned` revisions or at what its own resolve to now.

        Where nothing that was read differs at the `known` revisions, these stay: an application's revision moves
        only when its inputs do [≠ upstream] (DESIGN §9). Raises UserError (somebody must change a manifest) or
        UnavailableError (a repository is out of reach).
        """
        commits = tuple(pinned) or tuple([await self._resolve(source) for source in app.sources])
        last = self._last.get((app.id, bool(pinned)))
        if last is not None and last[0] is app and last[1] is facts and last[2] == commits:
            return last[3]
        targets = await self._targets(app, facts, commits)
        if known and not pinned and await self._same(app, targets, tuple(known)):
            targets = replace(targets, revisions=tuple(known))
        self._last[app.id, bool(pinned)] = (app, facts, commits, targets)
        return targets

    async def unchanged(self, app: Application, witnesses: Iterable[Witness]) -> bool:
        """Say whether an application's sources still have what these witnesses tell of. Raises as `targets` does."""
        for witness in witnesses:
            source = app.sources[witness.source]
            tree = await self._repositories.tree(source.url, await self._resolve(source))
            if not tree.holds(witness.paths):
                return False
        return True

    async def _targets(self, app: Application, facts: ClusterFacts, commits: tuple[str, ...]) -> Targets:
        trees = [await self._repositories.tree(s.url, c) for s, c in zip(app.sources, commits, strict=True)]
        refs = {s.ref: tree for s, tree in zip(app.sources, trees, strict=True) if s.ref}
        renderings: list[tuple[Source, Rendering]] = []
        for source, tree, commit in zip(app.sources, trees, commits, strict=True):
            if source.ref and source.path in ("", "."):
                continue
            apis = ",".join(facts.api_versions)
            env = Recording(environment(app, source, commit, facts.kube_version, apis))
            given = RenderInput(app=app, source=source, path=source.path, refs=refs, env=env, facts=facts)
            renderings.append((source, await self._render(app, given, tree)))
        objects = [manifest for _, rendering in renderings for manifest in rendering.objects]
        targets, conditions = make_targets(app, objects, facts.namespaced)
        return Targets(
            objects=targets,
            revisions=commits,
            kinds=tuple(rendering.kind for _, rendering in renderings),
            conditions=conditions + tuple(_warnings(renderings)),
            reads=tuple(_reads(app, renderings)),
            revision_bound=any("_REVISION" in name for _, rendering in renderings for name in rendering.used),
            witnesses=tuple(_witnesses(app, trees, renderings)),
        )

    async def _same(self, app: Application, targets: Targets, known: tuple[str, ...]) -> bool:
        """Say whether the trees of these revisions hold everything that the targets were made from."""
        if known == targets.revisions or len(known) != len(app.sources) or targets.revision_bound:
            return known == targets.revisions
        try:
            trees = [await self._repositories.tree(s.url, c) for s, c in zip(app.sources, known, strict=True)]
        except PlatError:
            return False
        by_url = {source.url: tree for source, tree in zip(app.sources, trees, strict=True)}
        return all(url in by_url and by_url[url].holds(read_set) for url, read_set in targets.reads)

    async def _resolve(self, source: Source) -> str:
        if source.chart:
            raise UserError(
                f"Helm repository charts ({source.chart}) cannot be read yet",
                remedy="keep the chart in git and name its path",
            )
        return await self._repositories.resolve(source.url, source.revision, tag_prefix=source.tag_prefix)

    async def _render(self, app: Application, given: RenderInput, tree: SourceTree) -> Rendering:
        names = names_in(tree, given.path)
        if not names and not tree.names(given.path):
            remedy = "correct the path, or the revision that it is looked for at"
            raise UserError("app path does not exist, or is no directory", where=given.path, remedy=remedy)
        source = await self._overridden(given.source, tree, override_files(app, given.path, names))
        renderer = choose(source, names, self._renderers)
        key = self._key(app, renderer, given)
        for known in self._cache.candidates(key):
            if _holds(known, tree, given):
                return known
        flight = f"{key}:{source.url}:{tree.commit}"
        if flight not in self._flights:
            task = asyncio.ensure_future(self._make(renderer, given, tree))
            self._flights[flight] = task
            task.add_done_callback(lambda _: self._flights.pop(flight, None))
        return await asyncio.shield(self._flights[flight])

    async def _make(self, renderer: Renderer, given: RenderInput, tree: SourceTree) -> Rendering:
        self.rendered += 1
        try:
            objects, warnings = await self._run(renderer, tree, given)
        except UserError as error:
            if error.where:
                raise
            raise UserError(error.args[0], where=given.path, remedy=error.remedy) from error
        reads = {"": tree.read_set, **{name: other.read_set for name, other in given.refs.items() if other is not tree}}
        rendering = Rendering(tuple(objects), renderer.kind, tuple(warnings), reads, dict(given.env.used))
        self._cache.add(self._key(given.app, renderer, given), rendering)
        return rendering

    async def _overridden(self, source: Source, tree: SourceTree, paths: Iterable[str]) -> Source:
        for path in paths:
            source = merged(source, await self._read_yaml(tree.read(path), where=path))
        return source

    def _key(self, app: Application, renderer: Renderer, given: RenderInput) -> str:
        """Everything a render depends on but files and variables, which each rendering records by itself."""
        facts: list[JSON] = [self._version, renderer.kind, renderer.model_dump(mode="json"), given.path]
        if "app" in renderer.needs:
            facts += [app.name, app.destination.namespace]
        if "kube_version" in renderer.needs:
            facts += [given.facts.kube_version, list(given.facts.api_versions)]
        return digest(facts)


def _holds(known: Rendering, tree: SourceTree, given: RenderInput) -> bool:
    if any(given.env.get(name, "") != value for name, value in known.used.items()):
        return False
    if not tree.holds(known.reads.get("", frozenset())):
        return False
    others = [(given.refs.get(name), read_set) for name, read_set in known.reads.items() if name]
    return all(other is not None and other.holds(read_set) for other, read_set in others)


def _reads(app: Application, renderings: Sequence[tuple[Source, Rendering]]) -> list[tuple[str, ReadSet]]:
    urls = {source.ref: source.url for source in app.sources if source.ref}
    return [
        (urls.get(name, source.url) if name else source.url, read_set)
        for source, rendering in renderings
        for name, read_set in rendering.reads.items()
    ]


def _witnesses(
    app: Application, trees: Sequence[SourceTree], renderings: Sequence[tuple[Source, Rendering]]
) -> list[Witness]:
    """Return the directory of each source, and what was read outside of it."""
    numbers = {source.ref: number for number, source in enumerate(app.sources) if source.ref}
    found = []
    for source, rendering in renderings:
        number = app.sources.index(source)
        place = "" if source.path == "." else source.path.strip("/")
        oid = trees[number].oid(place)
        if not oid:
            return []  # reached by a symlink
        outside = {(path, id_) for path, id_ in rendering.reads.get("", ()) if not _within(path, place)}
        found.append(Witness(number, frozenset({(place, oid), *outside})))
        found += [Witness(numbers[name], paths) for name, paths in rendering.reads.items() if name]
    return found


def _within(path: str, place: str) -> bool:
    return not place or path.rstrip("/") == place or path.startswith(f"{place}/")


def _warnings(renderings: Sequence[tuple[Source, Rendering]]) -> list[Condition]:
    texts = [text for _, rendering in renderings for text in rendering.warnings]
    return [Condition(type="RenderWarning", message=text) for text in texts]
