from __future__ import annotations

from typing import Any

import pytest

from plat.api import UserError
from plat.cluster.appset import GoEngine, PlainEngine, generator_kind, parameter_sets


async def call(key: str, fields: Any) -> Any:
    if key == "fails":
        raise UserError("no such repository")
    assert key == "list"
    return fields["elements"]


async def plain(*generators: Any) -> list[dict[str, Any]]:
    found = await parameter_sets(generators, call, PlainEngine())
    return [dict(item) for result in found for item in result.sets]


def listed(*elements: Any, **beside: Any) -> dict[str, Any]:
    return {"list": {"elements": list(elements)}, **beside}


def matrix(*children: Any, **beside: Any) -> dict[str, Any]:
    return {"matrix": {"generators": list(children)}, **beside}


def merge(*children: Any, keys: Any = ("server",)) -> dict[str, Any]:
    return {"merge": {"generators": list(children), "mergeKeys": list(keys)}}


async def test_the_worked_matrix() -> None:
    child = listed({"url": "https://{{env}}.example"})
    assert await plain(matrix(listed({"env": "dev"}, {"env": "prod"}), child)) == [
        {"env": "dev", "url": "https://dev.example"},
        {"env": "prod", "url": "https://prod.example"},
    ]


async def test_the_worked_merge() -> None:
    base = listed({"server": "1", "x": "a"}, {"server": "2", "x": "b"})
    over = listed({"server": "2", "x": "c"}, {"server": "3", "x": "d"})
    assert await plain(merge(base, over)) == [{"server": "1", "x": "a"}, {"server": "2", "x": "c"}]


async def test_generators_come_in_order_each_with_its_template() -> None:
    generators = [listed({"a": "1"}, template={"spec": {"project": "x"}}), listed({"a": "2"}, {"a": "3"})]
    found = await parameter_sets(generators, call, PlainEngine())
    assert [(result.sets, result.template) for result in found] == [
        (({"a": "1"},), {"spec": {"project": "x"}}),
        (({"a": "2"}, {"a": "3"}), {}),
    ]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (None, ["dev", "prod", "none"]),
        ({"matchLabels": {"env": "dev"}}, ["dev"]),
        ({"matchLabels": {"labels.tier": "1"}}, ["prod"]),
        ({"matchLabels": {"env": "any value, even with spaces"}}, []),
        ({"matchExpressions": [{"key": "env", "operator": "In", "values": ["dev", "prod"]}]}, ["dev", "prod"]),
        ({"matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["dev"]}]}, ["prod", "none"]),
        ({"matchExpressions": [{"key": "env", "operator": "Exists"}]}, ["dev", "prod"]),
        ({"matchExpressions": [{"key": "env", "operator": "DoesNotExist"}]}, ["none"]),
        ({"matchLabels": {"env": "dev"}, "matchExpressions": [{"key": "id", "operator": "DoesNotExist"}]}, []),
        ({}, ["dev", "prod", "none"]),
    ],
)
async def test_a_selector(selector: Any, expected: list[str]) -> None:
    elements = [{"id": "dev", "env": "dev"}, {"id": "prod", "env": "prod", "labels": {"tier": 1}}, {"id": "none"}]
    assert [item["id"] for item in await plain(listed(*elements, selector=selector))] == expected


@pytest.mark.parametrize(
    ("selector", "where"),
    [
        ({"matchLabel": {}}, "spec.generators.0.selector: matchLabel"),
        (
            {"matchExpressions": [{"key": "a", "operator": "in", "values": ["b"]}]},
            "spec.generators.0.selector.matchExpressions.0.operator",
        ),
        (
            {"matchExpressions": [{"key": "a", "operator": "In"}]},
            "spec.generators.0.selector.matchExpressions.0.values",
        ),
        (
            {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]},
            "spec.generators.0.selector.matchExpressions.0.values",
        ),
    ],
)
async def test_a_wrong_selector(selector: Any, where: str) -> None:
    with pytest.raises(UserError) as caught:
        await plain(listed({}, selector=selector))
    assert caught.value.where == where


async def test_selectors_of_children_and_of_the_whole() -> None:
    first = listed({"a": "1"}, {"a": "2"}, selector={"matchLabels": {"a": "1"}})
    whole = matrix(first, listed({"b": "1"}, {"b": "2"}), selector={"matchLabels": {"b": "2"}})
    assert await plain(whole) == [{"a": "1", "b": "2"}]


async def test_a_selector_of_the_second_child_sees_the_first() -> None:
    second = listed({"b": "1"}, {"b": "2"}, selector={"matchLabels": {"b": "{{a}}"}})
    assert await plain(matrix(listed({"a": "1"}, {"a": "2"}), second)) == [{"a": "1", "b": "1"}, {"a": "2", "b": "2"}]


async def test_plain_matrix_refuses_a_key_with_two_values() -> None:
    with pytest.raises(UserError, match="'a'") as caught:
        await plain(matrix(listed({"a": "1"}), listed({"a": "2"})))
    assert caught.value.where == "spec.generators.0.matrix"
    assert await plain(matrix(listed({"a": "1"}), listed({"a": "1", "b": "2"}))) == [{"a": "1", "b": "2"}]


async def test_go_matrix_merges_deeply_and_prefers_child_one_unless_empty(go_templates) -> None:
    first = listed({"a": {"x": "1", "empty": ""}, "b": ""})
    second = listed({"a": {"x": "2", "y": "3", "empty": "4"}, "b": "5"})
    (found,) = await parameter_sets([matrix(first, second)], call, GoEngine(go_templates))
    assert found.sets == ({"a": {"x": "1", "y": "3", "empty": "4"}, "b": "5"},)


async def test_a_nested_matrix_sees_what_is_around_it() -> None:
    inner = matrix(listed({"region": "{{env}}-eu"}, {"region": "{{env}}-us"}), listed({"url": "{{env}}.{{region}}"}))
    assert await plain(matrix(listed({"env": "dev"}), inner)) == [
        {"env": "dev", "region": "dev-eu", "url": "dev.dev-eu"},
        {"env": "dev", "region": "dev-us", "url": "dev.dev-us"},
    ]


async def test_a_merge_inside_a_matrix_and_a_matrix_inside_a_merge() -> None:
    merged = merge(listed({"server": "1", "x": "a"}), listed({"server": "1", "x": "b"}))
    assert await plain(matrix(merged, listed({"y": "{{x}}"}))) == [{"server": "1", "x": "b", "y": "b"}]
    cells = matrix(listed({"server": "1"}), listed({"x": "a"}))
    assert await plain(merge(cells, listed({"server": "1", "x": "b"}))) == [{"server": "1", "x": "b"}]


@pytest.mark.parametrize(
    ("generator", "where", "words"),
    [
        (matrix(listed({})), "spec.generators.0.matrix.generators", "exactly two"),
        (matrix(listed({}), listed({}), listed({})), "spec.generators.0.matrix.generators", "exactly two"),
        ({"matrix": {}}, "spec.generators.0.matrix.generators", "list of generators"),
        ({"matrix": {"generatrs": []}}, "spec.generators.0.matrix.generatrs", "did you mean 'generators'?"),
        (merge(listed({})), "spec.generators.0.merge.generators", "two children"),
        (merge(listed({}), listed({}), keys=()), "spec.generators.0.merge.mergeKeys", "required"),
        ({}, "spec.generators.0", "one generator"),
        ({"list": {}, "git": {}}, "spec.generators.0", "one generator"),
        ({"list": []}, "spec.generators.0.list", "mapping"),
        (
            matrix(matrix(matrix(listed({}), listed({})), listed({})), listed({})),
            "spec.generators.0.matrix.generators.0.matrix.generators.0.matrix",
            "too deeply",
        ),
        (
            merge(listed({"server": "1"}), listed({"server": "2"}, {"server": "2"})),
            "spec.generators.0.merge.generators.1",
            "server='2'",
        ),
    ],
)
async def test_what_cannot_be_meant(generator: Any, where: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        await plain(generator)
    assert caught.value.where == where
    assert words in str(caught.value)


async def test_merge_by_several_keys_and_a_missing_one_counts_as_null() -> None:
    base = listed({"server": "1", "env": "a"}, {"server": "1"})
    over = listed({"server": "1", "x": "only without env"}, {"server": "1", "env": "b", "x": "dropped"})
    assert await plain(merge(base, over, keys=("server", "env"))) == [
        {"server": "1", "env": "a"},
        {"server": "1", "x": "only without env"},
    ]


async def test_plain_merge_overrides_with_empty_values_and_go_merge_does_not(go_templates) -> None:
    generator = merge(listed({"server": "1", "x": "a"}), listed({"server": "1", "x": ""}))
    assert await plain(generator) == [{"server": "1", "x": ""}]
    (found,) = await parameter_sets([generator], call, GoEngine(go_templates))
    assert found.sets == ({"server": "1", "x": "a"},)


async def test_a_failing_generator_fails_the_whole() -> None:
    with pytest.raises(UserError, match="no such repository"):
        await plain(listed({"a": "1"}), {"fails": {}})


KINDS = ("list", "clusters", "git.directories", "git.files", "acme")


@pytest.mark.parametrize(
    ("key", "fields", "expected"),
    [
        ("list", {"elements"}, "list"),
        ("git", {"repoURL", "directories"}, "git.directories"),
        ("git", {"repoURL", "files", "values"}, "git.files"),
        ("acme", {"files"}, "acme"),
    ],
)
def test_the_kind_of_a_generator(key: str, fields: set[str], expected: str) -> None:
    assert generator_kind(key, fields, KINDS) == expected


@pytest.mark.parametrize(
    ("key", "fields", "words"),
    [
        ("git", {"repoURL"}, "needs directories or files"),
        ("git", {"files", "directories"}, "takes only one of directories or files"),
        ("cluster", {}, "did you mean 'clusters'?"),
        ("matrx", {}, "did you mean 'matrix'?"),
    ],
)
def test_no_kind(key: str, fields: set[str], words: str) -> None:
    with pytest.raises(UserError) as caught:
        generator_kind(key, fields, KINDS)
    assert words in str(caught.value)
