from __future__ import annotations

from typing import Any

import pytest

from plat.api import UserError, checked
from plat_argocd.generators import GitDirectories
from plat_argocd.generators.globs import matches

URL = "https://git.example/services"


async def generate(context: Any, tree: Any, *, go: bool = False, **fields: Any) -> Any:
    generator = checked(GitDirectories, {"repoURL": URL, **fields})
    trees = {(URL, fields.get("revision", "HEAD")): tree}
    return await generator.generate(context(trees=trees, go_template=go))


async def test_the_worked_example(generator_context, tree) -> None:
    assert await generate(generator_context, tree("apps/Foo_Bar/a.yaml"), directories=[{"path": "apps/*"}]) == [
        {
            "path": "apps/Foo_Bar",
            "path[0]": "apps",
            "path[1]": "Foo_Bar",
            "path.basename": "Foo_Bar",
            "path.basenameNormalized": "foo-bar",
        }
    ]


async def test_go_parameters_are_nested(generator_context, tree) -> None:
    found = tree("apps/Foo_Bar/a.yaml")
    assert await generate(generator_context, found, go=True, directories=[{"path": "apps/*"}]) == [
        {
            "path": {
                "path": "apps/Foo_Bar",
                "segments": ["apps", "Foo_Bar"],
                "basename": "Foo_Bar",
                "basenameNormalized": "foo-bar",
            }
        }
    ]


@pytest.mark.parametrize(
    ("go", "expected"),
    [
        (False, {"p.path": "a", "p.path[0]": "a", "p.path.basename": "a", "p.path.basenameNormalized": "a"}),
        (True, {"p": {"path": {"path": "a", "segments": ["a"], "basename": "a", "basenameNormalized": "a"}}}),
    ],
)
async def test_a_prefix(generator_context, tree, go, expected) -> None:
    fields = {"directories": [{"path": "*"}], "pathParamPrefix": "p"}
    assert await generate(generator_context, tree("a/x"), go=go, **fields) == [expected]


@pytest.mark.parametrize(
    ("directories", "expected"),
    [
        ([{"path": "*"}], ["apps", "libs"]),
        ([{"path": "apps/*"}], ["apps/a", "apps/b", "apps/b-c"]),
        ([{"path": "apps/*"}, {"path": "apps/b", "exclude": True}], ["apps/a", "apps/b-c"]),
        ([{"path": "apps/*", "exclude": True}, {"path": "apps/*"}], []),
        ([{"path": "apps/*/*"}, {"path": "apps/a"}], ["apps/a", "apps/b/deep"]),
        ([{"path": "apps/[ab]"}], ["apps/a", "apps/b"]),
        ([{"path": "apps/**"}], ["apps/a", "apps/b", "apps/b-c"]),
        ([{"path": "nothing/*"}], []),
        ([{"path": "apps/*", "exclude": True}], []),
    ],
)
async def test_which_directories(generator_context, tree, directories, expected) -> None:
    found = tree(
        "apps/b-c/x", "apps/b/x", "apps/b/deep/x", "apps/a/x", "apps/.hidden/x", ".github/x/y", "libs/x", "top"
    )
    sets = await generate(generator_context, found, directories=directories)
    assert [item["path"] for item in sets] == expected


async def test_values_see_the_own_parameters_once(generator_context, tree) -> None:
    values = {"url": "https://{{ path.basename }}.example", "again": "{{values.url}}", "odd": "{{nope}}"}
    (item,) = await generate(generator_context, tree("a/x"), directories=[{"path": "*"}], values=values)
    assert item["values.url"] == "https://a.example"
    assert item["values.again"] == "{{values.url}}"
    assert item["values.odd"] == "{{nope}}"


async def test_go_values(generator_context, tree) -> None:
    values = {"url": "https://{{ .path.basename }}.example"}
    (item,) = await generate(generator_context, tree("a/x"), go=True, directories=[{"path": "*"}], values=values)
    assert item["values"] == {"url": "https://a.example"}


async def test_the_revision_is_the_one_given(generator_context, tree) -> None:
    sets = await generate(generator_context, tree("a/x"), revision="v1", directories=[{"path": "*"}])
    assert [item["path"] for item in sets] == ["a"]


def test_an_unknown_field_names_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'directories'"):
        checked(GitDirectories, {"repoURL": URL, "directorys": []})


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("a/*", "a/b", True),
        ("a/*", "a/b/c", False),
        ("a/?", "a/b", True),
        ("a/[^b]", "a/b", False),
        ("a/[^b]", "a/c", True),
        ("a/[a-c]x", "a/bx", True),
        ("a\\*", "a*", True),
        ("a\\*", "ab", False),
        ("a.b", "axb", False),
    ],
)
def test_patterns(pattern: str, path: str, expected: bool) -> None:  # noqa: FBT001  # a column of the table
    assert matches(pattern, path) is expected


def test_a_broken_pattern_is_the_users_error() -> None:
    with pytest.raises(UserError, match="is no pattern"):
        matches("a/[b", "a/b")
