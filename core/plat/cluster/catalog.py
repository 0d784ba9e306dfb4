"""All applications that plat looks after: those written in files, those that sets generate, those on their way out.

Kept in the object store as the dialect writes them (manifest and status), so that a set, a deletion or a run that was
cut off is found again by the next run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from plat.api import Application, ApplicationState, Dialect, Manifest, RefusedError, UserError
from plat.cluster.inventory import Declared, declare, kind_name
from plat.cluster.manifests import Manifests
from plat.cluster.tracking import instance_name
from plat.store import ObjectStore, Stored, difference

KIND: Final = "Application"


@dataclass(frozen=True)
class Entry:
    """One application, its manifest, and the record that keeps its status."""

    application: Application
    manifest: Manifest = field(repr=False, compare=False)
    where: str
    dialect: Dialect[Any] = field(repr=False, compare=False)
    stored: Stored = field(repr=False)
    removing: bool = False
    """Nobody declares it any more: its resources are deleted as its finalizers say, then it is forgotten."""

    @cached_property
    def state(self) -> ApplicationState | None:
        """What was known of it last, read back from its status once for every version of it."""
        state = self.dialect.restore({**self.manifest, "status": self.stored.status})
        return state if isinstance(state, ApplicationState) else None


class Catalog:
    """The applications by id. All changes go through here and tell `changed` the id."""

    def __init__(self, store: ObjectStore, dialect_of: Callable[[str], Dialect[Any] | None], others: Manifests) -> None:
        self._store, self._dialect_of, self.others = store, dialect_of, others
        self._entries: dict[str, Entry] = {}
        self._instances: dict[str, str] = {}
        self._sets_seen: set[str] = set()
        self.changed: Callable[[str], None] = lambda _: None

    def get(self, app: str) -> Entry | None:
        """Return one application."""
        return self._entries.get(app)

    def by_instance(self, name: str) -> str:
        """Return the id of the application that tracking names so; empty if there is none."""
        if len(self._instances) != len(self._entries):
            self._instances = {instance_name(e.application): app for app, e in self._entries.items()}
        return self._instances.get(name, "")

    def entries(self) -> tuple[Entry, ...]:
        """Return all applications, by id."""
        return tuple(self._entries[app] for app in sorted(self._entries))

    def holds(self, manifest: Manifest) -> bool:
        """Say whether exactly this manifest is one of the applications: it was read before, and nothing is wrong."""
        metadata = manifest.get("metadata") or {}
        entry = self._entries.get(f"{metadata.get('namespace')}/{metadata.get('name')}")
        return entry is not None and entry.manifest == manifest

    def owned(self, owner: str) -> tuple[Entry, ...]:
        """Return the applications that a set has generated."""
        return tuple(entry for entry in self.entries() if entry.application.owner == owner)

    def looked_at(self, owner: str) -> bool:
        """Say whether a set has been generated in this run, so that its applications are known to be wanted."""
        return owner in self._sets_seen

    def look_at(self, owner: str) -> None:
        """Note that a set has been generated; the first time, its applications are told of."""
        if owner not in self._sets_seen:
            self._sets_seen.add(owner)
            for entry in self.owned(owner):
                self.changed(entry.application.id)

    async def load(
        self, declared: Mapping[str, Declared[Application]], sets: Iterable[str], *, complete: bool = True
    ) -> list[UserError]:
        """Take up what the last run left and what the files declare now.

        Not `complete`: some file could not be read, so what is not declared may stand in that one. It goes on as it was
        declared last, and nothing is removed.

        Returns the problems of stored applications that cannot be read any more; they are left alone.
        """
        known_sets, problems = frozenset(sets), list[UserError]()
        for stored in await self._store.list(KIND):
            app = f"{stored.namespace}/{stored.name}" if stored.namespace else stored.name
            if app in declared:
                self._entries[app] = _entry(declared[app], stored)
                continue
            try:
                entry = self._restored(stored)
            except UserError as error:
                problems.append(error)
                continue
            owner = entry.application.owner
            self._entries[app] = replace(entry, removing=complete and owner not in known_sets)
        for item in declared.values():
            await self.put(item)
        return problems

    async def recall(self) -> None:
        """Take up what the last run left, and nothing else: for commands that only show it."""
        for stored in await self._store.list(KIND):
            try:
                entry = self._restored(stored)
            except UserError:
                continue
            self._entries[entry.application.id] = entry

    async def put(self, item: Declared[Application], *, owner: str = "") -> Entry:
        """Declare an application, new or changed; the same again writes nothing."""
        app = item.object.model_copy(update={"owner": owner}) if owner else item.object
        item = replace(item, object=app)
        spec = {"manifest": dict(item.manifest), "owner": owner, "where": item.where}
        known = self._entries.get(app.id)
        if known is None:
            stored = await self._create(app, spec)
        elif known.stored.spec != spec:
            stored = await self._store.update(replace(known.stored, spec=spec))
        else:
            stored = known.stored
        entry = self._entries[app.id] = _entry(item, stored)
        if known is None or known.removing or known.application != app:
            self.changed(app.id)
        return entry

    async def retire(self, app: str) -> None:
        """Let an application go: its own finalizers say what happens to its resources."""
        entry = self._entries.get(app)
        if entry is not None and not entry.removing:
            self._entries[app] = replace(entry, removing=True)
            self.changed(app)

    async def forget(self, app: str) -> None:
        """Drop an application that is gone for good."""
        entry = self._entries.pop(app, None)
        if entry is not None:
            await self._store.delete(KIND, entry.stored.name, entry.stored.namespace)
            self.changed(app)

    async def save(self, app: str, state: ApplicationState) -> None:
        """Write an application's state as its dialect does, if that differs from what is kept."""
        entry = self._entries.get(app)
        if entry is None:
            return
        status = entry.dialect.write(entry.manifest, state).status
        patch = difference(entry.stored.status or {}, dict(status))
        if patch:
            stored = await self._store.update_status(entry.stored, patch)
            self._entries[app] = replace(self._entries[app], stored=stored)

    async def _create(self, app: Application, spec: Mapping[str, Any]) -> Stored:
        try:
            return await self._store.create(KIND, app.name, app.namespace, spec=spec)
        except RefusedError:
            stored = await self._store.get(KIND, app.name, app.namespace)
            if stored is None:
                raise
            return stored

    def _restored(self, stored: Stored) -> Entry:
        manifest, where = stored.spec["manifest"], stored.spec["where"]
        dialect = self._dialect_of(kind_name(manifest))
        if dialect is None:
            raise UserError(f"nothing reads {kind_name(manifest)} any more", where=where, remedy="install its plug-in")
        item = next(
            d for d in declare(manifest, dialect, self.others, where=where) if isinstance(d.object, Application)
        )
        app = item.object.model_copy(update={"owner": stored.spec["owner"]})
        return _entry(replace(item, object=app), stored)


def _entry(item: Declared[Application], stored: Stored) -> Entry:
    return Entry(item.object, item.manifest, item.where, item.dialect, stored)
