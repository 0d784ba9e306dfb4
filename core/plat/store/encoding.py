"""JSON as the store writes it: compact, keys sorted, and refusing what would not come back as it went in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import orjson

from plat.api import JSON, Sensitive, UserError

MASK: Final = "(sensitive)"
_OPTIONS: Final = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS


def dump(value: JSON, *, where: str = "") -> bytes:
    """Return the canonical text of a value: the same bytes for equal values. Raises UserError for anything but JSON."""
    try:
        return orjson.dumps(value, _plain, _OPTIONS)
    except TypeError as error:
        raise UserError(f"this cannot be stored as JSON: {error}", where=where) from None


def dump_masked(value: JSON, *, where: str = "") -> bytes:
    """Return the canonical text of a value in which everything `Sensitive` is masked."""
    try:
        return orjson.dumps(value, _masked, _OPTIONS)
    except TypeError as error:
        raise UserError(f"this cannot be stored as JSON: {error}", where=where) from None


def load(text: bytes | str) -> JSON:
    """Return the value of a text that `dump` wrote."""
    return orjson.loads(text)


def stamp(moment: datetime) -> str:
    """Return a moment as text that sorts by time: UTC, microseconds, `Z`."""
    if moment.tzinfo is None:
        raise UserError(f"{moment} has no time zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str) -> datetime:
    """Return the moment that `stamp` wrote, or any other RFC 3339 time."""
    return datetime.fromisoformat(text)


def _plain(value: Any) -> JSON:
    """Let through what is JSON under another type: sub-classes of str (StrEnum), dict and list, and mapping proxies."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (tuple, frozenset, set)):
        return sorted(value) if isinstance(value, (frozenset, set)) else list(value)
    if hasattr(value, "keys"):
        return {key: value[key] for key in value.keys()}  # noqa: SIM118  # a Mapping need not iterate over its keys
    if isinstance(value, list):
        return [*value]
    raise TypeError(f"a value of type {type(value).__name__}")


def _masked(value: Any) -> JSON:
    return MASK if isinstance(value, Sensitive) else _plain(value)
