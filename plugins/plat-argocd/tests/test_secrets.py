from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from plat.api import ClusterEntry, Reading, RepositoryEntry, UserError
from plat_argocd.secrets import ArgoSecret

NOBODY: Any = None
LABEL = "argocd.argoproj.io/secret-type"


def secret(kind: str, **content: Any) -> dict[str, Any]:
    metadata = {"name": "s", "namespace": "argocd", "labels": {LABEL: kind, "env": "prod"}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, **content}


def encoded(**values: str) -> dict[str, str]:
    return {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}


def read(manifest: dict[str, Any]) -> Any:
    (found,) = ArgoSecret().read(manifest, NOBODY).objects
    return found


CONFIG = {"bearerToken": "hush", "tlsClientConfig": {"insecure": False, "caData": "Q0E="}, "proxyUrl": "http://p"}


@pytest.mark.parametrize("how", ["data", "stringData"])
def test_a_cluster(how: str) -> None:
    values = {
        "name": "prod",
        "server": "https://prod.example/",
        "namespaces": "a, b,",
        "clusterResources": "true",
        "project": "p",
        "config": json.dumps(CONFIG),
    }
    found = read(secret("cluster", **{how: encoded(**values) if how == "data" else values}))
    assert found == ClusterEntry(
        name="prod",
        namespace="argocd",
        server="https://prod.example",
        labels={LABEL: "cluster", "env": "prod"},
        project="p",
        namespaces=("a", "b"),
        cluster_resources=True,
        connection=CONFIG,
    )


def test_string_data_wins() -> None:
    given = secret("cluster", data=encoded(server="https://old"), stringData={"server": "https://new"})
    assert read(given).server == "https://new"


def test_a_cluster_without_name_is_called_by_its_address() -> None:
    assert read(secret("cluster", stringData={"server": "https://a"})).name == "https://a"


def test_a_repository() -> None:
    values = {"type": "git", "url": "https://git.example/x ", "username": "u", "password": "hush", "insecure": "true"}
    assert read(secret("repository", stringData=values)) == RepositoryEntry(
        name="s", namespace="argocd", url="https://git.example/x", username="u", password="hush", insecure=True
    )


def test_credentials_for_all_below_an_address() -> None:
    values = {"url": "git@git.example:team", "sshPrivateKey": "KEY\n", "insecureIgnoreHostKey": "true"}
    found = read(secret("repo-creds", data=encoded(**values)))
    assert (found.prefix, found.ssh_private_key, found.insecure) == (True, "KEY\n", True)


@pytest.mark.parametrize("labels", [None, {}, {LABEL: "repo-write"}, {"other": "cluster"}])
def test_other_secrets_say_nothing(labels: Any) -> None:
    given = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "labels": labels}, "data": {"x": "!"}}
    assert ArgoSecret().read(given, NOBODY) == Reading()


@pytest.mark.parametrize(
    ("given", "where"),
    [
        (secret("cluster", stringData={"name": "a"}), "stringData.server"),
        (secret("repository", stringData={}), "stringData.url"),
        (secret("cluster", data={"server": "hush!"}), "data.server"),
        (secret("cluster", data="hush"), "data"),
        (secret("cluster", stringData={"server": "s", "config": "{hush"}), "stringData.config"),
        (
            secret("cluster", stringData={"server": "s", "config": '{"bearerTokn": "hush"}'}),
            "stringData.config: bearerTokn",
        ),
        (
            secret("cluster", stringData={"server": "s", "config": '{"tlsClientConfig": {"keyData": ["hush"]}}'}),
            "stringData.config: tlsClientConfig.keyData",
        ),
    ],
)
def test_errors_name_the_key_and_never_the_value(given: Any, where: str) -> None:
    with pytest.raises(UserError) as caught:
        read(given)
    assert caught.value.where == where
    assert "hush" not in str(caught.value)


def test_keys_that_do_nothing_are_noted_without_their_values() -> None:
    given = secret("repository", stringData={"url": "u", "githubAppPrivateKey": "hush", "type": "helm"})
    notes = ArgoSecret().read(given, NOBODY).notes
    assert [note.path for note in notes] == ["data.githubAppPrivateKey", "data.type"]
    assert "hush" not in repr(notes)
