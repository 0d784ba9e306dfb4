from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from plat.api import UserError
from plat_local._home import Home, Ports, Record, choose_ports, homes, write_secret

PORTS = Ports(etcd=1, peer=2, api=3)


@pytest.mark.parametrize("name", ["a", "prod-1", "eu.west", "x" * 63])
def test_a_name_is_a_dns_name(tmp_path: Path, name: str) -> None:
    assert Home.of(tmp_path, name).root == tmp_path / name


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "A", "-a", "a-", ".locks", "x" * 64, "a b", "a\n"])
def test_any_other_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="no name for a cluster"):
        Home.of(tmp_path, name)


def test_a_relative_folder_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Home.of(Path("work"), "a").root == tmp_path / "work" / "a"


@pytest.mark.parametrize("ready", [True, False])
def test_the_record_comes_back(tmp_path: Path, *, ready: bool) -> None:
    home = Home.of(tmp_path, "a")
    home.write(Record(ports=PORTS, ready=ready))
    assert home.read() == Record(ports=PORTS, ready=ready)
    assert [other.name for other in homes(tmp_path)] == ["a"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"ports": {}}', '{"ports": {"etcd": 1}, "ready": true}', "null"])
def test_a_broken_record_is_none(tmp_path: Path, content: str) -> None:
    home = Home.of(tmp_path, "a")
    home.root.mkdir()
    (home.root / "cluster.json").write_text(content)
    assert home.read() is None


def test_secrets_are_for_their_owner_only_also_when_written_again(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "kubeconfig"
    write_secret(path, "one")
    path.chmod(0o644)
    (path.parent / ".kubeconfig.new").write_text("left by a crash")
    write_secret(path, b"two")
    assert path.read_text() == "two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_ports_are_free_different_and_not_anothers() -> None:
    first = choose_ports((), start=7)
    assert len({first.etcd, first.peer, first.api}) == 3
    second = choose_ports(set(vars(first).values()), start=7)
    assert not set(vars(first).values()) & set(vars(second).values())


def test_a_port_in_use_is_passed_over() -> None:
    wanted = choose_ports((), start=11)
    with socket.socket() as other:
        other.bind(("127.0.0.1", wanted.etcd))
        other.listen()
        assert wanted.etcd not in vars(choose_ports((), start=11)).values()


def test_no_port_at_all_is_an_error() -> None:
    with pytest.raises(UserError, match="no three free ports"):
        choose_ports(range(65_536), start=0)
