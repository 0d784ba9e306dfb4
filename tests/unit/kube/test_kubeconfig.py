from __future__ import annotations

from pathlib import Path

import pytest

from plat.api import UserError
from plat.kube.kubeconfig import contexts, load, locations, merge, read

TEXT = b"""
apiVersion: v1
kind: Config
current-context: one
contexts: [{name: one, context: {cluster: c, user: u, namespace: 007}}]
clusters: [{name: c, cluster: {server: "https://x:6443", certificate-authority: ca.crt, insecure-skip-tls-verify: false}}]
users:
- name: u
  user:
    client-certificate: sub/client.crt
    tokenFile: /abs/token
    exec: {apiVersion: client.authentication.k8s.io/v1, command: ./bin/login, installHint: 2024-01-01}
"""


def test_files_in_a_kubeconfig_are_relative_to_it_and_text_stays_text() -> None:
    config = read(TEXT, folder=Path("/home/ann/.kube"))
    user = config["users"][0]["user"]
    assert config["clusters"][0]["cluster"]["certificate-authority"] == "/home/ann/.kube/ca.crt"
    assert config["clusters"][0]["cluster"]["insecure-skip-tls-verify"] is False
    assert (user["client-certificate"], user["tokenFile"]) == ("/home/ann/.kube/sub/client.crt", "/abs/token")
    assert (user["exec"]["command"], user["exec"]["installHint"]) == ("/home/ann/.kube/bin/login", "2024-01-01")
    assert config["contexts"][0]["context"]["namespace"] == "007"


def test_a_command_without_a_slash_is_looked_up_on_path() -> None:
    text = b"users: [{name: u, user: {exec: {command: aws}}}]"
    assert read(text, folder=Path("/k"))["users"][0]["user"]["exec"]["command"] == "aws"


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        (b"a: b\n  c: [", "f:2", "not YAML"),
        (b"[1, 2]", "f", "not a kubeconfig"),
        (b"", "f", "not a kubeconfig"),
        (b"clusters: {a: b}", "f", "clusters"),
        (b"users: [text]", "f", "users"),
        (b"a: !!python/object/apply:os.system [echo]", "f:1", "not YAML"),
    ],
)
def test_a_broken_file_is_named_with_its_line(text: bytes, where: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read(text, folder=Path("/"), where="f")
    assert caught.value.where == where


def test_of_two_files_the_first_wins_and_absent_ones_are_skipped(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    first.write_bytes(b"clusters: [{name: c, cluster: {server: first}}]")
    second.write_bytes(
        b"current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n"
        b"clusters: [{name: c, cluster: {server: second}}, {name: d, cluster: {server: d}}]"
    )
    config = load([tmp_path / "absent", first, second])
    assert [c["cluster"]["server"] for c in config["clusters"]] == ["first", "d"]
    assert (config["current-context"], contexts(config)) == ("x", ("x",))


def test_no_file_at_all_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no kubeconfig at") as caught:
        load([tmp_path / "absent"])
    assert "KUBECONFIG" in caught.value.remedy


def test_merging_nothing_is_an_empty_kubeconfig() -> None:
    assert contexts(merge([])) == ()


@pytest.mark.parametrize(
    ("explicit", "env", "expected"),
    [
        (Path("/k"), {"KUBECONFIG": "/a"}, ["/k"]),
        (None, {"KUBECONFIG": "/a:/b:"}, ["/a", "/b"]),
        (None, {}, [str(Path.home() / ".kube" / "config")]),
    ],
)
def test_kubectl_and_we_look_in_the_same_places(
    explicit: Path | None, env: dict[str, str], expected: list[str]
) -> None:
    assert [str(path) for path in locations(explicit, env=env)] == expected
