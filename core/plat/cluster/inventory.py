"""What the manifests declare, in the core's terms: applications, sets, projects, clusters, credentials."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from plat.api import (
    Application,
    ApplicationSet,
    Camp,
    ClusterEntry,
    CoreModel,
    Dialect,
    Lookup,
    Manifest,
    Note,
    Project,
    RepositoryEntry,
    UserError,
    Verb,
    group_of,
)
from plat.cluster.manifests import Found, Manifests

C = TypeVar("C", bound=CoreModel)

DialectOf = Callable[[str], Dialect[Any] | None]
"""The dialect of `group/Kind`, or None where nobody claims it."""

LineOf = Callable[[Found, Sequence[str]], int]
"""The line of a dotted path of a manifest."""


@dataclass(frozen=True)
class Declared(Generic[C]):
    """One core object with the manifest that declares it, its place and its dialect."""

    object: C
    manifest: Manifest
    where: str
    dialect: Dialect[Any] = field(compare=False)
    verbs: tuple[Verb, ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Inventory:
    """All that is declared, by id. A problem names its place and stops nothing else."""

    applications: Mapping[str, Declared[Application]] = field(default_factory=dict)
    sets: Mapping[str, Declared[ApplicationSet]] = field(default_factory=dict)
    projects: Mapping[str, Project] = field(default_factory=dict)
    clusters: tuple[ClusterEntry, ...] = ()
    repositories: tuple[RepositoryEntry, ...] = ()
    problems: tuple[UserError, ...] = ()
    unclaimed: Mapping[str, int] = field(default_factory=dict)
    """How many manifests of each kind no dialect claims; they are left alone."""
    notes: tuple[tuple[str, Note], ...] = ()
    """What a person should know of any manifest, with its place: also of those that declare nothing that runs."""

    @property
    def camps(self) -> tuple[Camp, ...]:
        """How the applications of this stack are tracked, and those that its sets generate."""
        declared: tuple[Declared[Any], ...] = (*self.applications.values(), *self.sets.values())
        return tuple(dict.fromkeys(item.object.camp for item in declared))


class _Builder:
    def __init__(self) -> None:
        self.applications: dict[str, Declared[Application]] = {}
        self.sets: dict[str, Declared[ApplicationSet]] = {}
        self.projects: dict[str, Project] = {}
        self.clusters: list[ClusterEntry] = []
        self.repositories: list[RepositoryEntry] = []
        self.problems: list[UserError] = []
        self.unclaimed: dict[str, int] = {}
        self.notes: list[tuple[str, Note]] = []

    def add(self, item: Declared[Any]) -> None:
        self.notes += [(item.where, note) for note in item.notes]
        match item.object:
            case Application():
                self._once(self.applications, item)
            case ApplicationSet():
                self._once(self.sets, item)
            case Project():
                self.projects[item.object.name] = item.object
            case ClusterEntry():
                self.clusters.append(item.object)
            case RepositoryEntry():
                self.repositories.append(item.object)

    def _once(self, known: dict[str, Declared[Any]], item: Declared[Any]) -> None:
        other = known.get(item.object.id)
        if other is not None:
            self.problems.append(
                UserError(
                    f"{item.object.id} is declared twice", where=item.where, remedy=f"the other is at {other.where}"
                )
            )
            return
        known[item.object.id] = item


def take_inventory(manifests: Manifests, dialect_of: DialectOf, line_of: LineOf) -> Inventory:
    """Read every manifest by its dialect."""
    builder = _Builder()
    for found in manifests.found:
        name = kind_name(found.manifest)
        dialect = dialect_of(name)
        if dialect is None:
            builder.unclaimed[name] = builder.unclaimed.get(name, 0) + 1
            continue
        try:
            items = declare(found.manifest, dialect, manifests, where=found.where)
        except UserError as error:
            builder.problems.append(placed(error, found, line_of))
            continue
        for item in items:
            builder.add(item)
    return Inventory(**{name: _frozen(value) for name, value in vars(builder).items()})


def declare(manifest: Manifest, dialect: Dialect[Any], others: Lookup, *, where: str) -> list[Declared[Any]]:
    """Read one manifest by its dialect. Raises UserError with a dotted path in `where`."""
    reading = dialect.read(manifest, others)
    verbs, notes = tuple(reading.verbs), tuple(reading.notes)
    return [Declared(thing, manifest, where, dialect, verbs, notes) for thing in reading.objects]


def kind_name(manifest: Manifest) -> str:
    """Return `group/Kind`, or the bare kind for the core group: how a dialect names what it reads."""
    group = group_of(manifest)
    return f"{group}/{manifest['kind']}" if group else str(manifest["kind"])


def placed(error: UserError, found: Found, line_of: LineOf) -> UserError:
    """Return an error about a dotted path of a manifest as one about a line of its file."""
    path = [step for step in error.where.split(".") if step]
    line = line_of(found, path) if path else found.line
    name = (found.manifest.get("metadata") or {}).get("name", "")
    subject = f"{found.manifest['kind']} {name}".strip()
    what = f"{subject}: {error.where}: {error.args[0]}" if error.where else f"{subject}: {error.args[0]}"
    return UserError(what, where=f"{found.path}:{line}", remedy=error.remedy)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
