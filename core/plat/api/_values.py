"""Plain values that manifests and plug-ins are made of, and the few functions that read them."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, TypeAlias

from pydantic import BeforeValidator
from pydantic.alias_generators import to_camel

JSON: TypeAlias = Any
Manifest: TypeAlias = Mapping[str, Any]
"""A Kubernetes object as plain data. Never changed in place: `editable(m)` gives a deep copy to work on."""

_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SCALARS: Final = frozenset({str, int, float, bool, type(None)})
_PART: Final = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(ns|us|µs|ms|s|m|h|d)")


def read_duration(value: object) -> object:
    """Read 90 (seconds), "90", "90s" and "1h30m" as Go's ParseDuration does, plus "d" for days.

    Anything else is returned as it is, for pydantic to accept or refuse.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return value
    if not isinstance(value, str):
        return timedelta(seconds=value)
    text = value.strip()
    sign = -1 if text.startswith("-") else 1
    text = text.lstrip("+-")
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return timedelta(seconds=sign * float(text))
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        message = f"{value!r} is not a duration; write it like 90s, 5m or 1h30m"
        raise ValueError(message)
    return timedelta(seconds=sign * sum(float(number) * _UNITS[unit] for number, unit in parts))


Duration: TypeAlias = Annotated[timedelta, BeforeValidator(read_duration)]
"""A field that reads 90, "90s", "1h30m"."""


def outside(name: str) -> str:
    """Return the name a field has in manifests: camelCase, with URL and TLS in capitals; else give `Field(alias=)`."""
    return to_camel(name).replace("Url", "URL").replace("Tls", "TLS")


def editable(manifest: Manifest) -> dict[str, Any]:
    """Return a deep copy of a manifest that may be changed."""
    return {name: _copied(value) for name, value in manifest.items()}


def _copied(value: JSON) -> JSON:
    """Copy plain data; `copy.deepcopy`, which can do more, takes several times as long for it."""
    kind = type(value)
    if kind is dict:
        return {name: _copied(item) for name, item in value.items()}
    if kind is list:
        return [_copied(item) for item in value]
    return value if kind in _SCALARS else copy.deepcopy(value)


def at(manifest: Manifest | None, path: str, default: JSON = None) -> JSON:
    """Return what lies at a dotted path of a manifest; the default where it is absent or null."""
    value: Any = manifest
    for step in path.split("."):
        if type(value) is not dict and not isinstance(value, Mapping):  # the second question is a slow one
            return default
        value = value.get(step)
        if value is None:
            return default
    return value


class Unknown:
    """A value that nobody can know yet. A value, not an absence."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Sensitive:
    """A value to be masked wherever it turns up."""

    value: JSON


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A group and a kind; versions are the core's business."""

    group: str = ""
    kind: str

    def __str__(self) -> str:
        """Return `apps/Deployment`, or `Service` for the core group."""
        return f"{self.group}/{self.kind}" if self.group else self.kind


@dataclass(frozen=True, kw_only=True)
class Ref(Kind):
    """The address of one object, or with `labels` and no name, of several."""

    namespace: str = ""
    name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        """Return `apps/Deployment prod/web`, as every line that plat prints names an object."""
        place = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{Kind.__str__(self)} {place}"


def ref_of(manifest: Manifest) -> Ref:
    """Return the address of a manifest."""
    metadata = manifest.get("metadata") or {}
    return Ref(
        group=group_of(manifest),
        kind=str(manifest.get("kind", "")),
        namespace=metadata.get("namespace") or "",
        name=metadata.get("name") or "",
    )


def group_of(manifest: Manifest) -> str:
    """Return the API group of a manifest; empty for the core group."""
    version = str(manifest.get("apiVersion", ""))
    return version.rpartition("/")[0]


class HealthStatus(StrEnum):
    """Best to worst (Argo CD's order)."""

    HEALTHY = "Healthy"
    SUSPENDED = "Suspended"
    PROGRESSING = "Progressing"
    MISSING = "Missing"
    DEGRADED = "Degraded"
    UNKNOWN = "Unknown"


@dataclass(frozen=True)
class Health:
    """The health of one object, and why."""

    status: HealthStatus
    because: str = ""


_VARIABLE: Final = re.compile(r"\$(?:(\$)|\{([^}]*)\}|(\w+))")


def substitute(text: str, env: Mapping[str, str]) -> str:
    """Replace `$X` and `${X}`; an unknown name becomes empty, `$$` a dollar (spec/cluster §2.3)."""
    return _VARIABLE.sub(lambda m: "$" if m[1] else env.get(m[2] if m[2] is not None else m[3], ""), text)
