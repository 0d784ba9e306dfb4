"""Plain data as Go writes fields marked `omitempty`."""

from __future__ import annotations

from typing import Any

from plat.api import JSON


def sparse(**fields: Any) -> dict[str, JSON]:
    """Return the fields that say something: no None, no false, no zero, nothing empty."""
    return {name: str(value) if isinstance(value, str) else value for name, value in fields.items() if value}
