from __future__ import annotations

import asyncio
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from plat.api import Git, UnavailableError, UserError
from plat.git import Repositories
from plat.git.locks import held
from plat.git.revisions import Refs, resolve

SHA = "0123456789" * 4


def count_runs(repositories: Repositories) -> list[str]:
    """Note the verb of every run of git from now on."""
    verbs: list[str] = []
    run = repositories.command.run

    async def counted(arguments: Any, **rest: Any) -> Any:
        verbs.append(next(word for word in arguments if not word.startswith("-")))
        return await run(arguments, **rest)

    repositories.command.run = counted  # type: ignore[method-assign]  # to look on
    return verbs


async def test_however_many_ask_there_is_one_fetch(repositories: Repositories, origin: Any) -> None:
    verbs = count_runs(repositories)
    spellings = [origin.url, f"{origin.url}/", str(origin.path)]
    answers = await asyncio.gather(*(repositories.fetch(url) for url in spellings * 20))
    assert (verbs.count("fetch"), verbs.count("ls-remote")) == (1, 1)
    assert {answer.head for answer in answers} == {origin.git("rev-parse", "HEAD")}
    assert answers[0].default == "main"
    await repositories.fetch(origin.url)
    assert verbs.count("ls-remote") == 1


async def test_a_refresh_asks_again_and_fetches_only_what_moved(repositories: Repositories, origin: Any) -> None:
    first = await repositories.fetch(origin.url)
    verbs = count_runs(repositories)
    again = await repositories.fetch(origin.url, refresh=True)
    assert (first.changed, again.changed, verbs.count("fetch")) == (True, False, 0)
    old, new = first.head, origin.commit({"a": "1"})
    after = await asyncio.gather(*(repositories.fetch(origin.url, refresh=True) for _ in range(20)))
    assert after[0].moved == {"refs/heads/main": (old, new), "HEAD": (old, new)}
    assert (verbs.count("fetch"), verbs.count("ls-remote")) == (1, 2)


async def test_a_refresh_during_a_fetch_sees_what_was_pushed_after_it_began(
    repositories: Repositories, origin: Any
) -> None:
    await repositories.fetch(origin.url)
    mirror = repositories.mirror(origin.url)
    asked, pushed = asyncio.Event(), asyncio.Event()
    probe = mirror.probe

    async def slow() -> Refs:
        answer = await probe()
        asked.set()
        await pushed.wait()
        return answer

    mirror.probe = slow  # type: ignore[method-assign]  # to hold it up
    running = asyncio.ensure_future(repositories.fetch(origin.url, refresh=True))
    await asked.wait()
    later = [asyncio.ensure_future(repositories.fetch(origin.url, refresh=True)) for _ in range(3)]
    new = origin.commit({"a": "1"})
    await asyncio.sleep(0)
    pushed.set()
    await running
    assert [(await task).head for task in later] == [new] * 3


async def test_a_cancelled_caller_takes_nobody_with_him(repositories: Repositories, origin: Any) -> None:
    impatient = asyncio.ensure_future(repositories.fetch(origin.url))
    patient = asyncio.ensure_future(repositories.fetch(origin.url))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await patient).head


async def test_what_was_deleted_is_pruned(repositories: Repositories, origin: Any) -> None:
    origin.git("branch", "feature")
    origin.git("tag", "v1")
    assert set(await repositories.refs(origin.url, "refs/heads/*")) == {"refs/heads/main", "refs/heads/feature"}
    origin.git("branch", "-D", "feature")
    origin.git("tag", "-d", "v1")
    origin.git("branch", "feature/below")
    await repositories.fetch(origin.url, refresh=True)
    assert set(await repositories.refs(origin.url)) == {"refs/heads/main", "refs/heads/feature/below"}


@pytest.mark.parametrize(
    "change",
    [
        lambda o: o.git("tag", "v1"),
        lambda o: o.commit({"a": "1"}),
        lambda o: o.git("branch", "a/b/c"),
        lambda o: (o.git("branch", "x"), o.git("pack-refs", "--all"), o.git("branch", "-D", "x"), o.git("tag", "y")),
        lambda o: (o.git("checkout", "--quiet", "-b", "other"), o.commit({"a": "2"})),
    ],
)
async def test_poll_says_whether_something_moved(repositories: Repositories, origin: Any, change: Any) -> None:
    assert await repositories.poll(origin.url)
    await repositories.fetch(origin.url)
    verbs = count_runs(repositories)
    assert not await repositories.poll(origin.url)
    assert verbs == []
    change(origin)
    assert await repositories.poll(origin.url)
    await repositories.fetch(origin.url, refresh=True)
    assert not await repositories.poll(origin.url)


async def test_poll_of_a_remote_repository_asks_it(repositories: Repositories, origin: Any, serve: Any) -> None:
    url = f"{serve().url}/app"
    await repositories.fetch(url)
    assert not await repositories.poll(url)
    origin.commit({"a": "1"})
    assert await repositories.poll(url)


async def test_it_is_the_git_that_plug_ins_get(repositories: Repositories, origin: Any) -> None:
    git: Git = repositories
    assert (await git.tree(origin.url)).files() == ("README.md",)


async def test_a_moved_repository_is_found_by_instead_of(tmp_path: Path, environ: Any, origin: Any) -> None:
    rules = {"https://github.com/your-org/": "file://origins/"}
    async with Repositories(tmp_path / "c", instead_of=rules, base=tmp_path, environ=environ) as repositories:
        tree = await repositories.tree("https://github.com/your-org/app", "HEAD")
        assert tree.read("README.md") == b"hello\n"
        assert tree.url == "https://github.com/your-org/app"


# --- revisions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("revision", "prefix", "message"),
    [
        ("", "", "three"),
        ("HEAD", "", "three"),
        ("main", "", "three"),
        ("refs/heads/main", "", "three"),
        ("heads/main", "", "three"),
        ("v1.0.0", "", "one"),
        ("refs/tags/v1.0.0", "", "one"),
        ("tags/v1.1.0", "", "two"),
        ("both", "", "three"),
        ("refs/tags/both", "", "one"),
        ("1.x", "", "two"),
        ("^1.0", "", "two"),
        ("1.0.0", "", "one"),
        ("*-0", "", "three"),
        ("1.x", "chart-", "one"),
        ("*", "chart-", "two"),
        ("release/1.2", "", "two"),
    ],
)
async def test_revisions(repositories: Repositories, origin: Any, revision: str, prefix: str, message: str) -> None:
    origin.commit(message="one")
    origin.git("tag", "v1.0.0")
    origin.git("tag", "both")
    origin.git("tag", "chart-1.0.0")
    origin.commit(message="two")
    origin.git("tag", "-a", "-m", "annotated", "v1.1.0")
    origin.git("tag", "chart-2.0.0")
    origin.git("branch", "release/1.2")
    origin.commit(message="three")
    origin.git("tag", "v2.0.0-rc.1")
    origin.git("branch", "both")
    sha = await repositories.resolve(origin.url, revision, tag_prefix=prefix)
    assert (await repositories.commit(origin.url, sha)).message == message


async def test_a_sha_comes_before_a_branch_of_that_name(repositories: Repositories, origin: Any) -> None:
    first = origin.git("rev-parse", "HEAD")
    origin.commit({"a": "1"})
    origin.git("update-ref", f"refs/heads/{first}", "HEAD")
    assert await repositories.resolve(origin.url, first) == first
    assert await repositories.resolve(origin.url, first.upper()) == first
    assert await repositories.resolve(origin.url, first[:8]) == first


async def test_a_commit_that_no_branch_leads_to_is_asked_for(repositories: Repositories, origin: Any) -> None:
    await repositories.fetch(origin.url)
    lost = origin.commit({"a": "1"})
    origin.git("reset", "--hard", "HEAD^")
    assert await repositories.resolve(origin.url, lost) == lost


async def test_a_pull_request_is_a_ref(repositories: Repositories, origin: Any) -> None:
    commit = origin.git("commit-tree", "-m", "proposed", "HEAD^{tree}")
    origin.git("update-ref", "refs/pull/7/head", commit)
    assert await repositories.resolve(origin.url, "refs/pull/7/head") == commit


@pytest.mark.parametrize(
    ("revision", "nearest"),
    [
        ("man", "main"),
        ("v1.0.1-", "v1.0.0"),
        ("9.x", "main"),
        (SHA, "main"),
        ("refs/pull/9/head", "main"),
        ("--upload-pack=id", "main"),
        ("abcdef0", "main"),
    ],
)
async def test_an_unknown_revision_names_the_nearest(
    repositories: Repositories, origin: Any, revision: str, nearest: str
) -> None:
    origin.git("tag", "v1.0.0")
    with pytest.raises(UserError) as caught:
        await repositories.tree(origin.url, revision)
    assert repr(revision) in str(caught.value)
    assert nearest in caught.value.remedy


async def test_an_empty_repository_has_no_default_branch(repositories: Repositories, make_origin: Any) -> None:
    with pytest.raises(UserError, match="no default branch"):
        await repositories.resolve(make_origin("empty").url, "HEAD")


@pytest.mark.parametrize("revision", ["", "HEAD"])
def test_a_detached_head_is_a_default_without_a_branch(revision: str) -> None:
    found = resolve(Refs({}, {}, "", SHA), revision)
    assert found is not None
    assert (found.commit, found.ref) == (SHA, "HEAD")


async def test_a_commit_of_another_repository_is_unknown(
    repositories: Repositories, origin: Any, make_origin: Any
) -> None:
    other = make_origin("private")
    secret = other.commit({"secret": "x"})
    await repositories.tree(other.url)
    with pytest.raises(UserError, match="no revision"):
        await repositories.tree(origin.url, secret)
    assert (await repositories.tree(origin.url)).read("README.md") == b"hello\n"


async def test_an_unknown_commit_is_asked_for_once(repositories: Repositories, origin: Any) -> None:
    for attempt in range(3):
        verbs = count_runs(repositories) if attempt == 2 else []
        with pytest.raises(UserError):
            await repositories.resolve(origin.url, SHA)
    assert verbs == []


# --- damage -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["empty", "no objects", "stale lock", "garbage pack", "a file"])
async def test_a_damaged_mirror_is_made_anew(tmp_path: Path, environ: Any, origin: Any, damage: str) -> None:
    async with Repositories(tmp_path / "c", environ=environ) as repositories:
        await repositories.tree(origin.url)
        path = repositories.mirror(origin.url).path
    new = origin.commit({"a": "1"})
    if damage == "empty":
        shutil.rmtree(path)
        path.mkdir()
    elif damage == "no objects":
        shutil.rmtree(path / "objects")
    elif damage == "stale lock":
        (path / "refs/heads/main.lock").touch()
    elif damage == "garbage pack":
        for pack in (path / "objects").rglob("*"):
            if pack.is_file():
                pack.chmod(0o644)
                pack.write_bytes(b"garbage")
    else:
        shutil.rmtree(path)
        path.write_text("not a directory")
    async with Repositories(tmp_path / "c", environ=environ) as repositories:
        tree = await repositories.tree(origin.url)
        assert (tree.commit, tree.read("a"), tree.read("README.md")) == (new, b"1", b"hello\n")


async def test_objects_lost_while_nothing_moved_are_fetched_again(tmp_path: Path, environ: Any, origin: Any) -> None:
    async with Repositories(tmp_path / "c", environ=environ) as repositories:
        await repositories.fetch(origin.url)
        shutil.rmtree(repositories.mirror(origin.url).path / "objects")
    async with Repositories(tmp_path / "c", environ=environ) as repositories:
        assert (await repositories.tree(origin.url)).read("README.md") == b"hello\n"


async def test_what_a_killed_process_left_is_swept(tmp_path: Path, environ: Any, origin: Any) -> None:
    folder = tmp_path / "c" / "mirrors"
    for name, age in ((".new-old", 7200), (".new-fresh", 0)):
        (folder / name).mkdir(parents=True)
        os.utime(folder / name, (time.time() - age,) * 2)
    async with Repositories(tmp_path / "c", environ=environ) as repositories:
        await repositories.fetch(origin.url)
    assert [place.name for place in folder.glob(".new-*")] == [".new-fresh"]


async def test_two_processes_share_a_cache(tmp_path: Path, environ: Any, origin: Any) -> None:
    origin.commit({f"f{number}": str(number) for number in range(50)})
    both = [Repositories(tmp_path / "c", environ=environ) for _ in range(4)]
    trees = await asyncio.gather(*(one.tree(origin.url) for one in both))
    assert {len(tree.files()) for tree in trees} == {51}
    for one in both:
        await one.aclose()


async def test_the_reader_is_replaced_when_it_dies(repositories: Repositories, origin: Any) -> None:
    tree = await repositories.tree(origin.url)
    process = repositories.mirror(origin.url).objects._process
    assert process is not None
    process.kill()
    process.wait()
    assert tree.read("README.md") == b"hello\n"


# --- errors -----------------------------------------------------------------------------------------------------------


async def test_a_repository_that_is_not_there(repositories: Repositories, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere") as caught:
        await repositories.fetch(f"file://{tmp_path}/nowhere")
    assert caught.value.remedy


async def test_a_server_that_is_not_there(repositories: Repositories) -> None:
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1"):
        await repositories.fetch("http://127.0.0.1:9/x.git")


async def test_without_git_on_the_path(tmp_path: Path) -> None:
    async with Repositories(tmp_path / "c", environ={"PATH": str(tmp_path)}) as repositories:
        with pytest.raises(UserError, match="not on PATH"):
            await repositories.fetch("https://example.com/x")


async def test_a_surrounding_git_does_not_lead_us_away(tmp_path: Path, environ: Any, origin: Any) -> None:
    inside = environ | {"GIT_DIR": "/nowhere", "GIT_INDEX_FILE": "/nowhere", "GIT_OBJECT_DIRECTORY": "/nowhere"}
    async with Repositories(tmp_path / "c", environ=inside) as repositories:
        assert (await repositories.tree(origin.url)).read("README.md") == b"hello\n"


async def test_a_program_named_as_transport_is_never_run(tmp_path: Path, environ: Any) -> None:
    rules = {"https://evil.example/": f"ext::touch {tmp_path}/pwned #"}
    async with Repositories(tmp_path / "c", instead_of=rules, environ=environ) as repositories:
        with pytest.raises(UserError):
            await repositories.fetch("https://evil.example/x")
    (Path(environ["HOME"]) / ".gitconfig").write_text(
        f'[protocol "ext"]\nallow = always\n[url "ext::touch {tmp_path}/pwned; #"]\ninsteadOf = https://evil.example/\n'
    )
    async with Repositories(tmp_path / "c", environ=environ) as repositories:
        with pytest.raises(UserError, match="not allowed"):
            await repositories.fetch("https://evil.example/x")
    assert not (tmp_path / "pwned").exists()


async def test_a_lock_is_waited_for_and_gone_with_its_holder(tmp_path: Path) -> None:
    async with held(tmp_path / "x.lock"):
        with pytest.raises(UnavailableError, match=r"x\.lock"):
            async with held(tmp_path / "x.lock", deadline=_no_time()):
                pass
    async with held(tmp_path / "x.lock", deadline=_no_time()):
        assert os.path.exists(tmp_path / "x.lock")  # noqa: PTH110, ASYNC240  # one stat


def _no_time() -> Any:
    from datetime import timedelta  # noqa: PLC0415  # only here

    return timedelta()
