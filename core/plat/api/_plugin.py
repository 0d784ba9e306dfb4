"""What every plug-in class and every context is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import timedelta
from inspect import isfunction
from typing import Any, ClassVar, TypeAlias, TypeVar
from warnings import catch_warnings, filterwarnings

import pluggy
from pydantic import BaseModel, ConfigDict, Field
from pydantic._internal._model_construction import ModelMetaclass  # no public name; `type(BaseModel)` defeats mypy

from plat.api._capabilities import Clock, Log
from plat.api._values import JSON, outside

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

Answer: TypeAlias = T | Awaitable[T]
"""What a method may be declared to return here: implement it as `def` or as `async def`, as you like."""

PROJECT = "plat"
"""The entry-point group, and the name that pluggy's markers carry."""

_hookimpl = pluggy.HookimplMarker(PROJECT)


def hookimpl(function: F) -> F:
    """Mark a module-level function as the implementation of the hook that has its name."""
    return _hookimpl(function)


def reading(method: F) -> F:
    """Mark a method that changes nothing: it may be retried, cached, called in previews."""
    method.__plat_access__ = "reading"  # type: ignore[attr-defined]
    return method


def acting(method: F) -> F:
    """Mark a method that changes the world: idempotent by `ctx.key`, never called in a preview."""
    method.__plat_access__ = "acting"  # type: ignore[attr-defined]
    return method


class PluginType(ModelMetaclass):
    """Let a field have the name of a method of ours that came later: the field wins, and nothing breaks."""

    def __new__(cls, name: str, bases: tuple[type, ...], space: dict[str, Any], **options: Any) -> Any:
        """Keep pydantic from taking our method for the field's default."""
        for annotated in space.get("__annotations__", {}):
            if annotated not in space and any(isfunction(getattr(base, annotated, None)) for base in bases):
                space[annotated] = Field()
        with catch_warnings():
            filterwarnings("ignore", message="Field name .* shadows an attribute")
            return super().__new__(cls, name, bases, space, **options)


class Plugin(BaseModel, metaclass=PluginType):
    """A frozen model: its fields are its configuration (camelCase outside), `kind` is how configuration names it."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=outside, populate_by_name=True)
    kind: ClassVar[str]
    needs: ClassVar[AbstractSet[str]] = frozenset({"http"})
    """Which fields of its context it uses; any other is denied, and shown to the operator."""

    def deadline(self, method: str) -> timedelta | None:
        """Return a deadline of our own for a method, mostly from a field; None keeps the core's."""
        del method
        return None


@dataclass(frozen=True, kw_only=True)
class Context:
    """What every call has. Each hook's own context adds exactly what that hook may use."""

    log: Log
    clock: Clock
    progress: Callable[[str], None]
    """Say what goes on now, in a few words; also the heartbeat of a long call."""
    key: str
    """The same on every attempt of one effect: put it in what you create, look for it before you create."""
    state: Mapping[str, JSON] = field(default_factory=dict)
    """What the last `Later` of this call kept."""
