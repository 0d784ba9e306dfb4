"""Fights over a field: healed by us, taken back by the same manager, again and again (spec/cluster §7.2.4). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from plat.api import Condition, Ref

WITHIN: Final = timedelta(minutes=10)
TIMES: Final = 3
WARNING: Final = "DriftFightWarning"
_PLAIN: Final = re.compile(r"(\.[^.\[\]]+)+")


@dataclass(frozen=True)
class Taken:
    """One field of one object that a manager has taken."""

    ref: Ref
    path: str
    """As structured-merge-diff writes it: `.spec.replicas`."""
    manager: str
    at: datetime


@dataclass(frozen=True)
class Fight:
    """A field that the same manager keeps taking."""

    ref: Ref
    path: str
    manager: str
    times: int

    @property
    def ends_by(self) -> str:
        """Return the entry of `ignoreDifferences` that ends it, as YAML in one line."""
        named = f"kind: {self.ref.kind}, name: {self.ref.name}"
        named = f"group: {self.ref.group}, {named}" if self.ref.group else named
        named += f", namespace: {self.ref.namespace}" if self.ref.namespace else ""
        if not _PLAIN.fullmatch(self.path):  # inside a list: a pointer would name a position, not an item
            return f"{{{named}, managedFieldsManagers: [{self.manager}]}}"
        steps = (step.replace("~", "~0").replace("/", "~1") for step in self.path.split(".")[1:])
        return f"{{{named}, jsonPointers: [{''.join('/' + step for step in steps)}]}}"


def taken(facts: Mapping[str, Any], at: datetime) -> tuple[Taken, ...]:
    """Read the facts of a ledger row of drift (`Drift.facts`): which fields were taken, and by whom."""
    ref = Ref(group=facts["group"], kind=facts["kind"], namespace=facts["namespace"], name=facts["name"])
    fields = facts.get("fields") or ()
    return tuple(Taken(ref, each["path"], each["manager"], at) for each in fields if each.get("manager"))


def fights(events: Iterable[Taken], now: datetime) -> tuple[Fight, ...]:
    """Return the fields that one manager has taken three times within ten minutes, most often first."""
    counts: dict[tuple[Ref, str, str], int] = {}
    for event in events:
        if now - event.at < WITHIN:
            key = (event.ref, event.path, event.manager)
            counts[key] = counts.get(key, 0) + 1
    found = [Fight(*key, times) for key, times in counts.items() if times >= TIMES]
    return tuple(sorted(found, key=lambda fight: (-fight.times, str(fight.ref), fight.path, fight.manager)))


def warning(found: Iterable[Fight]) -> Condition | None:
    """Return the condition that tells of fights and how to end each; None where there is peace."""
    texts = [
        f"{fight.manager} has taken {fight.path} of {fight.ref} back {fight.times} times within ten minutes; "
        f"add to ignoreDifferences: {fight.ends_by}"
        for fight in found
    ]
    return Condition(type=WARNING, message="; ".join(texts)) if texts else None
