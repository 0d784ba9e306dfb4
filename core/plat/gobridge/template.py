"""Go's text/template with sprig and the functions of ApplicationSets; and the plain `{{name}}` engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from plat.api import JSON, UserError
from plat.gobridge.batches import evaluate
from plat.gobridge.bridge import Bridge
from plat.gobridge.operations import Operation


@dataclass(frozen=True, kw_only=True)
class TemplateItem:
    """One text to render.

    `options` are those of Go's `Template.Option` (`missingkey=error`). `plain` is the engine without functions: only
    texts of `values`' top level replace their names, anything else stays as it is written.
    """

    text: str
    values: JSON
    options: Sequence[str] = ()
    plain: bool = False


async def render(bridge: Bridge, items: Sequence[TemplateItem]) -> list[str | UserError]:
    """Render many templates; `env`, `expandenv` and `getHostByName` do not exist. Errors name line and column."""
    requests = [
        {"text": item.text, "values": item.values, "options": list(item.options), "plain": item.plain} for item in items
    ]
    return await evaluate(bridge, Operation.TEMPLATE_RENDER, requests, str)
