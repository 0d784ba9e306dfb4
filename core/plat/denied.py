"""What stands in a context where a plug-in has not said that it needs a capability, or where there is none."""

from __future__ import annotations

from typing import Any

from plat.api import PlatError


class Denied:
    """Raises at first use, naming the capability and how a class asks for it."""

    def __init__(self, name: str, kind: str, *, offered: bool = True) -> None:
        self._name, self._kind, self._offered = name, kind, offered

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        raise self._error()

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Refuse a capability that is a function."""
        raise self._error()

    def _error(self) -> PlatError:
        if not self._offered:
            return PlatError(f"{self._kind} uses ctx.{self._name}, which is not offered here")
        return PlatError(f"{self._kind} uses ctx.{self._name} but does not name it in `needs`")
