from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from plat.api import UserError, checked
from plat_argocd.generators import Clusters, GitFiles, ListElements

URL = "https://git.example/config"


async def from_files(context: Any, tree: Any, *, go: bool = False, **fields: Any) -> Any:
    generator = checked(GitFiles, {"repoURL": URL, **fields})
    return await generator.generate(context(trees={(URL, "HEAD"): tree}, go_template=go))


async def test_the_worked_file(generator_context, tree) -> None:
    files = tree(**{"c/x.json": '{"a": {"b": 1}, "l": ["p"]}'})
    assert await from_files(generator_context, files, files=[{"path": "c/*.json"}]) == [
        {
            "a.b": "1",
            "l.0": "p",
            "path": "c",
            "path[0]": "c",
            "path.basename": "c",
            "path.basenameNormalized": "c",
            "path.filename": "x.json",
            "path.filenameNormalized": "x.json",
        }
    ]


async def test_go_keeps_the_file_as_it_is(generator_context, tree) -> None:
    files = tree(**{"A_b/X_y.yaml": "a: {b: 1}\nl: [p]\n"})
    assert await from_files(generator_context, files, go=True, files=[{"path": "A_b/*.yaml"}]) == [
        {
            "a": {"b": 1},
            "l": ["p"],
            "path": {
                "path": "A_b",
                "segments": ["A_b"],
                "basename": "A_b",
                "basenameNormalized": "a-b",
                "filename": "X_y.yaml",
                "filenameNormalized": "x-y.yaml",
            },
        }
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [{}]),
        ("# only a comment\n", [{}]),
        ("[{a: 1}, {a: 2}]", [{"a": "1"}, {"a": "2"}]),
        ("[]", []),
        (
            "{port: 8080, big: 1000000, yes_: true, no_: null}",
            [{"port": "8080", "big": "1e+06", "yes_": "true", "no_": "<nil>"}],
        ),
    ],
)
async def test_what_a_file_may_hold(generator_context, tree, text, expected) -> None:
    found = await from_files(generator_context, tree(**{"x.yaml": text}), files=[{"path": "x.yaml"}])
    assert [{key: item[key] for key in wanted} for item, wanted in zip(found, expected, strict=True)] == expected


@pytest.mark.parametrize("text", ["just text", "[1, 2]", "a: 1\n---\nb: 2\n", "a: [\n"])
async def test_what_a_file_may_not_hold(generator_context, tree, text) -> None:
    with pytest.raises(UserError) as caught:
        await from_files(generator_context, tree(**{"x.yaml": text}), files=[{"path": "x.yaml"}])
    assert caught.value.where.startswith("x.yaml")


PATHS = ("a/x.json", "a/b/x.json", "a/b/y.json", "c/x.json", "x.json")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"files": [{"path": "a/*.json"}]}, ["a/b/x.json", "a/b/y.json", "a/x.json"]),
        ({"files": [{"path": "**/x.json"}]}, ["a/b/x.json", "a/x.json", "c/x.json"]),
        ({"files": [{"path": "a"}]}, ["a/b/x.json", "a/b/y.json", "a/x.json"]),
        ({"files": [{"path": "*"}, {"path": "a/*", "exclude": True}]}, ["c/x.json", "x.json"]),
        ({"files": [{"path": "a/*.json"}], "doublestar": True}, ["a/x.json"]),
        ({"files": [{"path": "**/x.json"}], "doublestar": True}, ["a/b/x.json", "a/x.json", "c/x.json", "x.json"]),
        ({"files": [{"path": "{a,c}/x.json"}], "doublestar": True}, ["a/x.json", "c/x.json"]),
        ({"files": [{"path": "a/**", "exclude": True}], "doublestar": True}, []),
        ({"files": [{"path": "nothing"}]}, []),
    ],
)
async def test_which_files(generator_context, tree, fields, expected) -> None:
    found = await from_files(generator_context, tree(**dict.fromkeys(PATHS, "a: 1")), **fields)
    got = [f"{item['path']}/{item['path.filename']}".removeprefix("./") for item in found]
    assert got == expected


async def test_a_file_at_the_root(generator_context, tree) -> None:
    (item,) = await from_files(generator_context, tree(**{"x.json": "{}"}), files=[{"path": "x.json"}])
    assert (item["path"], item["path[0]"], item["path.basename"]) == (".", ".", ".")
    assert item["path.basenameNormalized"] == ""


async def test_values_and_prefix_of_files(generator_context, tree) -> None:
    fields = {"files": [{"path": "e/x.json"}], "values": {"u": "{{a}}-{{p.path.filename}}"}, "pathParamPrefix": "p"}
    (item,) = await from_files(generator_context, tree(**{"e/x.json": '{"a": "1"}'}), **fields)
    assert (item["p.path"], item["values.u"]) == ("e", "1-x.json")


async def from_list(context: Any, *, go: bool = False, **fields: Any) -> Any:
    return await checked(ListElements, fields).generate(context(go_template=go))


async def test_plain_elements(generator_context) -> None:
    elements = [{"name": "a", "values": {"x": "1"}}, {"name": "b"}]
    assert await from_list(generator_context, elements=elements) == [{"name": "a", "values.x": "1"}, {"name": "b"}]


async def test_go_elements_are_anything(generator_context) -> None:
    elements = [{"name": "a", "n": 1, "values": {"x": [1]}}]
    assert await from_list(generator_context, go=True, elements=elements) == elements


@pytest.mark.parametrize(
    ("element", "where"),
    [
        ({"n": 1}, "list.elements.0.n"),
        ({"n": None}, "list.elements.0.n"),
        ({"values": {"x": True}}, "list.elements.0.values.x"),
        ({"values": "x"}, "list.elements.0.values"),
    ],
)
async def test_plain_elements_are_strings(generator_context, element, where) -> None:
    with pytest.raises(UserError) as caught:
        await from_list(generator_context, elements=[element])
    assert caught.value.where == where


async def test_elements_of_a_text_are_appended_unchanged(generator_context) -> None:
    text = "- name: b\n  n: 1\n- name: c\n"
    assert await from_list(generator_context, elements=[{"name": "a"}], elementsYaml=text) == [
        {"name": "a"},
        {"name": "b", "n": 1},
        {"name": "c"},
    ]


@pytest.mark.parametrize("text", ["a: 1", "- 1", "just text"])
async def test_a_text_that_is_no_list(generator_context, text) -> None:
    with pytest.raises(UserError) as caught:
        await from_list(generator_context, elementsYaml=text)
    assert caught.value.where == "list.elementsYaml"


@dataclass(frozen=True)
class FakeCluster:
    name: str
    server: str
    project: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


LOCAL = FakeCluster("in-cluster", "https://kubernetes.default.svc")
PROD = FakeCluster("Prod_EU", "https://prod", project="p", labels={"env": "prod"}, annotations={"owner": "ann"})
DEV = FakeCluster("dev", "https://dev", labels={"env": "dev"})


async def from_clusters(context: Any, *clusters: FakeCluster, go: bool = False, **fields: Any) -> Any:
    return await checked(Clusters, fields).generate(context(clusters=clusters, go_template=go))


async def test_plain_clusters(generator_context) -> None:
    assert await from_clusters(generator_context, PROD) == [
        {
            "name": "Prod_EU",
            "nameNormalized": "prod-eu",
            "server": "https://prod",
            "project": "p",
            "metadata.labels.env": "prod",
            "metadata.annotations.owner": "ann",
        }
    ]


async def test_go_clusters(generator_context) -> None:
    (item,) = await from_clusters(generator_context, PROD, go=True)
    assert item["metadata"] == {"labels": {"env": "prod"}, "annotations": {"owner": "ann"}}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ["Prod_EU", "dev", "in-cluster"]),
        ({"selector": {}}, ["Prod_EU", "dev", "in-cluster"]),
        ({"selector": {"matchLabels": {"env": "prod"}}}, ["Prod_EU"]),
        ({"selector": {"matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["prod"]}]}}, ["dev"]),
        ({"selector": {"matchExpressions": [{"key": "env", "operator": "Exists"}]}}, ["Prod_EU", "dev"]),
        ({"selector": {"matchExpressions": [{"key": "env", "operator": "DoesNotExist"}]}}, []),
    ],
)
async def test_which_clusters(generator_context, fields, expected) -> None:
    found = await from_clusters(generator_context, LOCAL, PROD, DEV, **fields)
    assert [item["name"] for item in found] == expected


async def test_cluster_values_and_flat_list(generator_context) -> None:
    values = {"host": "{{metadata.labels.env}}.example"}
    (one,) = await from_clusters(generator_context, PROD, DEV, flatList=True, values=values)
    assert [(item["name"], item["values.host"]) for item in one["clusters"]] == [
        ("Prod_EU", "prod.example"),
        ("dev", "dev.example"),
    ]
    assert await from_clusters(generator_context, flatList=True) == [{"clusters": []}]


def test_an_unknown_operator_is_named() -> None:
    fields = {"selector": {"matchExpressions": [{"key": "a", "operator": "in"}]}}
    with pytest.raises(UserError) as caught:
        checked(Clusters, fields, where="clusters")
    assert caught.value.where == "clusters: selector.matchExpressions.0.operator"
