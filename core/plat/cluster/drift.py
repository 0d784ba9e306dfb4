"""The drift ledger: what differs from git though git has not changed, who did it, since when (spec/cluster §7.1). Pure.

An episode is one (application, object) from the first sight of a difference to its healing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum

from plat.api import JSON, Application, Ref
from plat.cluster.comparison.compare import Compared
from plat.cluster.comparison.fields import managers_of

SEEN = "drift.seen"
HEALED = "drift.healed"


class DriftClass(StrEnum):
    """Whose change a difference is."""

    GIT_AHEAD = "git-ahead"
    LIVE_CHANGED = "live-changed"
    BOTH = "both"
    MISSING = "missing"
    EXTRA = "extra"


@dataclass(frozen=True)
class DriftField:
    """One field that differs, and who owns it live. Values are masked where they are secret."""

    path: str
    git: JSON
    live: JSON
    manager: str = ""
    operation: str = ""
    since: str = ""


@dataclass(frozen=True)
class Drift:
    """One object that drifted."""

    ref: Ref
    kind: DriftClass
    fields: tuple[DriftField, ...] = ()
    since: str = ""
    """RFC 3339: when the live change was made, as far as managedFields tell."""

    def facts(self) -> Mapping[str, JSON]:
        """Return what the ledger keeps of it."""
        return {
            "group": self.ref.group,
            "kind": self.ref.kind,
            "namespace": self.ref.namespace,
            "name": self.ref.name,
            "class": self.kind.value,
            "since": self.since,
            "fields": [asdict(item) for item in self.fields],
        }


@dataclass(frozen=True)
class Episode:
    """A drift that is in the ledger and not healed yet."""

    ref: Ref
    id: str
    """The number of its row in the ledger, unique over all writers."""
    seen_at: datetime
    facts: Mapping[str, JSON] = field(default_factory=dict, hash=False)


def drift_of(app: Application, compared: Compared, *, deployed: bool) -> Drift | None:
    """Return the drift of one object, or None where it is in sync or only git has moved on.

    `deployed`: this very wish was live before; else a missing or different object is not drift but work to do.
    """
    if compared.status != "OutOfSync":
        return None
    if compared.live is None:
        return Drift(compared.ref, DriftClass.MISSING) if deployed else None
    if compared.extra:
        return None
    fields = tuple(_field(app, compared, change.path, change.git, change.live) for change in compared.changes)
    foreign = [item for item in fields if item.manager and item.manager != app.camp.field_manager]
    if compared.wish_changed and not foreign:
        return None
    kind = DriftClass.BOTH if compared.wish_changed else DriftClass.LIVE_CHANGED
    if not foreign and not deployed:
        return None
    return Drift(compared.ref, kind, fields, since=max((item.since for item in foreign), default=""))


def subject(app: Application, ref: Ref) -> str:
    """Return how ledger rows name an object of an application."""
    return f"{app.id}: {ref}"


def newly_seen(drifts: Iterable[Drift], open_: Mapping[Ref, Episode]) -> tuple[Drift, ...]:
    """Return the drifts that no open episode covers: one row an episode, however often it is looked at."""
    return tuple(drift for drift in drifts if drift.ref not in open_)


def healed(drifts: Iterable[Drift], open_: Mapping[Ref, Episode], compared: Iterable[Compared]) -> tuple[Episode, ...]:
    """Return the open episodes whose object is in sync again, or no longer wanted and gone."""
    drifting = {drift.ref for drift in drifts}
    status = {item.ref: item.status for item in compared}
    return tuple(
        episode for ref, episode in open_.items() if ref not in drifting and status.get(ref, "Synced") == "Synced"
    )


def _field(app: Application, compared: Compared, path: str, git: JSON, live: JSON) -> DriftField:
    body = compared.live.body() if compared.live else {}
    owners = [m for m in managers_of(body, path) if m.name != app.camp.field_manager] or list(managers_of(body, path))
    if not owners:
        return DriftField(path, git, live)
    return DriftField(path, git, live, owners[0].name, owners[0].operation, owners[0].time)
