"""What the helper's answers mean on this side: values, or errors that say whose fault it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from plat.api import JSON, PlatError, RefusedError, UserError

T = TypeVar("T")


class HelperFaultError(PlatError):
    """The helper itself failed on a request; a bug, not the user's fault. Never retried."""


def as_error(failure: Mapping[str, JSON]) -> PlatError:
    """Turn the helper's failure into an error of plat."""
    message = str(failure.get("message", ""))
    if failure.get("kind") == "user":
        return UserError(message, where=place(failure))
    if failure.get("kind") == "refused":
        where = place(failure)
        return RefusedError(f"{where}: {message}" if where else message, code=str(failure.get("code", "")))
    return HelperFaultError(message)


def place(failure: Mapping[str, JSON]) -> str:
    """Return `file:line`, or what is known of it."""
    where, line = str(failure.get("where", "")), failure.get("line", 0)
    if not line:
        return where
    return f"{where}:{line}" if where else f"line {line}"


def each(outcomes: Sequence[Mapping[str, JSON]], read: Callable[[JSON], T]) -> list[T | UserError]:
    """Read a batch: a value or the error of that item.

    An item that a limit stopped (time, depth, size), or that a library cannot stomach, is an error of its input: it
    must not take the others with it.
    """
    return [_one(outcome, read) for outcome in outcomes]


def _one(outcome: Mapping[str, JSON], read: Callable[[JSON], T]) -> T | UserError:
    failure = outcome.get("error")
    if failure is None:
        return read(outcome.get("ok"))
    message = str(failure.get("message", ""))
    if failure.get("kind") == "fault":
        message = f"the library failed: {message.partition(chr(10))[0]}"
    return UserError(message, where=place(failure))
