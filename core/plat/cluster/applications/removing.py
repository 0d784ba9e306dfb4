"""Letting an application go (spec/cluster §4.8): observed apart, as it must go even if its sources cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from plat.api import (
    Application,
    ApplicationState,
    Condition,
    Health,
    HealthStatus,
    Kind,
    OperationState,
    PlatError,
    Project,
    Ref,
    UserError,
)
from plat.cluster.applications.status import stamp
from plat.cluster.catalog import Entry
from plat.cluster.effects import ForgetApplication, SaveState
from plat.cluster.fleet import Fleet, Member
from plat.cluster.projects.rules import Place, permits_live
from plat.cluster.rendering import Renders, Target
from plat.cluster.sync.annotations import role_of
from plat.cluster.sync.deletion import PHASES, DeletionInput, DeletionStep, begin, delete, deletion_refs
from plat.cluster.sync.tasks import Hook
from plat.cluster.tracking import instance_name
from plat.engine import Batch, Decision, Past, Reason, Standing
from plat.kube import Live


@dataclass(frozen=True)
class Leaving:
    """Everything that decides about an application that nobody declares any more."""

    app: Application
    state: ApplicationState | None
    given: DeletionInput | None
    """None: the deletion has to be begun first."""
    revisions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Around:
    """What an application that leaves is observed through."""

    fleet: Fleet
    renders: Renders
    project: Callable[[str], Project | None]
    judge: Callable[[Live], Health | None]


async def observe_leaving(entry: Entry, past: Past, around: Around, *, foresee: datetime | None = None) -> Leaving:
    """Return what is left of an application: its live objects, and its deletion hooks where they can be rendered.

    `foresee`: as if its deletion had begun then, where it has not.
    """
    app, state = entry.application, entry.state
    operation = state.operation if state else None
    if operation is None or operation.by != DELETER:
        revisions = state.revisions if state else ()
        if foresee is None:
            return Leaving(app, state, None, revisions)
        operation = begin(app, foresee, revisions=revisions, by=DELETER)
    member = await _member(app, around.fleet)
    if member is None:
        return Leaving(app, state, DeletionInput(app, "", operation))
    kinds = {Kind(group=r.ref.group, kind=r.ref.kind) for r in (state.resources if state else ())}
    targets = await _hook_targets(app, member, around.renders, state)
    kinds |= {Kind(group=target.ref.group, kind=target.ref.kind) for target in targets}
    await member.watches.synced(*(kind for kind in kinds if member.serves(kind)))
    rules = around.project(app.project)
    place = Place(name=member.name, server=member.server, project=member.project)
    owned = [live for live in member.watches.owned(instance_name(app)) if not live.parents]
    owned = [live for live in owned if rules is None or permits_live(rules, live.ref, place)]
    hooks = tuple(_hook(target, member, operation) for target in targets)
    lives = [live for hook in hooks for live in (hook.live, *hook.named.values()) if live is not None]
    given = DeletionInput(
        app,
        member.name,
        operation,
        owned=tuple(owned),
        hooks=hooks,
        health={live.ref: around.judge(live) for live in lives if isinstance(live, Live)},
        outcomes=past.outcomes,
        confirmed=_confirmed(app, operation),
    )
    return Leaving(app, state, given)


def decide_leaving(leaving: Leaving, now: datetime) -> Decision:
    """Return the next step of a deletion; its operation is saved before anything is carried out."""
    app = leaving.app
    if leaving.given is None:
        begun = begin(app, now, revisions=leaving.revisions, by=DELETER)
        reason = Reason("removing", {"app": app.id}, f"{app.name}: nobody declares it any more; it is removed")
        return Decision(batches=(_save(leaving, begun, now),), because=reason, standing=Standing.WAITING)
    stepped = delete(leaving.given, now)
    if stepped.done:
        text = f"{app.name} is removed" + (f" ({stepped.warning})" if stepped.warning else "")
        forget = Batch((ForgetApplication(id="forget", app=app.id),))
        return Decision(batches=(*stepped.batches, forget), because=Reason("removed", {}, text))
    saved = _save(leaving, stepped.operation, now, error=stepped.error)
    return Decision(
        batches=(saved, *stepped.batches) if _differs(leaving, stepped) else stepped.batches,
        wake_at=stepped.wake_at,
        because=Reason("removing", {"error": stepped.error}, f"{app.name}: {stepped.operation.message}"),
        standing=_standing(stepped),
    )


DELETER = "plat (deletion)"
"""Whose operation a deletion is: so it is told from a sync that ran when the application was retired."""


def _standing(stepped: DeletionStep) -> Standing:
    if stepped.blocked:
        return Standing.BLOCKED
    return Standing.FAILED if stepped.error else Standing.WAITING


def _differs(leaving: Leaving, stepped: DeletionStep) -> bool:
    return leaving.given is None or leaving.given.operation != stepped.operation or bool(stepped.error)


def _save(leaving: Leaving, operation: OperationState, now: datetime, *, error: str = "") -> Batch:
    before = leaving.state or ApplicationState(sync="Unknown", health=Health(HealthStatus.UNKNOWN))
    conditions = (Condition(type="DeletionError", message=error, last_transition_time=stamp(now)),) if error else ()
    state = replace(before, operation=operation, conditions=conditions)
    return Batch((SaveState(id="state", app=leaving.app.id, state=state),))


async def _member(app: Application, fleet: Fleet) -> Member | None:
    """Return the destination; None where it is not defined any more. Raises UnavailableError while out of reach."""
    try:
        member = fleet.find(app.destination)
    except UserError:
        return None
    await member.connect()
    return member


async def _hook_targets(
    app: Application, member: Member, renders: Renders, state: ApplicationState | None
) -> list[Target]:
    """Return PreDelete and PostDelete hooks of the revision that was live; none where it cannot be rendered."""
    pinned = state.revisions if state and len(state.revisions) == len(app.sources) else ()
    try:
        targets = await renders.targets(app, member.facts(), pinned=pinned)
    except PlatError:
        return []
    return [t for t in targets.objects if set(role_of(t.manifest).phases) & set(PHASES)]


def _hook(target: Target, member: Member, operation: OperationState) -> Hook:
    refs: tuple[Ref, ...] = deletion_refs(target, operation)
    found = {ref: live for ref in refs if (live := member.watches.get(ref)) is not None}
    return Hook(target, found.get(target.ref), {ref: live for ref, live in found.items() if not target.ref.name})


def _confirmed(app: Application, operation: OperationState) -> bool:
    if not app.approved_at:
        return False
    return datetime.fromisoformat(app.approved_at) >= datetime.fromisoformat(operation.started_at)
