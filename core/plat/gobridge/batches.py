"""Batches of small programs: one that runs away must not take the others' results with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final, TypeVar

from plat.api import JSON, RefusedError, UnavailableError, UserError
from plat.gobridge.bridge import Bridge
from plat.gobridge.operations import Operation
from plat.gobridge.outcomes import each

T = TypeVar("T")

WHOLE: Final = timedelta(seconds=15)
"""How long a batch may take before it is split to find the item that runs away."""
PART: Final = timedelta(seconds=3)
"""The same for what a split batch consists of."""


async def evaluate(
    bridge: Bridge,
    operation: Operation,
    items: Sequence[JSON],
    read: Callable[[JSON], T],
    *,
    deadline: timedelta = WHOLE,
) -> list[T | UserError]:
    """Run all items in one message and return their values or errors, in order.

    When the helper does not finish, or dies of it, the batch is halved until the item that is to blame stands alone.
    """
    if not items:
        return []
    try:
        return each(await bridge.call(operation, {"items": items}, deadline=deadline), read)
    except (RefusedError, UnavailableError) as error:
        if error.code not in {"deadline", "helper-lost", "poisoned", "output"}:
            raise
        if len(items) == 1:
            return [UserError(str(error))]
    middle = len(items) // 2
    first = await evaluate(bridge, operation, items[:middle], read, deadline=PART)
    return first + await evaluate(bridge, operation, items[middle:], read, deadline=PART)
