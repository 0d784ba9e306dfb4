"""What an observation was made from, as versions. Pure: it knows no decision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from plat.api import Application, Kind, Ref
from plat.cluster.catalog import Entry
from plat.cluster.fleet import Member
from plat.cluster.rendering import Targets
from plat.cluster.rendering.targets import digest
from plat.cluster.tracking import instance_name


@dataclass(frozen=True)
class Trace:
    """What one observation of an application was made from."""

    seal: str
    """The same seal means the same stored state, the same objects in the same cluster; git is told of by `targets`."""
    kinds: frozenset[Kind]
    """What has to be watched for that."""
    targets: Targets = field(repr=False)


def trace_of(entry: Entry, member: Member, targets: Targets, kinds: frozenset[Kind], *, surroundings: str) -> Trace:
    """Return the trace of an observation. To be taken before the objects are compared: it may be too old, never new."""
    refs = frozenset(target.ref for target in targets.objects)
    return Trace(seal_of(entry, member, refs, surroundings=surroundings), kinds, targets)


def seal_of(entry: Entry, member: Member, refs: frozenset[Ref], *, surroundings: str) -> str:
    """Return a digest of all but git that decides about an application with targets of these addresses."""
    facts, kinds = member.facts(), sorted({(ref.group, ref.kind) for ref in refs})
    scopes = [(*kind, facts.namespaced(*kind)) for kind in kinds]
    stored = (entry.stored.uid, entry.stored.version, entry.removing)
    return digest([surroundings, member.name, facts.mark, scopes, stored, _lives(member, entry.application, refs)])


def _lives(member: Member, app: Application, refs: Iterable[Ref]) -> list[tuple[str, str]]:
    """Return uid and version of every object that is wanted or owned, and which of their namespaces there are."""
    watches = member.watches
    spaces = {ref.namespace for ref in refs if ref.namespace} | {app.destination.namespace}
    found = {live.uid: live.version for live in watches.owned(instance_name(app))}
    for ref in refs:
        live = watches.get(ref)
        if live is not None:
            found[live.uid] = live.version
    for name in spaces:
        live = watches.get(Ref(kind="Namespace", name=name))
        if live is not None:
            found[live.uid] = live.version
    return sorted(found.items())
