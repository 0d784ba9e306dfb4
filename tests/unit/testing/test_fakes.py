from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from plat.api import (
    Exit,
    PlatError,
    Ref,
    RefusedError,
    Renderer,
    UnavailableError,
    UserError,
)
from plat.testing import (
    FakeClock,
    FakeCluster,
    FakeEval,
    FakeExec,
    FakeGit,
    FakeHttp,
    FakeLog,
    FakeLookup,
    FakePrograms,
    FakeRender,
    FakeReply,
    FakeTree,
    Link,
    damaged,
    generator_context,
    provider_context,
    render_context,
)
from plat.testing.trees import Files

FILES: Files = {
    "a/x.yaml": "x: 1",
    "a/b/y.yaml": b"y: 2",
    "z.txt": "z",
    "link": Link("a/x.yaml"),
    "out": Link("../etc"),
}


@pytest.mark.parametrize(
    ("globs", "expected"),
    [
        ((), ["a/b/y.yaml", "a/x.yaml", "link", "z.txt"]),
        (("*",), ["link", "z.txt"]),
        (("a/*",), ["a/x.yaml"]),
        (("a/**",), ["a/b/y.yaml", "a/x.yaml"]),
        (("*.txt", "a/b/*"), ["a/b/y.yaml", "z.txt"]),
        (("nothing/*",), []),
    ],
)
def test_a_tree_lists_files_as_a_real_one(globs, expected):
    files = {path: content for path, content in FILES.items() if path != "out"}
    assert list(FakeTree(files).files(*globs)) == expected


def test_a_tree_remembers_what_was_read():
    tree = FakeTree(FILES)
    assert tree.read("a/x.yaml") == b"x: 1"
    assert tree.read("link") == b"x: 1"
    assert list(tree.directories("*")) == ["a"]
    assert tree.reads == ("/", "a/x.yaml", "link")
    assert FakeTree(FILES).holds(tree.read_set)
    assert not FakeTree({**FILES, "a/x.yaml": "x: 2"}).holds(tree.read_set)


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "out/passwd"])
def test_a_tree_is_a_jail(path):
    with pytest.raises(UserError):
        FakeTree(FILES).read(path)


def test_a_missing_file_names_the_nearest():
    with pytest.raises(UserError, match=r"did you mean 'z.txt'"):
        FakeTree({"z.txt": ""}).read("z.tx")


async def test_a_tree_can_be_exported_and_overlaid(plat_tree):
    tree = plat_tree({"a/x.yaml": "x: 1"}).overlay({"a/y.yaml": b"y: 2"})
    folder = await tree.export()
    assert {path.name: path.read_text() for path in (folder / "a").iterdir()} == {"x.yaml": "x: 1", "y.yaml": "y: 2"}


async def test_repositories_by_address_and_revision():
    git = FakeGit({"u": {"f": "head"}, ("u", "v1"): {"f": "old"}}, refs={"u": {"refs/tags/v1": "1"}})
    assert (await git.tree("u")).read("f") == b"head"
    assert (await git.tree("u", "v1")).read("f") == b"old"
    assert git.asked == [("u", "HEAD"), ("u", "v1")]
    assert await git.refs("u", "refs/tags/*") == {"refs/tags/v1": "1"}
    assert await git.refs("u", "refs/heads/*") == {}
    with pytest.raises(UserError, match="there is no v2 of u"):
        await git.tree("u", "v2")


WEB = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}}}  # fmt: skip


def deployment(**more):
    return Ref(group="apps", kind="Deployment", **more)


@pytest.mark.parametrize(
    ("ref", "count"),
    [
        (deployment(), 1),
        (deployment(namespace="shop"), 1),
        (deployment(namespace="other"), 0),
        (deployment(labels={"app": "web"}), 1),
        (deployment(labels={"app": "db"}), 0),
        (Ref(kind="Deployment"), 0),
    ],
)
async def test_objects_of_a_cluster(ref, count):
    cluster = FakeCluster(name="prod", objects=[WEB])
    assert len(await cluster.list(ref)) == count
    assert await cluster.get(deployment(namespace="shop", name="web")) is WEB
    assert await cluster.get(deployment(name="web")) is None
    lookup = FakeLookup([WEB])
    assert (len(lookup.list(ref)), lookup.asked) == (count, [ref])


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, UserError),
        (403, UserError),
        (404, RefusedError),
        (409, RefusedError),
        (408, UnavailableError),
        (429, UnavailableError),
        (503, UnavailableError),
    ],
)
async def test_http_raises_by_status(status, error):
    http = FakeHttp({"https://x": FakeReply("no", status=status)})
    with pytest.raises(error, match=f"https://x answered {status}: no"):
        await http.get("https://x")
    assert (await http.get("https://x", ok=(status,), params={"a": 1})).status == status
    assert http.asked[1].params == {"a": 1}


async def test_http_answers_plain_data_and_raises_errors():
    http = FakeHttp({"https://x": {"a": [1]}, "https://y": UnavailableError("down")})
    assert (await http.get("https://x")).json() == {"a": [1]}
    with pytest.raises(UnavailableError):
        await http.get("https://y")
    with pytest.raises(AssertionError, match="no answer for https://z"):
        await http.get("https://z")


async def test_programs_answer_by_their_first_words():
    lines: list[str] = []
    run = FakeExec({"git": "git\n", "git log": Exit(code=2, stdout="a\nb\n", stderr="bad")})
    assert (await run("git", "status")).stdout == "git\n"
    assert (await run("git", "log", "-1", ok=(2,), on_line=lines.append)).code == 2
    assert lines == ["a", "b"]
    with pytest.raises(RefusedError, match="git ended with 2: bad"):
        await run("git", "log")
    with pytest.raises(AssertionError, match="no answer for 'hg'"):
        await run("hg")
    assert run.runs[0].argv == ("git", "status")


async def test_paths_of_programs(tmp_path):
    programs = FakePrograms({"kubectl": tmp_path})
    assert await programs.path("kubectl") == tmp_path
    with pytest.raises(UserError, match="did you mean 'kubectl'"):
        await programs.path("kubect")


async def test_libraries_are_the_real_ones_unless_an_answer_is_given():
    render = FakeRender(helm=[{"kind": "X"}])
    assert await render.yaml(b"a: 0777\n---\nb: on\n") == [{"a": 511}, {"b": True}]
    assert await render.helm(FakeTree({}), "chart", x=1) == [{"kind": "X"}]
    files = {
        "kustomization.yaml": "resources: [m.yaml]",
        "m.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}}",
    }
    assert [m["kind"] for m in await render.kustomize(FakeTree(files), ".")] == ["ConfigMap"]
    assert [asked.library for asked in render.asked] == ["yaml", "helm", "kustomize"]
    assert await FakeEval().template("{{ .a }}!", {"a": "hi"}) == "hi!"
    assert await FakeEval().jq(".a[0]", {"a": [1]}) == 1


class Needy(Renderer):
    kind = "needy"
    needs = frozenset({"http"})

    def render(self, ctx): ...


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: render_context({}, plugin=Needy), "render"),
        (lambda: render_context({}, plugin=Needy()), "exec"),
        (lambda: generator_context(plugin=Needy), "git"),
        (lambda: provider_context(Path("work"), plugin=Needy), "programs"),
    ],
)
def test_contexts_refuse_what_is_not_needed(make, name):
    with pytest.raises(PlatError, match=rf"needy uses ctx\.{name} but does not name it in `needs`"):
        _ = getattr(make(), name).anything
    assert isinstance(make().http, FakeHttp)


def test_contexts_of_one_test_share_log_and_clock(plat_render_context, plat_generator_context, plat_log, plat_clock):
    contexts = [plat_render_context({"a": ""}), plat_generator_context()]
    for ctx in contexts:
        ctx.log.warning("careful", which=1)
        ctx.progress("working")
    plat_clock.advance(timedelta(hours=1))
    assert [str(line) for line in plat_log.lines] == ["careful which=1", "working"] * 2
    assert {ctx.clock.now() for ctx in contexts} == {FakeClock().now() + timedelta(hours=1)}
    assert isinstance(plat_log, FakeLog)


def test_every_field_is_damaged_in_every_way():
    value = {"a": {"b": [1]}, "c": "x"}
    done = dict(damaged(value))
    assert value == {"a": {"b": [1]}, "c": "x"}
    assert done["without a.b.0"] == {"a": {"b": []}, "c": "x"}
    assert done["without a"] == {"c": "x"}
    assert done["with a.b=None"] == {"a": {"b": None}, "c": "x"}
    assert all(changed != value for name, changed in done.items() if name.startswith("without"))
    assert list(damaged({})) == []
