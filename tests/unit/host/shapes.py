"""What a public name promises to those who use it, as plain data, and which promises a change breaks."""

from __future__ import annotations

import inspect
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from pydantic import BaseModel


def shape(thing: Any) -> dict[str, Any]:
    """Return members with their signatures, and the names of those that an author must provide."""
    if inspect.isfunction(thing):
        return {"members": {"()": str(inspect.signature(thing))}, "required": []}
    if not inspect.isclass(thing):
        return {"members": {"": repr(thing)}, "required": []}
    members = {name: str(inspect.signature(value)) for name, value in _methods(thing)}
    required = sorted(getattr(thing, "__abstractmethods__", frozenset()))
    if is_dataclass(thing):
        members |= {field.name: str(field.type) for field in fields(thing)}
        required += [f.name for f in fields(thing) if f.default is MISSING and f.default_factory is MISSING]
    if issubclass(thing, BaseModel):
        members |= {name: repr(field.annotation) for name, field in thing.model_fields.items()}
        required += [name for name, field in thing.model_fields.items() if field.is_required()]
    return {"members": members, "required": required}


def breaches(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return what was promised and is not so any more. Optional members may be added, nothing else."""
    found = [
        f"{name} was {old}, is {now['members'].get(name, 'gone')}"
        for name, old in before["members"].items()
        if now["members"].get(name) != old
    ]
    return found + [f"{name} is required now" for name in now["required"] if name not in before["required"]]


def _methods(thing: type) -> list[tuple[str, Any]]:
    own = [(name, getattr(value, "__func__", value)) for name, value in vars(thing).items() if not name.startswith("_")]
    return [(name, value) for name, value in own if inspect.isfunction(value)]
