"""jq expressions (gojq): one second each, exactly one value, no environment, files or modules."""

from __future__ import annotations

from collections.abc import Sequence

from plat.api import JSON, UserError
from plat.gobridge.batches import evaluate
from plat.gobridge.bridge import Bridge
from plat.gobridge.operations import Operation


async def apply(bridge: Bridge, items: Sequence[tuple[str, JSON]]) -> list[JSON | UserError]:
    """Evaluate (expression, value) pairs. No value, two values, an error or a timeout are that pair's UserError."""
    requests = [{"text": text, "value": value} for text, value in items]
    return await evaluate(bridge, Operation.JQ_APPLY, requests, lambda found: found)
