"""Everything that decides about one application, as one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from plat.api import Application, ApplicationState, Condition, Health, OperationState, Project, Ref
from plat.cluster.applications.traces import Trace
from plat.cluster.comparison.compare import Compared
from plat.cluster.drift import Episode
from plat.cluster.rendering.targets import Target
from plat.cluster.sync.fights import Fight, Taken
from plat.cluster.sync.tasks import Hook
from plat.engine import Outcome


@dataclass(frozen=True)
class Asked:
    """A sync that a person asked for."""

    by: str
    prune: bool = False
    dry_run: bool = False
    force: bool = False
    hooks: bool = True
    resources: tuple[Ref, ...] = ()
    token: str = ""


@dataclass(frozen=True)
class Observed:
    """One application: what is wanted, what there is, and what was done before."""

    app: Application
    cluster: str
    state: ApplicationState | None
    """What was known of it last."""
    removing: bool = False
    problem: Condition | None = None
    """Why it cannot be compared: InvalidSpecError or ComparisonError."""
    unavailable: bool = False
    """The problem may pass by itself."""
    project: Project | None = None
    revisions: tuple[str, ...] = ()
    newer: tuple[str, ...] = ()
    """What git has by now, where an operation that runs is of other revisions."""
    lost: str = ""
    """Why the revisions of the operation that runs cannot be had any more."""
    kinds: tuple[str, ...] = ()
    """The renderer of each source."""
    warnings: tuple[Condition, ...] = ()
    compared: tuple[Compared, ...] = ()
    hooks: tuple[Hook, ...] = ()
    namespace: Target | None = None
    """The namespace to create first, if it has to be."""
    health: Mapping[Ref, Health | None] = field(default_factory=dict)
    """Of live objects, hooks included; None: no rule."""
    invalid: Mapping[Ref, str] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    """Namespaces that objects are to live in and that do not exist."""
    unservable: frozenset[Ref] = frozenset()
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    episodes: Mapping[Ref, Episode] = field(default_factory=dict)
    heals: tuple[str, ...] = ()
    taken: tuple[Taken, ...] = ()
    """Fields that somebody took lately, as the ledger tells."""
    fought: tuple[Fight, ...] = ()
    """What of that is a fight by now; `decide` fills it in."""
    asked: Asked | None = None
    confirmed: bool = False
    trace: Trace | None = field(default=None, repr=False, compare=False)
    """What it was made from; None where it could not be compared."""


def underway(operation: OperationState) -> bool:
    """Say whether an operation is carried out now: neither ended, nor between two tries."""
    return operation.phase in ("Running", "Terminating") and not operation.finished_at
