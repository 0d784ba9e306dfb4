"""What an application needs and another one brings: kinds and namespaces (spec/cluster §4.4.1).

Nothing says in which order applications are synced. One whose kind or namespace is not there yet fails, is woken when
something of that sort comes, and then begins anew at once.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from plat.api import Kind, OperationState, Ref
from plat.cluster.applications.observed import Observed
from plat.cluster.fleet import DEFINITIONS, Member
from plat.cluster.rendering import Targets
from plat.cluster.sync.step import NOT_VALID

ANY_DEFINITION: Final = Ref(group=DEFINITIONS.group, kind=DEFINITIONS.kind, name="")
"""Stands for all definitions: the name of one begins with a plural that nobody knows yet."""
_NO_NAMESPACE: Final = re.compile(r'namespaces "([^"]+)" not found')


def unserved(member: Member, targets: Targets) -> frozenset[Kind]:
    """Return the kinds that the cluster does not serve."""
    namespaced = member.facts().namespaced
    kinds = {Kind(group=t.ref.group, kind=t.ref.kind) for t in targets.objects}
    return frozenset(kind for kind in kinds if namespaced(kind.group, kind.kind) is None)


async def serves_more(member: Member, targets: Targets) -> bool:
    """Wait for kinds whose definitions came moments ago; say whether any is served now that was not."""
    missing = unserved(member, targets)
    if not missing:
        return False
    await member.watches.synced(DEFINITIONS)
    for kind in missing:
        await member.served(kind)
    return unserved(member, targets) != missing


def absent_namespaces(member: Member, targets: Targets) -> frozenset[str]:
    """Return the namespaces of targets that do not exist. The kind must be synced."""
    names = {t.ref.namespace for t in targets.objects if t.ref.namespace}
    return frozenset(name for name in names if member.watches.get(Ref(kind="Namespace", name=name)) is None)


def awaited(member: Member, targets: Targets) -> frozenset[Ref]:
    """Return the addresses whose changes concern an application although they are no objects of it."""
    spaces = {Ref(kind="Namespace", name=name) for name in absent_namespaces(member, targets)}
    return frozenset(spaces | ({ANY_DEFINITION} if unserved(member, targets) else set()))


def widened(ref: Ref) -> tuple[Ref, ...]:
    """Return the addresses under which applications wait for a changed object."""
    definition = (ref.group, ref.kind) == (DEFINITIONS.group, DEFINITIONS.kind)
    return (ref, replace(ref, name="")) if definition else (ref,)


def mended(observed: Observed, operation: OperationState | None) -> bool:
    """Say whether what the last sync failed for is there by now, so that it is worth to begin anew at once."""
    if operation is None or operation.phase != "Failed":
        return False
    if operation.message.startswith(NOT_VALID):
        return not observed.invalid
    missing = _NO_NAMESPACE.findall(operation.message)
    return bool(missing) and not observed.absent & set(missing)
