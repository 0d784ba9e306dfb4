from __future__ import annotations

from typing import Any

import pytest

from plat.api import IgnoreRule, UserError
from plat.cluster.appset import settled


async def no_jq(text: str, value: Any) -> Any:
    raise AssertionError(text)


async def del_revision(text: str, value: Any) -> Any:
    assert text == "del(.spec.source.targetRevision)"
    source = {key: item for key, item in value["spec"]["source"].items() if key != "targetRevision"}
    return {**value, "spec": {**value["spec"], "source": source}}


def app(name: str = "a", **spec: Any) -> dict[str, Any]:
    return {"kind": "Application", "metadata": {"name": name, "labels": {"x": "y"}}, "spec": spec}


@pytest.mark.parametrize(
    ("pointer", "live", "git", "expected"),
    [
        ("/spec/r", {"r": "live"}, {"r": "git", "p": 1}, {"r": "live", "p": 1}),
        ("/spec/r", {}, {"r": "git"}, {}),
        ("/spec/r", {"r": "live"}, {}, {"r": "live"}),
        ("/spec/a~1b/c", {"a/b": {"c": 1, "d": 1}}, {"a/b": {"c": 2, "d": 2}}, {"a/b": {"c": 1, "d": 2}}),
        ("/spec/nothing/there", {"r": 1}, {"r": 2}, {"r": 2}),
        ("/spec/l/0/x", {"l": [{"x": 1}]}, {"l": [{"x": 2}]}, {"l": [{"x": 1}]}),
        ("/spec/l/7", {"l": [1]}, {"l": [2]}, {"l": [2]}),
    ],
)
async def test_a_pointer_keeps_what_is_there(pointer: str, live: Any, git: Any, expected: Any) -> None:
    rules = [IgnoreRule(json_pointers=(pointer,))]
    (result,) = await settled([app(**live)], [app(**git)], rules, no_jq)
    assert result["spec"] == expected


async def test_an_expression() -> None:
    rules = [IgnoreRule(jq=(".spec.source.targetRevision",))]
    live, git = (
        app(source={"targetRevision": "pr-7", "path": "old"}),
        app(source={"targetRevision": "HEAD", "path": "new"}),
    )
    (result,) = await settled([live], [git], rules, del_revision)
    assert result["spec"] == {"source": {"targetRevision": "pr-7", "path": "new"}}


async def test_rules_by_name_and_what_does_not_exist_yet() -> None:
    rules = [IgnoreRule(name="a", json_pointers=("/spec/r",))]
    wanted = [app("a", r=2), app("b", r=2), app("c", r=2)]
    results = await settled([app("a", r=1), app("b", r=1)], wanted, rules, no_jq)
    assert [result["spec"]["r"] for result in results] == [1, 2, 2]


async def test_a_failing_expression_is_not_swallowed() -> None:
    async def broken(text: str, value: Any) -> Any:
        raise UserError("unexpected token")

    with pytest.raises(UserError):
        await settled([app(r=1)], [app(r=2)], [IgnoreRule(jq=(".x[",))], broken)
