"""Fields of generated Applications that others may change: `ignoreApplicationDifferences` (spec/cluster §8.1.6)."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from plat.api import JSON, IgnoreRule, Manifest
from plat.cluster.appset.applications import name_of
from plat.store import difference, merge

Jq = Callable[[str, JSON], Awaitable[JSON]]
"""`await jq(expression, value)`: exactly one value, or an error."""


async def settled(
    existing: Iterable[Manifest], wanted: Iterable[Manifest], rules: Sequence[IgnoreRule], jq: Jq
) -> tuple[Manifest, ...]:
    """Return the wanted Applications with ignored fields as they are on those that exist.

    Both sides lose the ignored fields, and the difference that is left is laid over what exists.
    """
    known = {name_of(manifest): manifest for manifest in existing} if rules else {}
    return tuple([await _settled(known.get(name_of(manifest)), manifest, rules, jq) for manifest in wanted])


async def _settled(before: Manifest | None, wanted: Manifest, rules: Sequence[IgnoreRule], jq: Jq) -> Manifest:
    mine = [rule for rule in rules if rule.name in ("", name_of(wanted))]
    if before is None or not mine:
        return wanted
    old = _comparable(before)
    patch = difference(await _without(old, mine, jq), await _without(_comparable(wanted), mine, jq))
    return {**wanted, **merge(old, patch)}


def _comparable(manifest: Manifest) -> dict[str, Any]:
    metadata: Mapping[str, Any] = manifest.get("metadata") or {}
    return copy.deepcopy({"metadata": dict(metadata), "spec": manifest.get("spec") or {}})


async def _without(manifest: Mapping[str, Any], rules: Sequence[IgnoreRule], jq: Jq) -> JSON:
    value: JSON = copy.deepcopy(dict(manifest))
    for rule in rules:
        for pointer in rule.json_pointers:
            _remove(value, [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]])
        for expression in rule.jq:
            value = await jq(f"del({expression})", value)
    return value


def _remove(value: Any, steps: Sequence[str]) -> None:
    """Remove what a JSON pointer points to; one that leads nowhere is fine."""
    for step in steps[:-1]:
        value = _inner(value, step)
    if isinstance(value, dict) and steps:
        value.pop(steps[-1], None)
    elif isinstance(value, list) and steps and steps[-1].isdigit() and int(steps[-1]) < len(value):
        del value[int(steps[-1])]


def _inner(value: Any, step: str) -> Any:
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list) and step.isdigit() and int(step) < len(value):
        return value[int(step)]
    return None
