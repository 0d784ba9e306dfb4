from __future__ import annotations

from typing import Any

import pytest

from plat.cluster.comparison.respecting import adopted, of_manager, of_pointer, paired

TARGET: dict[str, Any] = {
    "spec": {"replicas": 2, "items": [{"name": "a", "v": 1}, {"name": "b", "v": 2}], "tags": ["x", "y"]},
    "status": {"n": 1},
}
LIVE = {
    "spec": {"replicas": 5, "items": [{"name": "b", "v": 20}, {"name": "a", "v": 10}], "extra": 1},
    "status": {"n": 9},
}


@pytest.mark.parametrize(
    ("paths", "path", "value"),
    [
        ([(of_pointer("/spec/replicas"),) * 2], ["spec", "replicas"], 5),
        ([(of_pointer("/spec/extra"),) * 2], ["spec", "extra"], None),
        ([(of_pointer("/spec/nothing/at/all"),) * 2], ["spec", "replicas"], 2),
        ([(of_pointer("/status/n"),) * 2], ["status", "n"], 1),
        ([(of_pointer("/spec/tags"),) * 2], ["spec", "tags"], None),
        ([(of_pointer("/spec/tags/0"),) * 2], ["spec", "tags"], ["y"]),
        (
            [(of_manager('.spec.items[name="b"].v'),) * 2],
            ["spec", "items"],
            [{"name": "a", "v": 1}, {"name": "b", "v": 20}],
        ),
        ([(of_pointer("/spec/items/0"),) * 2], ["spec", "items"], [{"name": "b", "v": 20}, {"name": "b", "v": 2}]),
        (
            paired([["spec", "items", 0, "v"]], [["spec", "items", 1, "v"]]),
            ["spec", "items"],
            [{"name": "a", "v": 10}, {"name": "b", "v": 2}],
        ),
        (paired([["spec", "replicas"]], []), ["spec", "replicas"], 2),
        (paired(None, [["spec"]]), ["spec", "replicas"], 2),
    ],
)
def test_ignored_fields_take_the_live_value_where_git_names_them(paths, path, value):
    found: Any = adopted(TARGET, LIVE, paths)
    for step in path:
        found = found.get(step)
    assert found == value
    assert TARGET["spec"]["replicas"] == 2, "the target itself stays as it is"
