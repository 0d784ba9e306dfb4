from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from plat.api import PlatError, UnavailableError, UserError
from plat.git import Login, Repositories, WorkingCopy
from plat.git.addresses import parse
from plat.git.login import offering
from plat.git.trouble import explained, masked

SECRET = "s3cr3t/with:odd@characters"


@pytest.fixture
def reach(tmp_path: Path, environ: Any) -> Callable[..., Repositories]:
    def make(login: Login | None = None, **more: Any) -> Repositories:
        return Repositories(tmp_path / "c", environ=environ, credentials=lambda _: login, **more)

    return make


@pytest.mark.parametrize(
    ("server", "login"),
    [
        ({}, None),
        ({"login": f"ann:{SECRET}"}, Login(username="ann", password=SECRET)),
        ({"login": f"git:{SECRET}"}, Login(password=SECRET)),
        ({"bearer": "t0k3n"}, Login(bearer="t0k3n")),
    ],
)
async def test_over_http(serve: Any, reach: Any, origin: Any, tmp_path: Path, server: Any, login: Login | None) -> None:
    web = serve(**server)
    origin.git("config", "http.receivepack", "true")
    async with reach(login) as repositories:
        assert (await repositories.tree(f"{web.url}/app")).read("README.md") == b"hello\n"
        copy = await WorkingCopy.clone(repositories, f"{web.url}/app", tmp_path / "work")
        copy.write("new", b"1")
        await copy.commit("change")
        pushed = await copy.push()
    assert origin.git("rev-parse", "main") == pushed.id
    assert SECRET not in (tmp_path / "work/.git/config").read_text()


async def test_a_password_in_the_address_is_used_but_not_kept(
    serve: Any, reach: Any, origin: Any, tmp_path: Path
) -> None:
    web = serve(login="ann:s3cr3t")
    async with reach() as repositories:
        url = web.url.replace("//", "//ann:s3cr3t@") + "/app"
        assert (await repositories.tree(url)).read("README.md") == b"hello\n"
        path = repositories.mirror(url).path
    texts = [place.read_bytes() for place in path.rglob("*") if place.is_file()]
    assert texts
    assert not any(b"s3cr3t" in text for text in texts)
    assert "s3cr3t" not in path.name


@pytest.mark.parametrize(
    ("server", "login"),
    [
        ({"login": "ann:right"}, None),
        ({"login": "ann:right"}, Login(username="ann", password=SECRET)),
        ({"bearer": "right"}, Login(bearer="s3cr3t")),
        ({"status": 403}, Login(username="ann", password=SECRET)),
        ({"status": 404}, Login(username="ann", password=SECRET)),
    ],
)
async def test_a_wrong_login_is_the_users_error_and_masked(serve: Any, reach: Any, server: Any, login: Login) -> None:
    web = serve(**server)
    async with reach(login) as repositories:
        with pytest.raises(UserError) as caught:
            await repositories.fetch(f"{web.url}/app")
    text = f"{caught.value} {caught.value!r} {caught.value.__cause__}"
    assert caught.value.remedy
    assert "s3cr3t" not in text


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_a_server_in_trouble_may_recover(serve: Any, reach: Any, status: int) -> None:
    web = serve(status=status)
    async with reach() as repositories:
        with pytest.raises(UnavailableError):
            await repositories.fetch(f"{web.url}/app")


@pytest.mark.parametrize("login", [Login(username="ann", password=SECRET), Login(bearer="t0k3n")])
@pytest.mark.parametrize("asks", [f"ann:{SECRET}", ""])
async def test_no_redirect_carries_credentials_to_another_host(
    serve: Any, reach: Any, origin: Any, login: Login, asks: str
) -> None:
    thief = serve(login=asks)
    web = serve(redirect=thief.url)
    async with reach(login) as repositories:
        with suppress(PlatError):
            await repositories.fetch(f"{web.url}/app")
    assert web.seen
    assert {header for _, header in thief.seen} <= {""}


async def test_credentials_are_asked_for_the_address_that_is_really_used(
    tmp_path: Path, environ: Any, serve: Any, origin: Any
) -> None:
    web = serve()
    asked: list[str] = []

    def credentials(url: str) -> Login | None:
        asked.append(url)
        return None

    rules = {"https://github.com/org/": f"{web.url}/"}
    async with Repositories(tmp_path / "c", environ=environ, credentials=credentials, instead_of=rules) as repositories:
        await repositories.tree("https://github.com/org/app")
    assert set(asked) == {f"{web.url}/app"}


async def test_the_users_own_credential_helper_works(tmp_path: Path, environ: Any, serve: Any, origin: Any) -> None:
    web = serve(login="ann:s3cr3t")
    (Path(environ["HOME"]) / ".gitconfig").write_text(
        '[credential]\nhelper = "!f() { echo username=ann; echo password=s3cr3t; }; f"\n'
    )
    async with Repositories(tmp_path / "c", environ=environ) as repositories:
        assert (await repositories.fetch(f"{web.url}/app")).head


async def test_secrets_are_neither_in_arguments_nor_left_on_disk(
    tmp_path: Path, environ: Any, serve: Any, origin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = serve(login=f"ann:{SECRET}")
    started: list[Any] = []
    real = asyncio.create_subprocess_exec

    async def watched(*arguments: Any, **rest: Any) -> Any:
        started.extend(arguments)
        return await real(*arguments, **rest)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", watched)
    login = Login(username="ann", password=SECRET)
    async with Repositories(tmp_path / "c", environ=environ, credentials=lambda _: login) as repositories:
        await repositories.fetch(f"{web.url}/app")
    assert started
    assert not any("s3cr3t" in str(argument) for argument in started)
    files = [place for place in (tmp_path / "c").rglob("*") if place.is_file()]
    assert not any(b"s3cr3t" in place.read_bytes() for place in files)


def test_a_private_key_is_in_a_private_file_for_as_long_as_it_is_needed() -> None:
    login = Login(ssh_private_key="KEY", known_hosts="example.com ssh-ed25519 AAAA")
    with offering(login, parse("git@example.com:org/x.git")) as offer:
        command = offer.environ["GIT_SSH_COMMAND"]
        key = Path(command.partition("-i ")[2].split()[0])
        assert key.read_text() == "KEY\n"
        assert key.stat().st_mode & 0o777 == 0o600
        assert key.parent.stat().st_mode & 0o777 == 0o700
        assert "KEY" not in command
        assert "StrictHostKeyChecking=yes" in command
    assert not key.parent.exists()


@pytest.mark.parametrize(
    "login", [Login(username="a\nhost=evil", password="x"), Login(password="x\r"), Login(bearer="x\ny: z")]
)
def test_credentials_with_line_breaks_are_refused(login: Login) -> None:
    with pytest.raises(UserError, match="line break"), offering(login, parse("https://example.com/x")):
        pass


def test_a_file_gets_no_credentials() -> None:
    with offering(Login(password="x"), parse("file:///x")) as offer:
        assert not offer.settings
        assert not offer.environ


def test_a_login_does_not_show_its_secrets() -> None:
    login = Login(username="ann", password=SECRET, bearer="t0k3n", ssh_private_key="KEY")
    with offering(login, parse("https://example.com/x")) as offer:
        shown = repr(login) + repr(offer)
    assert not any(secret in shown for secret in login.secrets)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fatal: https://ann:pw@example.com/x not found", "fatal: https://***@example.com/x not found"),
        ("key s3cr3t/with:odd@characters", "key ***"),
        ("s3cr3t%2Fwith%3Aodd%40characters", "***"),
        ("Basic YW5uOnMzY3IzdC93aXRoOm9kZEBjaGFyYWN0ZXJz", "Basic ***"),
        ("ssh://git@example.com/x", "ssh://git@example.com/x"),
    ],
)
def test_masking(text: str, expected: str) -> None:
    assert masked(text, Login(username="ann", password=SECRET).secrets) == expected


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("fatal: unable to access 'https://x/': Could not resolve host: x", UnavailableError),
        ("fatal: unable to access 'https://x/': The requested URL returned error: 502", UnavailableError),
        (
            "ssh: connect to host x port 22: Connection refused\nfatal: Could not read from remote repository.",
            UnavailableError,
        ),
        ("git@x: Permission denied (publickey).\nfatal: Could not read from remote repository.", UserError),
        ("Host key verification failed.\nfatal: Could not read from remote repository.", UserError),
        ("remote: Repository not found.\nfatal: repository 'https://x/' not found", UserError),
        ("fatal: detected dubious ownership in repository at '/x'", UserError),
        ("fatal: unable to access 'https://x/': server certificate verification failed.", UserError),
        ("error: file write error: No space left on device", UserError),
        ("fatal: something new", UnavailableError),
    ],
)
def test_whose_fault_it_was(text: str, kind: type[PlatError]) -> None:
    error = explained(text, what="git fetch")
    assert type(error) is kind
    assert str(error).startswith("git fetch: ")


async def test_a_run_that_is_cancelled_leaves_no_process(
    repositories: Repositories, tmp_path: Path, environ: Any
) -> None:
    marker = tmp_path / "pid"
    home = Path(environ["HOME"])
    (home / ".gitconfig").write_text(f'[alias]\nslow = "!echo $$ > {marker}; exec sleep 60"\n')
    task = asyncio.ensure_future(repositories.command.run(["slow"], cwd=tmp_path))
    while not marker.exists() or not marker.read_text():  # noqa: ASYNC110  # another process writes it
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(20):
            await task
    assert task.cancelled()
    await asyncio.sleep(0.05)
    state = Path(f"/proc/{marker.read_text().strip()}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"  # noqa: ASYNC240


async def test_a_renamed_repository_is_followed_on_its_own_host(serve: Any, reach: Any, origin: Any) -> None:
    web = serve(login=f"ann:{SECRET}", renamed="/old")
    async with reach(Login(username="ann", password=SECRET)) as repositories:
        assert (await repositories.tree(f"{web.url}/old")).read("README.md") == b"hello\n"


@pytest.fixture
def fake_ssh(tmp_path: Path, environ: Any) -> Path:
    """An `ssh` that notes its arguments and the key, and runs the command here."""
    folder = tmp_path / "bin"
    folder.mkdir()
    log = tmp_path / "ssh.log"
    script = f"""#!/bin/sh
echo "$@" >> {log}
while [ $# -gt 1 ]; do
  if [ "$1" = -i ]; then cat "$2" >> {log}; fi
  shift
done
eval "exec $1"
"""
    (folder / "ssh").write_text(script)
    (folder / "ssh").chmod(0o755)
    environ["PATH"] = f"{folder}:{environ['PATH']}"
    return log


@pytest.mark.parametrize("form", ["ssh://git@example.com{path}", "git@example.com:{path}"])
async def test_over_ssh(tmp_path: Path, environ: Any, origin: Any, fake_ssh: Path, form: str) -> None:
    login = Login(ssh_private_key="-----BEGIN KEY-----")
    url = form.format(path=origin.path)
    async with Repositories(tmp_path / "c", environ=environ, credentials=lambda _: login) as repositories:
        assert (await repositories.tree(url)).read("README.md") == b"hello\n"
    log = fake_ssh.read_text()  # noqa: ASYNC240  # a few bytes
    assert "-----BEGIN KEY-----" in log
    assert "IdentitiesOnly=yes" in log
    assert "git@example.com" in log


async def test_over_ssh_with_the_users_own_agent(tmp_path: Path, environ: Any, origin: Any, fake_ssh: Path) -> None:
    async with Repositories(tmp_path / "c", environ=environ) as repositories:
        await repositories.fetch(f"git@example.com:{origin.path}")
    assert "-i" not in fake_ssh.read_text().split()  # noqa: ASYNC240
