from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from plat.api import RefusedError, UserError
from plat.git import Commit, Identity, LeavesTreeError, Repositories, WorkingCopy, working
from plat.git.commits import with_trailers
from plat.git.locks import held
from plat.git.pushing import judge

ME = Identity(name="plat", mail="plat@example.com")


@pytest.fixture
def clone(repositories: Repositories, tmp_path: Path, origin: Any) -> Any:
    count = 0

    async def make(branch: str = "", **more: Any) -> WorkingCopy:
        nonlocal count
        count += 1
        return await WorkingCopy.clone(
            repositories, origin.url, tmp_path / f"w{count}", branch=branch, identity=ME, **more
        )

    return make


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "_FIRST_WAIT", 0.001)


async def test_commit_and_push(clone: Any, origin: Any) -> None:
    copy = await clone()
    copy.write("envs/dev/values.yaml", b"tag: 2\n")
    (copy.path / "README.md").unlink()
    made = await copy.commit(
        "Promote\n\nWhy: because", author="Ann B <ann@example.com>", trailers={"Plat-Stage": "dev"}
    )
    assert made is not None
    assert (made.author, made.subject) == ("Ann B <ann@example.com>", "Promote")
    assert made.trailers == {"Why": "because", "Plat-Stage": "dev"}
    pushed = await copy.push()
    assert pushed == made
    assert origin.git("rev-parse", "main") == made.id
    assert origin.git("ls-tree", "-r", "--name-only", "main") == "envs/dev/values.yaml"
    assert origin.git("log", "-1", "--format=%cn <%ce>", "main") == str(ME)


async def test_nothing_changed_is_no_commit(clone: Any) -> None:
    copy = await clone()
    assert await copy.commit("nothing") is None
    copy.write("README.md", b"hello\n")
    assert await copy.commit("the same") is None
    assert (await copy.commit("empty", empty=True)).message == "empty"


async def test_what_others_pushed_is_kept(clone: Any, origin: Any) -> None:
    ours, theirs = await clone(), await clone()
    for copy, name in ((theirs, "b"), (ours, "a")):
        copy.write(name, name.encode())
        await copy.commit(f"add {name}")
    first = await theirs.push()
    second = await ours.push()
    assert second.parents == (first.id,)
    assert origin.git("ls-tree", "--name-only", "main").split() == ["README.md", "a", "b"]


async def test_many_at_once_all_arrive(clone: Any, origin: Any) -> None:
    copies = [await clone() for _ in range(6)]

    async def work(number: int, copy: WorkingCopy) -> Commit:
        copy.write(f"f{number}", b"x")
        await copy.commit(f"add {number}")
        return await copy.push()

    await asyncio.gather(*(work(number, copy) for number, copy in enumerate(copies)))
    assert len(origin.git("ls-tree", "--name-only", "main").split()) == 7
    assert origin.git("rev-list", "--count", "main") == "7"


async def test_one_push_a_branch_at_a_time_whatever_the_process(clone: Any, origin: Any) -> None:
    copy = await clone()
    copy.write("a", b"a")
    made = await copy.commit("ours")
    before = origin.git("rev-parse", "main")
    async with held(copy._lock("main")):
        pushing = asyncio.ensure_future(copy.push())
        await copy.push("elsewhere")
        await asyncio.sleep(0.1)
        assert origin.git("rev-parse", "main") == before
    await pushing
    assert origin.git("rev-parse", "main") == made.id


async def test_a_race_with_somebody_who_takes_no_lock(clone: Any, origin: Any) -> None:
    """A foreign push lands between our fetch and our push, twice."""
    copy = await clone()
    copy.write("a", b"a")
    await copy.commit("ours")
    origin.commit({"0": "x"})
    integrate, left = copy._integrate, [1, 2]

    async def raced(branch: str) -> None:
        await integrate(branch)
        if left:
            origin.git("reset", "--hard", "--quiet")
            origin.commit({str(left.pop()): "x"})

    copy._integrate = raced
    await copy.push()
    assert origin.git("ls-tree", "--name-only", "main").split() == ["0", "1", "2", "README.md", "a"]


async def test_after_enough_lost_races_it_is_refused(clone: Any, origin: Any) -> None:
    copy = await clone()
    copy.write("a", b"a")
    await copy.commit("ours")
    origin.commit({"0": "x"})

    async def lost(branch: str) -> None:
        assert branch == "main"

    copy._integrate = lost
    with pytest.raises(RefusedError) as caught:
        await copy.push(attempts=3)
    assert caught.value.code == "diverged"


async def test_a_conflict_is_refused_and_leaves_the_copy_usable(clone: Any, origin: Any) -> None:
    copy = await clone()
    copy.write("README.md", b"ours\n")
    mine = await copy.commit("ours")
    theirs = origin.commit({"README.md": "theirs\n"})
    with pytest.raises(RefusedError, match=r"README\.md") as caught:
        await copy.push()
    assert caught.value.code == "conflict"
    assert origin.git("rev-parse", "main") == theirs
    assert await copy.head() == mine
    assert (copy.path / "README.md").read_text() == "ours\n"


@pytest.mark.parametrize(
    ("says", "code"),
    [("GH006: Protected branch update failed", "protected"), ("the policy says no", "rejected")],
)
async def test_a_server_that_refuses(clone: Any, origin: Any, says: str, code: str) -> None:
    hook = origin.path / ".git/hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit 1\n")
    hook.chmod(0o755)
    copy = await clone()
    copy.write("a", b"a")
    await copy.commit("ours")
    with pytest.raises(RefusedError, match=says) as caught:
        await copy.push()
    assert caught.value.code == code


async def test_force_replaces_only_what_was_seen(clone: Any, origin: Any) -> None:
    origin.git("branch", "promo")
    copy = await clone("promo")
    copy.write("a", b"1")
    await copy.commit("first")
    await copy.push(force=True)
    other = await clone("promo")
    other.write("b", b"1")
    await other.commit("unseen")
    unseen = await other.push()
    copy.write("a", b"2")
    await copy.commit("second")
    with pytest.raises(RefusedError) as caught:
        await copy.push(force=True)
    assert caught.value.code == "diverged"
    assert origin.git("rev-parse", "promo") == unseen.id
    fresh = await clone("promo")
    await fresh._output("reset", "--hard", "--quiet", "HEAD^")
    assert (await fresh.push(force=True)).subject == "first"


async def test_a_new_branch_and_a_branch_of_another_name(clone: Any, origin: Any) -> None:
    copy = await clone("envs/dev", create=True)
    assert (await copy.head(), list(copy.path.iterdir())) == (None, [copy.path / ".git"])
    with pytest.raises(UserError, match="nothing to push"):
        await copy.push_tag("v0")
    copy.write("a", b"a")
    made = await copy.commit("rendered")
    await copy.push()
    await copy.push("kargo/promotion/x", force=True)
    assert origin.git("rev-parse", "envs/dev", "kargo/promotion/x").split() == [made.id, made.id]
    assert made.parents == ()


async def test_an_empty_repository_gets_its_first_commit(
    repositories: Repositories, tmp_path: Path, make_origin: Any
) -> None:
    origin = make_origin("empty")
    copy = await WorkingCopy.clone(repositories, origin.url, tmp_path / "w")
    copy.write("a", b"a")
    await copy.commit("first")
    assert (await copy.push()).id == origin.git("rev-parse", "main")


async def test_a_tag_is_pushed_once(clone: Any, origin: Any) -> None:
    copy = await clone()
    assert (await copy.push_tag("v1")).id == origin.git("rev-parse", "v1")
    await copy.push_tag("v1")
    copy.write("a", b"a")
    await copy.commit("more")
    with pytest.raises(RefusedError) as caught:
        await copy.push_tag("v1")
    assert caught.value.code == "exists"


@pytest.mark.parametrize(
    "branch", ["-x", "--force", "a..b", "a b", "a:b", "HEAD", "a.lock", "/a", "a/", "@{u}", "a\nb", ".a", "a/.b"]
)
async def test_bad_names_of_branches(clone: Any, branch: str) -> None:
    with pytest.raises(UserError):
        await clone(branch, create=True)


async def test_an_unknown_branch_names_the_nearest(clone: Any) -> None:
    with pytest.raises(UserError, match="main"):
        await clone("mian")


async def test_a_folder_that_holds_something_is_not_touched(
    repositories: Repositories, tmp_path: Path, origin: Any
) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "precious").touch()
    with pytest.raises(UserError, match="not empty"):
        await WorkingCopy.clone(repositories, origin.url, tmp_path / "w")
    assert [place.name for place in (tmp_path / "w").iterdir()] == ["precious"]


@pytest.mark.parametrize("path", ["../x", "/etc/x", "link/x", ".git/config", ".git/hooks/pre-push", "inner/../../x"])
async def test_no_write_leaves_the_copy(clone: Any, origin: Any, tmp_path: Path, path: str) -> None:
    (tmp_path / "outside").mkdir()
    origin.commit({"inner/a": "1"}, links={"link": str(tmp_path / "outside")})
    copy = await clone()
    with pytest.raises(LeavesTreeError):
        copy.write(path, b"x")
    assert not list((tmp_path / "outside").iterdir())


async def test_hooks_of_the_repository_do_not_run(clone: Any, tmp_path: Path, origin: Any, environ: Any) -> None:
    copy = await clone()
    for hook in ("pre-commit", "post-commit", "pre-push", "post-checkout", "pre-rebase"):
        place = copy.path / ".git/hooks" / hook
        place.parent.mkdir(exist_ok=True)
        place.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        place.chmod(0o755)
    copy.write("a", b"a")
    await copy.commit("x")
    origin.commit({"b": "b"})
    await copy.push()
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("message", "trailers", "expected"),
    [
        ("one", {}, "one\n"),
        ("one", {"A": "1"}, "one\n\nA: 1\n"),
        ("one\n\nbody", {"A": "1", "B-c": "2"}, "one\n\nbody\n\nA: 1\nB-c: 2\n"),
        ("one\n\nbody\n\nX: 0\n", {"A": "1"}, "one\n\nbody\n\nX: 0\nA: 1\n"),
        ("fix: one", {"A": "1"}, "fix: one\n\nA: 1\n"),
    ],
)
def test_trailers(message: str, trailers: dict[str, str], expected: str) -> None:
    text = with_trailers(message, trailers)
    assert text == expected
    assert trailers.items() <= Commit(id="", message=text).trailers.items()


@pytest.mark.parametrize(
    ("message", "trailers"), [("", {}), (" \n", {}), ("x", {"A b": "1"}), ("x", {"A": "1\nSigned-off-by: x"})]
)
def test_what_cannot_be_written(message: str, trailers: dict[str, str]) -> None:
    with pytest.raises(UserError):
        with_trailers(message, trailers)


@pytest.mark.parametrize("author", ["Ann", "Ann <a@b> <c@d>", "Ann <a@b>\nX: y", "<a@b>"])
async def test_bad_authors(clone: Any, author: str) -> None:
    copy = await clone()
    copy.write("a", b"a")
    with pytest.raises(UserError, match="author"):
        await copy.commit("x", author=author)


@pytest.mark.parametrize(
    ("line", "done", "code"),
    [
        (" \tHEAD:refs/heads/main\tabc..def", True, ""),
        ("=\tHEAD:refs/heads/main\t[up to date]", True, ""),
        ("*\tHEAD:refs/heads/x\t[new branch]", True, ""),
        ("!\tHEAD:refs/heads/main\t[rejected] (fetch first)", False, ""),
        ("!\tHEAD:refs/heads/main\t[rejected] (stale info)", False, ""),
        (
            "!\tHEAD:refs/heads/main\t[remote rejected] (cannot lock ref 'refs/heads/main': is at x but expected y)",
            False,
            "",
        ),
        ("!\tHEAD:refs/heads/main\t[remote rejected] (protected branch hook declined)", False, "protected"),
        ("!\tHEAD:refs/heads/main\t[remote rejected] (pre-receive hook declined)", False, "rejected"),
        ("!\tHEAD:refs/tags/v1\t[rejected] (already exists)", False, "exists"),
    ],
)
def test_what_a_push_answered(line: str, code: str, *, done: bool) -> None:
    verdict = judge(f"To file:///x\n{line}\nDone\n", "")
    assert (verdict.done, verdict.code, verdict.refused) == (done, code, bool(code))
