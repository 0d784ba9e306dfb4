"""The dialects of a stack: one instance of each class, with what plat.yaml says that they share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from plat.api import Dialect, UserError, checked, nearest
from plat.host import Host
from plat.stack import Stack


def dialects(stack: Stack, host: Host) -> Callable[[str], Dialect[Any] | None]:
    """Return the dialect of `group/Kind`, or None where nobody claims it.

    `dialects: {argocd: {namespace: x}}` reaches every dialect of the plug-in `argocd` that has such a field.
    """
    registry = host.registry("plat_dialects", Dialect)
    owners = {entry.owner.name for entry in registry.entries()}
    for name in stack.file.dialects:
        if name not in owners:
            where = f"plat.yaml: dialects.{name}"
            raise UserError(f"no plug-in {name!r} has dialects", where=where, remedy=nearest(name, sorted(owners)))
    made: dict[str, Dialect[Any]] = {}
    for entry in registry.entries():
        given = stack.file.dialects.get(entry.owner.name, {})
        names = {alias for key, field in entry.cls.model_fields.items() for alias in (key, field.alias)}
        own = {key: value for key, value in given.items() if key in names}
        made[entry.cls.kind] = checked(entry.cls, own, where=f"plat.yaml: dialects.{entry.owner.name}")
    return made.get
