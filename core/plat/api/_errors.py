"""Errors that say whose fault something is. They decide what a person reads and whether the core tries again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any


class PlatError(Exception):
    """Root of the tree. Raise one of those below; anything else is reported as the plug-in's own fault."""


class UserError(PlatError):
    """Somebody has to change a manifest, a configuration or a credential. Never retried.

    `where` is a file with a line, or a dotted path of a manifest; `remedy` says what to do, as one sentence.
    """

    def __init__(self, message: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.where, self.remedy = where, remedy

    def __str__(self) -> str:
        """Return place, message and remedy as one text."""
        head = f"{self.where}: {self.args[0]}" if self.where else str(self.args[0])
        return f"{head} ({self.remedy})" if self.remedy else head


class UnsupportedError(UserError):
    """This plug-in cannot do that. Optional methods raise it by default."""


class RefusedError(PlatError):
    """The product said a definite no: a conflict, a failed precondition. Never retried. `code` is a stable word."""

    def __init__(self, message: str, *, code: str = "", output: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code, self.output = code, output or {}


class UnavailableError(PlatError):
    """Not now: network, rate limit, a lock. The core tries again, not before `after`."""

    def __init__(self, message: str, *, code: str = "", after: timedelta | None = None) -> None:
        super().__init__(message)
        self.code, self.after = code, after
