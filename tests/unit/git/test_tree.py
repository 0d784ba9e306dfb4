from __future__ import annotations

import asyncio
import zlib
from pathlib import Path
from typing import Any

import pytest

from plat.api import Tree, UnavailableError, UserError
from plat.git import DanglingLinkError, LeavesTreeError, Limits, Repositories, same
from plat.git.tree import GitTree

FILES = {
    "apps/web/deployment.yaml": "web",
    "apps/web/base/config.yaml": "base",
    "apps/api/deployment.yaml": "api",
    "apps/.hidden/x.yaml": "hidden",
    "shared/config.yaml": "shared",
    "root.yaml": "root",
}
LINKS = {
    "apps/web/link.yaml": "../../shared/config.yaml",
    "apps/linked": "web",
    "apps/web/dangling": "nowhere",
    "chain": "apps/linked/link.yaml",
}


@pytest.fixture
async def tree(repositories: Repositories, make_origin: Any) -> GitTree:
    origin = make_origin("tree")
    origin.commit(FILES, links=LINKS)
    return await repositories.tree(origin.url)


def test_it_is_a_tree(tree: GitTree) -> None:
    checked: Tree = tree
    assert len(checked.commit) == 40


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("root.yaml", b"root"),
        ("./apps//web/deployment.yaml", b"web"),
        ("apps/api/../web/deployment.yaml", b"web"),
        ("apps/web/link.yaml", b"shared"),
        ("apps/linked/deployment.yaml", b"web"),
        ("apps/linked/base/../deployment.yaml", b"web"),
        ("apps/linked/../api/deployment.yaml", b"api"),
        ("chain", b"shared"),
    ],
)
def test_reading(tree: GitTree, path: str, content: bytes) -> None:
    assert tree.read(path) == content


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("root.yml", "did you mean 'root.yaml'"),
        ("apps/web/deployment.yaml/x", "no such file"),
        ("apps", "is a directory"),
        ("", "is a directory"),
        ("nowhere/x", "no such file"),
    ],
)
def test_reading_what_is_no_file(tree: GitTree, path: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        tree.read(path)


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "apps/../../x",
        "/etc/passwd",
        "apps/web/../../../x",
        "missing/../../x",
        "a\0b",
        "apps/linked/../../x/../../y",
    ],
)
def test_paths_out_of_the_tree(tree: GitTree, path: str) -> None:
    with pytest.raises(LeavesTreeError):
        tree.read(path)
    with pytest.raises((LeavesTreeError, UserError)):
        tree.files(path)


@pytest.mark.parametrize(
    ("globs", "expected"),
    [
        (("*",), ["chain", "root.yaml"]),
        (("apps/*/deployment.yaml",), ["apps/api/deployment.yaml", "apps/web/deployment.yaml"]),
        (("apps/web/*",), ["apps/web/deployment.yaml", "apps/web/link.yaml"]),
        (("apps/linked/*",), ["apps/linked/deployment.yaml", "apps/linked/link.yaml"]),
        (("**/config.yaml",), ["apps/web/base/config.yaml", "shared/config.yaml"]),
        (("shared/**",), ["shared/config.yaml"]),
        (("root.yaml", "*.yaml"), ["root.yaml"]),
        (("nowhere/*", "root.yaml/x"), []),
        (("apps",), []),
        (("apps/web/../api/*",), ["apps/api/deployment.yaml"]),
    ],
)
def test_files(tree: GitTree, globs: tuple[str, ...], expected: list[str]) -> None:
    found = [path if ".." not in path else path.replace("web/../", "") for path in tree.files(*globs)]
    assert found == expected


def test_all_files_but_dangling_links(tree: GitTree) -> None:
    assert set(tree.files()) == {*FILES, "apps/web/link.yaml", "chain"}
    assert tree.warnings == ("apps/web/dangling is a symlink to apps/web/nowhere, which does not exist",)


@pytest.mark.parametrize(
    ("globs", "expected"),
    [
        (("apps/*",), ["apps/.hidden", "apps/api", "apps/web"]),
        (("**/base",), ["apps/web/base"]),
        (("apps",), ["apps"]),
        (("root.yaml",), []),
    ],
)
def test_directories(tree: GitTree, globs: tuple[str, ...], expected: list[str]) -> None:
    assert list(tree.directories(*globs)) == expected


def test_names(tree: GitTree) -> None:
    assert tree.names("apps/linked") == ("base", "dangling", "deployment.yaml", "link.yaml")
    assert tree.names("nowhere") == ()
    assert "apps" in tree.names()


def test_a_dangling_link_is_told_from_a_missing_file(tree: GitTree) -> None:
    with pytest.raises(DanglingLinkError):
        tree.read("apps/web/dangling")
    with pytest.raises(UserError) as caught:
        tree.read("apps/web/missing")
    assert not isinstance(caught.value, DanglingLinkError)


# --- attacks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["/etc/passwd", "../../etc/passwd", "sub/../../x", "up/../x"])
async def test_a_link_out_of_the_tree_is_refused(repositories: Repositories, make_origin: Any, target: str) -> None:
    origin = make_origin("evil")
    origin.commit({"sub/a": "1"}, links={"evil": target, "up": ".."})
    tree = await repositories.tree(origin.url)
    with pytest.raises(LeavesTreeError):
        tree.read("evil")
    with pytest.raises(LeavesTreeError):
        tree.files("*")
    with pytest.raises(LeavesTreeError):
        await tree.export()
    assert not list((repositories._cache / "exports").iterdir())
    assert tree.read("sub/a") == b"1"


async def test_a_loop_of_links_ends(repositories: Repositories, make_origin: Any) -> None:
    origin = make_origin("loop")
    origin.commit(links={"a": "b", "b": "a", "c": "c/x"})
    tree = await repositories.tree(origin.url)
    for path in ("a", "c"):
        with pytest.raises(UserError, match="loop"):
            tree.read(path)


@pytest.mark.parametrize("name", ["..", ".git", ".GIT", "."])
async def test_names_that_lead_out_are_refused(repositories: Repositories, origin: Any, name: str) -> None:
    tree_id = origin.git("rev-parse", "HEAD^{tree}")
    origin.tree_of(f"040000 tree {tree_id}\t{name}\n")
    tree = await repositories.tree(origin.url, "odd")
    with pytest.raises(UserError, match="forbidden name"):
        await tree.export()


async def test_a_tree_of_more_names_than_atoms_is_refused(tmp_path: Path, environ: Any, origin: Any) -> None:
    repositories = Repositories(tmp_path / "c", environ=environ, limits=Limits(names=20_000))
    tree_id = origin.git("rev-parse", "HEAD^{tree}")
    for _ in range(30):
        entries = "".join(f"040000 tree {tree_id}\t{name}\n" for name in "abcdefghij")
        commit = origin.tree_of(entries)
        tree_id = origin.git("rev-parse", f"{commit}^{{tree}}")
    tree = await repositories.tree(origin.url, "odd")
    for attempt in (
        lambda: tree.files("**/x"),
        lambda: tree.files("**/**/a/**/b"),
        lambda: tree.directories("*/" * 20),
    ):
        with pytest.raises(UserError, match="more than"):
            attempt()
    with pytest.raises(UserError, match="more than"):
        await tree.export()
    assert tree.directories("*") == tuple("abcdefghij")
    assert not list((tmp_path / "c" / "exports").iterdir())
    await repositories.aclose()


async def test_a_very_deep_tree_is_refused(repositories: Repositories, origin: Any) -> None:
    tree_id = origin.git("rev-parse", "HEAD^{tree}")
    for _ in range(150):
        commit = origin.tree_of(f"040000 tree {tree_id}\td\n")
        tree_id = origin.git("rev-parse", f"{commit}^{{tree}}")
    tree = await repositories.tree(origin.url, "odd")
    with pytest.raises(UserError, match="deep"):
        tree.files("**")
    first = await repositories.resolve(origin.url, "main")
    with pytest.raises(UserError, match="deep"):
        repositories.changed_paths(origin.url, first, tree.commit)


async def test_limits(tmp_path: Path, environ: Any, make_origin: Any) -> None:
    origin = make_origin("big")
    origin.commit({"big": b"x" * 5000, "small": b"x" * 10, "other": b"y" * 900})
    limits = Limits(file_bytes=1000, export_bytes=905, names=10)
    async with Repositories(tmp_path / "c", environ=environ, limits=limits) as repositories:
        tree = await repositories.tree(origin.url)
        with pytest.raises(UserError, match="5,000 bytes"):
            tree.read("big")
        assert tree.read("small") == b"x" * 10
        with pytest.raises(UserError):
            await tree.export()
        origin.commit({"big": None})
        await repositories.fetch(origin.url, refresh=True)
        with pytest.raises(UserError, match="in all"):
            await (await repositories.tree(origin.url)).export()
        assert not list((tmp_path / "c" / "exports").iterdir())


async def test_a_damaged_object_is_not_believed_and_fetched_again(repositories: Repositories, origin: Any) -> None:
    tree = await repositories.tree(origin.url)
    oid = tree.oid("README.md")
    mirror = repositories.mirror(origin.url)
    place = mirror.path / "objects" / oid[:2] / oid[2:]
    place.chmod(0o644)
    place.write_bytes(zlib.compress(b"blob 5\0evil!"))
    mirror.objects.close()
    with pytest.raises(UnavailableError, match="damaged"):
        tree.read("README.md")
    assert (await repositories.tree(origin.url)).read("README.md") == b"hello\n"


# --- read-sets --------------------------------------------------------------------------------------------------------


async def read_and_change(repositories: Repositories, origin: Any, read: Any, files: Any, links: Any = None) -> bool:
    """Say whether what was read is still the same after a change."""
    before = await repositories.tree(origin.url)
    read(before)
    origin.commit(files, links=links or {})
    await repositories.fetch(origin.url, refresh=True)
    return same(before.read_set, await repositories.tree(origin.url))


READ_THEN_CHANGE = [
    (lambda t: t.read("root.yaml"), {"root.yaml": "2"}, False),
    (lambda t: t.read("root.yaml"), {"shared/config.yaml": "2"}, True),
    (lambda t: t.read("chain"), {"shared/config.yaml": "2"}, False),
    (lambda t: t.read("chain"), {"apps/web/deployment.yaml": "2"}, True),
    (lambda t: t.files("apps/web/*"), {"apps/web/deployment.yaml": "2"}, True),
    (lambda t: t.files("apps/web/*"), {"apps/web/new.yaml": "2"}, False),
    (lambda t: t.files("apps/web/*"), {"apps/web/deployment.yaml": None}, False),
    (lambda t: t.directories("apps/*"), {"apps/web/new.yaml": "2"}, True),
    (lambda t: t.directories("apps/*"), {"apps/new/x.yaml": "2"}, False),
    (lambda t: t.names("apps"), {"apps/api/x": "2"}, True),
    (lambda t: t.files("apps/*/deployment.yaml"), {"apps/web/base/new": "2"}, False),
    (lambda t: t.files("**"), {"root.yaml": "2"}, False),
    (lambda t: t.files("apps/**"), {"root.yaml": "2"}, True),
    (lambda t: t.files(".argocd-source.yaml"), {"root.yaml": "2"}, True),
    (lambda t: t.files(".argocd-source.yaml"), {".argocd-source.yaml": "2"}, False),
    (lambda t: t.files("none/*"), {"none/x": "2"}, False),
    (lambda t: t.files("none/below/*"), {"none/x": "2"}, True),
    (lambda t: t.files("apps/web/*"), {"apps/web/nowhere": "2"}, False),
    (lambda t: t.overlay({"root.yaml": b"mine"}).read("root.yaml"), {"root.yaml": "2"}, True),
    (lambda t: t.overlay({"root.yaml": b"mine"}).read("shared/config.yaml"), {"shared/config.yaml": "2"}, False),
    (lambda t: t.overlay({"apps/web/x": b"mine"}).files("apps/web/*"), {"apps/web/base/config.yaml": "2"}, True),
    (lambda t: t.note(["shared/config.yaml"]), {"shared/config.yaml": "2"}, False),
]


@pytest.mark.parametrize(("read", "files", "expected"), READ_THEN_CHANGE)
async def test_what_was_read_decides_what_counts(
    repositories: Repositories, make_origin: Any, read: Any, files: Any, *, expected: bool
) -> None:
    origin = make_origin("reads")
    origin.commit(FILES, links=LINKS)
    assert await read_and_change(repositories, origin, read, files) is expected


async def test_a_link_that_now_leads_elsewhere_counts(repositories: Repositories, make_origin: Any) -> None:
    origin = make_origin("reads")
    origin.commit(FILES, links=LINKS)
    (origin.path / "chain").unlink()
    origin.git("rm", "--cached", "--quiet", "chain")
    origin.commit(links={"chain": "root.yaml"})
    (origin.path / "chain").unlink()
    assert not await read_and_change(
        repositories, origin, lambda t: t.read("chain"), {}, {"chain": "shared/config.yaml"}
    )


async def test_export_counts_as_reading_everything_unless_told(repositories: Repositories, origin: Any) -> None:
    tree = await repositories.tree(origin.url)
    await tree.export(record=False)
    assert tree.read_set == frozenset()
    await tree.export()
    assert tree.read_set == {("", tree.root)}


# --- overlay and export -----------------------------------------------------------------------------------------------


async def test_an_overlay(tree: GitTree) -> None:
    over = tree.overlay({"root.yaml": b"mine", "new/deep/x": b"new", "apps/linked/y": b"through a link"})
    assert (over.read("root.yaml"), over.read("new/deep/x"), over.read("apps/web/y")) == (
        b"mine",
        b"new",
        b"through a link",
    )
    assert (tree.read("root.yaml"), over.read("apps/api/deployment.yaml")) == (b"root", b"api")
    assert "new/deep/x" in over.files("new/**")
    again = over.overlay({"new/deep/x": b"newer"})
    assert (again.read("new/deep/x"), again.read("root.yaml"), over.read("new/deep/x")) == (b"newer", b"mine", b"new")
    folder = await again.export()
    assert (folder / "new/deep/x").read_bytes() == b"newer"


@pytest.mark.parametrize("path", ["apps", "root.yaml/x", "../x", "", "x/.git/y", "/abs"])
def test_an_overlay_that_cannot_be(tree: GitTree, path: str) -> None:
    with pytest.raises(UserError):
        tree.overlay({path: b""})


async def test_an_overlay_is_the_tree_that_git_would_make(repositories: Repositories, origin: Any) -> None:
    over = (await repositories.tree(origin.url)).overlay({"a/b": b"1", "a.b": b"2", "a-b/c": b"3"})
    origin.commit({"a/b": "1", "a.b": "2", "a-b/c": "3"})
    assert over.root == origin.git("rev-parse", "HEAD^{tree}")


async def test_export_writes_what_a_checkout_has(repositories: Repositories, make_origin: Any) -> None:
    origin = make_origin("export")
    origin.commit(
        FILES | {".gitattributes": "* export-ignore text eol=crlf filter=evil\n", "run.sh": "#!"}, links=LINKS
    )
    (origin.path / "run.sh").chmod(0o755)
    origin.commit()
    tree = await repositories.tree(origin.url)
    folders = await asyncio.gather(*(tree.export() for _ in range(4)))
    assert len(set(folders)) == 1
    folder = folders[0]
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or path.is_file()}
    assert found == {*FILES, *LINKS, ".gitattributes", "run.sh"}
    assert (folder / "chain").read_text() == "shared"
    assert (folder / "root.yaml").stat().st_mode & 0o777 == 0o444
    assert (folder / "run.sh").stat().st_mode & 0o777 == 0o555
    other = await repositories.tree(origin.url)
    assert await other.export() == folder


async def test_a_name_in_no_encoding_is_read_and_exported(repositories: Repositories, origin: Any) -> None:
    (origin.path / "caf\udce9").write_text("x")
    origin.commit()
    tree = await repositories.tree(origin.url)
    assert tree.read("caf\udce9") == b"x"
    assert (await tree.export() / "caf\udce9").read_bytes() == b"x"


async def test_a_submodule_is_an_empty_directory(repositories: Repositories, origin: Any) -> None:
    origin.tree_of(f"160000 commit {'1' * 40}\tmodule\n")
    tree = await repositories.tree(origin.url, "odd")
    assert tree.files() == ()
    assert list((await tree.export() / "module").iterdir()) == []
    with pytest.raises(UserError, match="submodule"):
        tree.read("module")
