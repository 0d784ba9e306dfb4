from __future__ import annotations

from typing import Any

import pytest

from plat.api import UserError, checked
from plat_argocd.directory import LIMIT, Directory
from plat_argocd.globbing import matches_glob


def manifest(name: str, kind: str = "ConfigMap") -> str:
    return f"apiVersion: v1\nkind: {kind}\nmetadata:\n  name: {name}\n"


async def names(context: Any, tree: Any, path: str = "app", **fields: Any) -> list[str]:
    rendered = await checked(Directory, fields).render(context(tree, path))
    return [item["metadata"]["name"] for item in rendered.objects]


FILES = {
    "app/b.yaml": manifest("b"),
    "app/a.yml": manifest("a1") + "---\n" + manifest("a2") + "---\n# nothing\n",
    "app/c.json": '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}',
    "app/README.md": "kind: no",
    "app/sub/d.yaml": manifest("d"),
    "app/sub/deep/e.yaml": manifest("e"),
    "other/x.yaml": manifest("x"),
}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ["a1", "a2", "b", "c"]),
        ({"recurse": True}, ["a1", "a2", "b", "c", "d", "e"]),
        ({"recurse": True, "exclude": "*.yaml"}, ["a1", "a2", "c"]),
        ({"recurse": True, "exclude": "sub/*"}, ["a1", "a2", "b", "c"]),
        ({"recurse": True, "include": "{b.yaml,sub/deep/*}"}, ["b", "e"]),
        ({"recurse": True, "include": "*.yaml", "exclude": "{b.yaml,*/e.yaml}"}, ["d"]),
        ({"include": "nothing"}, []),
    ],
)
async def test_which_files(render_context, tree, fields, expected) -> None:
    assert await names(render_context, tree(**FILES), **fields) == expected


async def test_the_root_of_a_repository(render_context, tree) -> None:
    files = tree(**{"a.yaml": manifest("a"), "sub/b.yaml": manifest("b")})
    assert await names(render_context, files, ".") == ["a"]
    assert await names(render_context, files, "", recurse=True) == ["a", "b"]


async def test_a_marked_file_is_skipped(render_context, tree) -> None:
    files = tree(**{"app/a.yaml": "# +argocd:skip-file-rendering\n" + manifest("a"), "app/b.yaml": manifest("b")})
    assert await names(render_context, files) == ["b"]


async def test_without_the_filter_of_extensions(render_context, tree) -> None:
    files = tree(**{"app/a.manifest": manifest("a"), "app/b.yaml": manifest("b")})
    assert await names(render_context, files, disableExtensionFilter=True) == ["a", "b"]


async def test_lists_are_expanded(render_context, tree) -> None:
    text = '{"apiVersion": "v1", "kind": "ConfigMapList", "items": [%s]}'
    item = '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "in-list"}}'
    assert await names(render_context, tree(**{"app/a.json": text % item})) == ["in-list"]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("values.yaml", "replicas: 3\n", "ignored"),
        ("broken.yaml", "a: [\n", "ignored"),
        ("values.yaml", "- a\n- b\n", "ignored"),
        ("empty.yaml", "", "ignored"),
        ("broken.yaml", "apiVersion: v1\nkind: X\nmetadata: [\n", "error"),
        ("mixed.yaml", manifest("fine") + "---\na: [\n", "error"),
        ("mixed.yaml", "a: 1\n---\napiVersion: v1\nkind: X\n", "error"),
        ("package.json", '{"name": "web"}', "error"),
        ("broken.json", "{", "error"),
    ],
)
async def test_what_is_no_manifest(render_context, tree, name, text, expected) -> None:
    files = tree(**{f"app/{name}": text, "app/z.yaml": manifest("z")})
    if expected == "ignored":
        assert await names(render_context, files) == ["z"]
    else:
        with pytest.raises(UserError) as caught:
            await names(render_context, files)
        assert f"app/{name}" in caught.value.where


async def test_too_much_is_refused(render_context, tree) -> None:
    half = "# " + "x" * (LIMIT // 2)
    with pytest.raises(UserError, match="more than"):
        await names(render_context, tree(**{"app/a.yaml": half, "app/b.yaml": half}))


async def test_jsonnet(render_context, tree) -> None:
    context = render_context(tree(**{"app/a.jsonnet": "{}"}), "app")
    context.render.jsonnet_value = [
        {"kind": "A", "metadata": {"name": "one"}},
        {"kind": "BList", "items": [{"kind": "B", "metadata": {"name": "two"}}]},
    ]
    fields = {
        "jsonnet": {
            "extVars": [{"name": "app", "value": "$ARGOCD_APP_NAME"}],
            "tlas": [{"name": "n", "value": "1 + 1", "code": True}],
            "libs": ["vendor"],
        }
    }
    rendered = await checked(Directory, fields).render(context)
    assert [item["metadata"]["name"] for item in rendered.objects] == ["one", "two"]
    assert context.render.asked == [
        (
            "app/a.jsonnet",
            {
                "extVars": [{"name": "app", "value": "web", "code": False}],
                "tlas": [{"name": "n", "value": "1 + 1", "code": True}],
                "libs": ["vendor"],
            },
        )
    ]


async def test_a_library_out_of_the_repository(render_context, tree) -> None:
    fields = {"jsonnet": {"libs": ["../lib"]}}
    with pytest.raises(UserError, match="out of the repository"):
        await checked(Directory, fields).render(render_context(tree(**{"app/a.jsonnet": "{}"}), "app"))


def test_an_unknown_field_names_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'recurse'"):
        checked(Directory, {"recurs": True})


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*", "a/b.yaml", True),
        ("*.yaml", "a/b.yaml", True),
        ("a/*.yaml", "a/b/c.yaml", True),
        ("?.yaml", "ab.yaml", False),
        ("{config.json,env-usw2/*}", "env-usw2/x.yaml", True),
        ("{config.json,env-usw2/*}", "config.json", True),
        ("{config.json,env-usw2/*}", "config.yaml", False),
        ("[!a]*", "b.yaml", True),
        ("[!a]*", "a.yaml", False),
        ("a.yaml", "axyaml", False),
        ("a,b", "a,b", True),
        ("\\*", "*", True),
    ],
)
def test_globs(pattern: str, path: str, expected: bool) -> None:  # noqa: FBT001  # a column of the table
    assert matches_glob(pattern, path) is expected


def test_a_broken_glob_is_the_users_error() -> None:
    with pytest.raises(UserError, match="is no glob"):
        matches_glob("{a,b", "a")
