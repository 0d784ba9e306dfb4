"""Expressions: expr-lang and CEL over JSON variables, Flux's `${name}` substitution, JSON edits that keep the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from plat.api import JSON, UserError
from plat.gobridge.batches import evaluate
from plat.gobridge.bridge import Bridge
from plat.gobridge.operations import Operation


async def expr(bridge: Bridge, items: Sequence[tuple[str, Mapping[str, JSON]]]) -> list[JSON | UserError]:
    """Evaluate expr-lang (expression, variables) pairs; an unknown name is nil. Errors show the place in the text."""
    return await _evaluate(bridge, Operation.EXPR_EVALUATE, items)


async def cel(bridge: Bridge, items: Sequence[tuple[str, Mapping[str, JSON]]]) -> list[JSON | UserError]:
    """Evaluate CEL (expression, variables) pairs; an unknown name is an error. The cost of each is bounded."""
    return await _evaluate(bridge, Operation.CEL_EVALUATE, items)


async def substitute(
    bridge: Bridge, texts: Sequence[str], variables: Mapping[str, str], *, strict: bool = False
) -> list[str]:
    """Replace `${name}`, `${name:=default}` and so on, as Flux does after a build.

    Raises UserError on a bad form, and when `strict` on a name without value or default.
    """
    request = {"texts": list(texts), "variables": dict(variables), "strict": strict}
    return list(await bridge.call(Operation.FLUX_SUBSTITUTE, request))


async def edit_json(bridge: Bridge, text: str, values: Mapping[str, JSON]) -> str:
    """Set values at dotted paths (tidwall/sjson) of a JSON text; all other bytes stay as they are."""
    return str(await bridge.call(Operation.JSON_EDIT, {"text": text, "set": dict(values)}))


async def _evaluate(
    bridge: Bridge, operation: Operation, items: Sequence[tuple[str, Mapping[str, JSON]]]
) -> list[JSON | UserError]:
    requests = [{"text": text, "variables": dict(variables)} for text, variables in items]
    return await evaluate(bridge, operation, requests, lambda found: found)
