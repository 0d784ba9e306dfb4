from __future__ import annotations

import asyncio
import stat
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from plat.api import UserError
from plat.kube.credentials import ExecCredentials, FileToken, Identity

V1 = "client.authentication.k8s.io/v1"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A login program: notes that it ran, and prints the file `answer`."""
    path = tmp_path / "login"
    path.write_text(
        f"#!{sys.executable}\nimport os, pathlib, sys\n"
        f"here = pathlib.Path({str(tmp_path)!r})\n"
        "with (here / 'ran').open('a') as f: f.write(os.environ['KUBERNETES_EXEC_INFO'] + ' ' + os.environ.get('X', '') + '\\n')\n"
        "print((here / 'answer').read_text())\n"
        "sys.exit(int((here / 'code').read_text()) if (here / 'code').exists() else 0)\n"
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def _answer(folder: Path, **status: Any) -> None:
    (folder / "answer").write_bytes(orjson.dumps({"apiVersion": V1, "kind": "ExecCredential", "status": status}))


def _credentials(program: Path, **more: Any) -> ExecCredentials:
    config = {"apiVersion": V1, "command": str(program), "interactiveMode": "Never", **more}
    return ExecCredentials(config, cluster={"server": "https://x"}, base=Identity())


def _runs(program: Path) -> list[str]:
    return (program.parent / "ran").read_text().splitlines()


async def test_a_token_is_asked_for_once_however_many_need_it(program: Path) -> None:
    _answer(program.parent, token="t")
    credentials = _credentials(program, env=[{"name": "X", "value": "y"}])
    identities = await asyncio.gather(*(credentials.identity() for _ in range(5)))
    assert {i.authorization for i in identities} == {"Bearer t"}
    assert len(_runs(program)) == 1
    assert _runs(program)[0].endswith(" y")


async def test_an_old_token_is_asked_for_again(program: Path) -> None:
    credentials = _credentials(program)
    for lifetime, runs in ((timedelta(seconds=30), 1), (timedelta(hours=1), 2), (timedelta(hours=1), 2)):
        _answer(program.parent, token="t", expirationTimestamp=(datetime.now(UTC) + lifetime).isoformat())
        await credentials.identity()
        assert len(_runs(program)) == runs


async def test_a_refused_token_is_asked_for_again(program: Path) -> None:
    _answer(program.parent, token="old")
    credentials = _credentials(program)
    await credentials.identity()
    _answer(program.parent, token="new")
    assert (await credentials.identity()).authorization == "Bearer old"
    assert (await credentials.identity(fresh=True)).authorization == "Bearer new"


async def test_a_certificate_is_taken_too(program: Path) -> None:
    _answer(program.parent, clientCertificateData="cert", clientKeyData="key")
    identity = await _credentials(program).identity()
    assert (identity.certificate, identity.key, identity.authorization) == (b"cert", b"key", "")


async def test_the_program_is_told_the_cluster_only_if_it_asks(program: Path) -> None:
    _answer(program.parent, token="t")
    await _credentials(program).identity()
    await _credentials(program, provideClusterInfo=True).identity()
    specs = [orjson.loads(line.strip())["spec"] for line in _runs(program)]
    assert specs == [{"interactive": False}, {"interactive": False, "cluster": {"server": "https://x"}}]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("", "did not print an ExecCredential"),
        ("[]", "did not print an ExecCredential"),
        ('{"status": {}}', "neither a token nor a certificate"),
        ('{"status": {"clientCertificateData": "s3cret"}}', "neither a token nor a certificate"),
        ('{"status": {"token": "s3cret", "expirationTimestamp": "soon"}}', "did not print an ExecCredential"),
    ],
)
async def test_what_is_no_credential_is_refused_and_not_shown(program: Path, answer: str, message: str) -> None:
    (program.parent / "answer").write_text(answer)
    with pytest.raises(UserError, match=message) as caught:
        await _credentials(program).identity()
    assert "s3cret" not in str(caught.value)


async def test_a_failing_program_is_named(program: Path) -> None:
    _answer(program.parent, token="t")
    (program.parent / "code").write_text("3")
    with pytest.raises(UserError, match="exit 3"):
        await _credentials(program).identity()


async def test_a_missing_program_gets_its_install_hint(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot run") as caught:
        await _credentials(tmp_path / "absent", installHint="install it").identity()
    assert caught.value.remedy == "install it"


async def test_a_token_file_is_read_again_when_the_token_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("one\n")
    credentials = FileToken(path)
    assert (await credentials.identity()).authorization == "Bearer one"
    path.write_text("two\n")
    assert (await credentials.identity()).authorization == "Bearer one"
    assert (await credentials.identity(fresh=True)).authorization == "Bearer two"


async def test_a_missing_token_file_is_an_error_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read the token file"):
        await FileToken(tmp_path / "absent").identity()
