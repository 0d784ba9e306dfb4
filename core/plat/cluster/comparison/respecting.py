"""What is applied where ignored fields are to be respected: they take the live value (spec/cluster §3.3). Pure.

A field that git does not name stays unnamed: to apply it would make it ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeAlias

from plat.api import JSON, Manifest, editable
from plat.cluster.comparison.paths import Step, enter, steps_of

Path: TypeAlias = Sequence[Step]

_ABSENT: Final = object()


def adopted(target: Manifest, live: Manifest, paths: Iterable[tuple[Path, Path]]) -> Manifest:
    """Return the target with live values at these pairs of paths: where a field is in the target, and where in live.

    A field that is not live is taken out. `status` is never touched.
    """
    body = editable(target)
    for there, here in paths:
        if there and there[0] != "status":
            _put(body, there, _value(live, here))
    return body


def of_pointer(pointer: str) -> list[Step]:
    """Return the path of a JSON pointer."""
    return [_step(step.replace("~1", "/").replace("~0", "~")) for step in pointer.lstrip("/").split("/")]


def of_manager(path: str) -> list[Step]:
    """Return the path of a field as managedFields names it; items are found by their keys."""
    return list(steps_of(path))


def paired(target: JSON, live: JSON) -> list[tuple[Path, Path]]:
    """Pair the paths that one jq expression has found on both sides, in order; none if it did not find as many."""
    if not (isinstance(target, list) and isinstance(live, list)) or len(target) != len(live):
        return []
    return list(zip(target, live, strict=True))


def _value(manifest: Manifest, path: Path) -> Any:
    node: Any = manifest
    for step in path:
        node = enter(node, step, default=_ABSENT)
        if node is _ABSENT:
            return _ABSENT
    return node


def _put(body: dict[str, Any], path: Path, value: Any) -> None:
    *parents, last = path
    node: Any = body
    for step in parents:
        node = enter(node, step)
    if enter(node, last, default=_ABSENT) is _ABSENT:
        return
    if isinstance(node, list):
        at = last if isinstance(last, int) else next(i for i, item in enumerate(node) if item is enter(node, last))
        node[at : at + 1] = [] if value is _ABSENT else [value]
    elif value is _ABSENT:
        del node[last]
    else:
        node[last] = value


def _step(text: str) -> Step:
    return int(text) if text.isdigit() else text
