"""The answer of `plat plugins list`, from what is remembered or from the plug-ins themselves. Standard library only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from plat.cli.installed import recall
from plat.cli.tables import table

LISTING = "plugins"
"""Under this name the rows are remembered."""
COLUMNS = {
    "name": "NAME",
    "distribution": "DISTRIBUTION",
    "version": "VERSION",
    "status": "STATUS",
    "hooks": "HOOKS",
    "kinds": "PROVIDES",
}
SHOWN = 4
"""So many kinds are named in a table; JSON has all of them."""

Row = Mapping[str, Any]


def quick(arguments: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """Return the whole answer to these arguments if it is remembered and they are plainly right; else None."""
    wanted = _wanted(arguments)
    kept = recall(LISTING, environ) if wanted is not None else None
    if wanted is None or kept is None:
        return None
    hook, as_json = wanted
    return text(kept["rows"], hook=hook, as_json=as_json) if hook in ("", *kept["hooks"]) else None


def text(rows: Sequence[Row], *, hook: str, as_json: bool) -> str:
    """Return the rows of one hook (empty: all) as people or programs read them."""
    chosen = [row for row in rows if not hook or hook in row["hooks"]]
    if as_json:
        return json.dumps(chosen, indent=2, ensure_ascii=False) + "\n"
    if not chosen:
        return f"No plug-in implements {hook}.\n" if hook else "No plug-in is installed.\n"
    lines = table([{**row, "hooks": _hooks(row["hooks"]), "kinds": _kinds(row["kinds"])} for row in chosen], COLUMNS)
    return "\n".join([*lines, *(f"{row['name']}: {row['why']}" for row in chosen if row["why"])]) + "\n"


def _hooks(hooks: Sequence[str]) -> str:
    return ", ".join(hook.removeprefix("plat_") for hook in hooks)


def _kinds(kinds: Sequence[str]) -> str:
    more = len(kinds) - SHOWN
    return ", ".join(kinds[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _wanted(arguments: Sequence[str]) -> tuple[str, bool] | None:
    """Return (hook, as JSON), or None for anything but the plain forms, which the full command line then reads."""
    if list(arguments[:1]) != ["list"]:
        return None
    hook, as_json, rest = "", False, list(arguments[1:])
    while rest:
        word = rest.pop(0)
        if word == "--json":
            as_json = True
        elif word in ("-o", "--output") and rest and rest[0] in ("text", "json"):
            as_json = rest.pop(0) == "json" or as_json
        elif word == "--hook" and rest:
            hook = rest.pop(0)
        else:
            return None
    return hook, as_json
