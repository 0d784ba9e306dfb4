"""Jsonnet (go-jsonnet): one file of a tree, whose imports come from the tree alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from plat.api import JSON
from plat.gobridge.bridge import Bridge
from plat.gobridge.operations import Operation
from plat.gobridge.trees import tree


async def evaluate(
    bridge: Bridge,
    files: Mapping[str, bytes],
    path: str,
    *,
    options: Mapping[str, JSON],
    deadline: timedelta | None = None,
) -> JSON:
    """Evaluate a file. Options are those of Argo CD's `directory.jsonnet`: `extVars`, `tlas`, `libs`.

    A variable is `{"name": ..., "value": ..., "code": bool}`; `libs` are directories from the root of the tree.

    Raises:
        UserError: The program is wrong, or imports what is not in the tree; the message names file and line.
        RefusedError: A path out of the tree, or a limit.
    """
    request = {"files": tree(files), "path": path, "options": dict(options)}
    return await bridge.call(Operation.JSONNET_EVALUATE, request, deadline=deadline)
