"""Hook `plat_dialects`: translate one foreign kind to the core model, and state back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar

from plat.api._model import CoreModel, NamespaceMetadata
from plat.api._plugin import Plugin
from plat.api._rivals import Rival
from plat.api._values import JSON, Health, Manifest, Ref

S = TypeVar("S")


@dataclass(frozen=True, kw_only=True)
class Verb:
    """What somebody asked for through the object itself: an annotation, an operation, a status write."""

    name: str
    arguments: Mapping[str, JSON] = field(default_factory=dict)
    by: str = ""
    token: str = ""


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something a person should know; `instead` is the modern form of a deprecated field."""

    path: str
    message: str
    instead: str = ""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a manifest means."""

    objects: Sequence[CoreModel] = ()
    state: JSON = None
    verbs: Sequence[Verb] = ()
    notes: Sequence[Note] = ()


@dataclass(frozen=True, kw_only=True)
class WriteBack:
    """What to write on the dialect's own object: only what differs is sent. None removes."""

    status: Mapping[str, JSON] = field(default_factory=dict)
    annotations: Mapping[str, str | None] = field(default_factory=dict)
    fields: Mapping[str, JSON] = field(default_factory=dict)


class Lookup(Protocol):
    """The stack's other manifests; what is looked up is remembered, so a change there is read again."""

    def get(self, ref: Ref) -> Manifest | None: ...
    def list(self, ref: Ref) -> Sequence[Manifest]: ...


@dataclass(frozen=True, kw_only=True)
class ResourceState:
    """One object of an application, as last compared."""

    ref: Ref
    version: str
    sync: Literal["Synced", "OutOfSync", "Unknown", ""] = ""
    health: Health | None = None
    prune: bool = False
    prune_confirmation: bool = False
    hook: bool = False
    wave: int = 0


@dataclass(frozen=True, kw_only=True)
class TaskResult:
    """What came of one object in a sync operation."""

    ref: Ref
    version: str
    status: Literal["Synced", "SyncFailed", "Pruned", "PruneSkipped", ""] = ""
    message: str = ""
    phase: str = ""
    hook_type: str = ""
    hook_phase: str = ""
    images: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OperationState:
    """A sync operation, running or ended."""

    phase: Literal["Running", "Terminating", "Succeeded", "Failed", "Error"]
    message: str = ""
    started_at: str = ""
    finished_at: str = ""
    retry_count: int = 0
    revisions: tuple[str, ...] = ()
    automated: bool = False
    by: str = ""
    options: frozenset[str] = frozenset()
    prune: bool = False
    dry_run: bool = False
    force: bool = False
    """Recreate every object that cannot be changed, as if each said `Force=true`."""
    hooks: bool = True
    """False: the strategy `apply`, which runs no hooks."""
    heals: int = 0
    """How many automated syncs of the same revisions came right before it, itself included (spec/cluster §7.2)."""
    namespace_metadata: NamespaceMetadata | None = None
    """What the destination namespace was to carry."""
    resources: tuple[Ref, ...] = ()
    results: tuple[TaskResult, ...] = ()


@dataclass(frozen=True, kw_only=True)
class HistoryItem:
    """One deployed state."""

    id: int
    revisions: tuple[str, ...]
    deploy_started_at: str
    deployed_at: str
    automated: bool = False
    by: str = ""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """Something that stays true until it is cleared, such as ComparisonError."""

    type: str
    message: str
    last_transition_time: str = ""


@dataclass(frozen=True, kw_only=True)
class ApplicationState:
    """What the core knows about an application; a dialect writes it in its own shape (spec/cluster §11)."""

    sync: Literal["Synced", "OutOfSync", "Unknown"]
    health: Health
    health_since: str = ""
    revisions: tuple[str, ...] = ()
    resources: tuple[ResourceState, ...] = ()
    operation: OperationState | None = None
    history: tuple[HistoryItem, ...] = ()
    conditions: tuple[Condition, ...] = ()
    images: tuple[str, ...] = ()
    source_types: tuple[str, ...] = ()
    reconciled_at: str = ""


class Dialect(Plugin, Generic[S]):
    """Translate one foreign kind (`kind` is "group/Kind") to the core model, and state back. Pure."""

    rivals: ClassVar[tuple[Rival, ...]] = ()
    """Controllers that act on the same objects: while one of them runs in a cluster, plat writes nothing there."""

    @abstractmethod
    def read(self, manifest: Manifest, others: Lookup) -> Reading:
        """Say what a manifest means. Raise UserError with `where` (a dotted path) for what cannot be meant."""

    def write(self, manifest: Manifest, state: S) -> WriteBack:
        """Say what the dialect's own tools expect to read on the object."""
        del manifest, state
        return WriteBack()

    def restore(self, manifest: Manifest) -> Any:
        """Read the state back from what `write` wrote, or from what the dialect's own tools wrote; None if absent."""
        del manifest

    def acknowledge(self, manifest: Manifest, verb: Verb) -> WriteBack:
        """Say what to write once a verb is carried out."""
        del manifest, verb
        return WriteBack()
