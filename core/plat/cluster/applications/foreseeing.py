"""What a sync of one application would do, object by object, without doing it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from plat.api import OperationState, Ref
from plat.cluster.applications.deciding import gate_input, sync_input
from plat.cluster.applications.observed import Observed
from plat.cluster.applications.reasons import differences, left_alone
from plat.cluster.applications.removing import Leaving
from plat.cluster.applications.status import app_health, sync_status
from plat.cluster.comparison.compare import FieldChange
from plat.cluster.rendering.targets import Target
from plat.cluster.sync.annotations import Phase, wave_of
from plat.cluster.sync.deletion import foreseen
from plat.cluster.sync.gate import gate
from plat.cluster.sync.tasks import Task


class Verb(StrEnum):
    """What would happen to one object."""

    CREATE = "create"
    CONFIGURE = "configure"
    DELETE = "delete"
    RUN = "run"
    """A hook."""
    KEEP = "keep"
    """It is no longer wanted, but pruning is off."""


@dataclass(frozen=True)
class Foreseen:
    """One object that would change."""

    verb: Verb
    ref: Ref
    phase: str
    wave: int
    changes: tuple[FieldChange, ...] = ()
    target: Target | None = field(default=None, repr=False)
    problem: str = ""
    """What the server would say; empty: it would accept it."""


@dataclass(frozen=True)
class Prospect:
    """One application: how it stands, and what would follow."""

    app: str
    cluster: str
    sync: str
    health: str
    revisions: tuple[str, ...]
    code: str
    because: str
    why: str = ""
    """Why a sync would begin, or why not."""
    objects: tuple[Foreseen, ...] = ()
    problem: str = ""
    automatic: bool = True
    """False: it differs, but only a person starts the sync."""

    def facts(self) -> Mapping[str, Any]:
        """Return the stable shape of `plat preview -o json`."""
        return {
            "application": self.app,
            "cluster": self.cluster,
            "sync": self.sync,
            "health": self.health,
            "revisions": list(self.revisions),
            "code": self.code,
            "because": self.because,
            "automatic": self.automatic,
            "problem": self.problem,
            "objects": [_facts(item) for item in self.objects],
        }


def foresee(observed: Observed, now: datetime) -> Prospect:
    """Return what `plat up` would do about one application."""
    app = observed.app
    base = Prospect(
        app=app.id,
        cluster=observed.cluster,
        sync=sync_status(observed),
        health=app_health(observed).status.value,
        revisions=observed.revisions,
        code="",
        because="",
    )
    if app.paused:
        because = left_alone(app)
        return _with(base, code=because.code, because=because.text, automatic=False)
    if observed.problem is not None:
        message = observed.problem.message
        return _with(base, code=observed.problem.type, because=message, problem=message)
    last = observed.state.operation if observed.state else None
    answer = gate(gate_input(observed, last), now)
    if base.sync == "Synced":
        return _with(base, code="in-sync", because="nothing to do")
    prune = app.automated.prune if app.automated is not None else False
    operation = OperationState(phase="Running", started_at="", revisions=observed.revisions, prune=prune)
    tasks = sync_input(observed, operation).tasks
    objects = tuple(_foreseen(task, observed, prune=prune) for task in tasks if task.modified)
    text = differences(observed) if answer.start else f"{differences(observed)}; {answer.text}"
    return _with(base, code=answer.code, because=text, why=answer.text, objects=objects, automatic=answer.start)


def foresee_leaving(leaving: Leaving) -> Prospect:
    """Return what `plat up` would do about an application that nobody declares any more."""
    app, state, given = leaving.app, leaving.state, leaving.given
    hooks, objects = foreseen(given) if given is not None and given.cluster else ((), ())
    stays = app.deletion == "leave" or given is None or not given.cluster
    return Prospect(
        app=app.id,
        cluster=given.cluster if given is not None else "",
        sync=state.sync if state else "Unknown",
        health=state.health.status.value if state else "Unknown",
        revisions=leaving.revisions,
        code="removing",
        because="nobody declares it any more" + ("; its objects are left as they are" if stays else ""),
        objects=(
            *(Foreseen(Verb.RUN, task.ref, task.phase.value, task.wave, target=task.target) for task in hooks),
            *(
                Foreseen(Verb.DELETE if goes else Verb.KEEP, live.ref, Phase.SYNC.value, wave_of(live.body()))
                for live, goes in objects
            ),
        ),
    )


def out_of_reach(app: str, problem: str) -> Prospect:
    """Return the prospect of an application that cannot be looked at now."""
    return Prospect(app, "", "Unknown", "Unknown", (), "unavailable", problem, problem=problem)


def _with(base: Prospect, **changes: Any) -> Prospect:
    return Prospect(**{**{name: getattr(base, name) for name in Prospect.__dataclass_fields__}, **changes})


def _foreseen(task: Task, observed: Observed, *, prune: bool) -> Foreseen:
    compared = next((item for item in observed.compared if item.ref == task.ref), None)
    invalid = observed.invalid.get(task.ref, "")
    return Foreseen(
        verb=_verb(task, prune=prune),
        ref=task.ref,
        phase=task.phase.value,
        wave=task.wave,
        changes=compared.changes if compared and not task.hook else (),
        target=task.target,
        problem=invalid,
    )


def _verb(task: Task, *, prune: bool) -> Verb:
    if task.prunes:
        return Verb.DELETE if prune else Verb.KEEP
    if task.hook:
        return Verb.RUN
    return Verb.CREATE if task.live is None else Verb.CONFIGURE


def _facts(item: Foreseen) -> Mapping[str, Any]:
    return {
        "verb": item.verb.value,
        "group": item.ref.group,
        "kind": item.ref.kind,
        "namespace": item.ref.namespace,
        "name": item.ref.name,
        "phase": item.phase,
        "wave": item.wave,
        "changes": [{"path": c.path, "git": c.git, "live": c.live} for c in item.changes],
        "problem": item.problem,
    }
