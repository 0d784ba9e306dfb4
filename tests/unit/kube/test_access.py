from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from plat.api import UnsupportedError, UserError
from plat.kube import Access, argocd_config, from_argocd, from_kubeconfig, from_pod


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _config(user: dict[str, Any] | None = None, **cluster: Any) -> dict[str, Any]:
    return {
        "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "c", **({"user": "u"} if user is not None else {})}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://x:6443/", **cluster}}],
        "users": [{"name": "u", "user": user}],
    }


@pytest.mark.parametrize(
    ("user", "authorization", "certificate"),
    [
        (None, "", b""),
        ({}, "", b""),
        ({"token": "t0ken"}, "Bearer t0ken", b""),
        ({"username": "ann", "password": "pw"}, f"Basic {_b64('ann:pw')}", b""),
        ({"client-certificate-data": _b64("cert"), "client-key-data": _b64("key")}, "", b"cert"),
        ({"token": "t", "tokenFile": "/absent"}, "Bearer t", b""),
    ],
)
async def test_plain_users(user: dict[str, Any] | None, authorization: str, certificate: bytes) -> None:
    access = from_kubeconfig(_config(user))
    identity = await access.credentials.identity()
    assert (identity.authorization, identity.certificate) == (authorization, certificate)
    assert access.server == "https://x:6443"


def test_trust_and_names_are_read() -> None:
    access = from_kubeconfig(
        _config({}, **{"certificate-authority-data": _b64("ca"), "tls-server-name": "api", "proxy-url": "http://p:1"})
    )
    assert (access.ca, access.server_name, access.proxy, access.insecure) == (b"ca", "api", "http://p:1", False)


async def test_certificates_in_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(b"cert")
    (tmp_path / "k").write_bytes(b"key")
    access = from_kubeconfig(_config({"client-certificate": str(tmp_path / "c"), "client-key": str(tmp_path / "k")}))
    identity = await access.credentials.identity()
    assert (identity.certificate, identity.key) == (b"cert", b"key")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"current-context": ""}, "no current context"),
        ({"current-context": "y"}, "no context 'y'"),
        ({"clusters": []}, "no cluster 'c'"),
        ({"clusters": [{"name": "c", "cluster": {}}]}, "has no server"),
        ({"users": []}, "no user 'u'"),
        ({"users": [{"name": "u", "user": {"client-certificate": "/absent/x"}}]}, "cannot read /absent/x"),
        ({"users": [{"name": "u", "user": {"client-key-data": "%"}}]}, "not base64"),
        ({"users": [{"name": "u", "user": {"exec": {"command": "x", "apiVersion": "v0"}}}]}, "exec needs"),
        ({"clusters": [{"name": "c", "cluster": {"server": "https://x", "proxy-url": "socks5://u:pw@p"}}]}, "socks5"),
    ],
)
def test_what_is_wrong_with_a_kubeconfig_is_said(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        from_kubeconfig({**_config({}), **change})
    assert "pw" not in str(caught.value)


def test_a_misspelt_context_gets_the_nearest_one() -> None:
    with pytest.raises(UserError, match="did you mean 'prod'") as caught:
        from_kubeconfig({**_config(), "contexts": [{"name": "prod", "context": {}}]}, "prdo")
    assert "prdo" in str(caught.value)


@pytest.mark.parametrize(
    ("config", "authorization"),
    [
        ({}, ""),
        ({"bearerToken": "t"}, "Bearer t"),
        ({"username": "ann", "password": "pw"}, f"Basic {_b64('ann:pw')}"),
    ],
)
async def test_a_cluster_secret_of_argo_cd(config: dict[str, Any], authorization: str) -> None:
    tls = {"caData": _b64("ca"), "certData": _b64("cert"), "keyData": _b64("key"), "serverName": "s", "insecure": False}
    access = from_argocd("https://x/", {**config, "tlsClientConfig": tls, "proxyUrl": "http://p"})
    identity = await access.credentials.identity()
    assert (identity.authorization, identity.certificate, identity.key) == (authorization, b"cert", b"key")
    assert (access.server, access.ca, access.server_name, access.proxy) == ("https://x", b"ca", "s", "http://p")


@pytest.mark.parametrize("forbidden", ["execProviderConfig", "awsAuthConfig"])
def test_a_secret_may_not_start_programs(forbidden: str) -> None:
    with pytest.raises(UnsupportedError, match="may not start programs") as caught:
        from_argocd("https://x", {forbidden: {"command": "curl"}})
    assert "use: kubeconfig" in caught.value.remedy


@pytest.mark.parametrize("text", ["{", "[]", '"t0ken"'])
def test_a_broken_config_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(UserError, match="JSON") as caught:
        argocd_config(text)
    assert "t0ken" not in str(caught.value)


def test_an_empty_config_is_one_without_credentials() -> None:
    assert argocd_config("") == {}


async def test_a_pod_uses_its_service_account(tmp_path: Path) -> None:
    for name, text in (("token", "t0ken\n"), ("ca.crt", "ca"), ("namespace", "shop\n")):
        (tmp_path / name).write_text(text)
    access = from_pod(tmp_path, {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"})
    assert (access.server, access.ca, access.namespace) == ("https://[fd00::1]:443", b"ca", "shop")
    assert (await access.credentials.identity()).authorization == "Bearer t0ken"


def test_outside_of_a_pod_there_is_no_service_account(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not run inside a cluster"):
        from_pod(tmp_path, {})


async def test_no_secret_shows_in_text() -> None:
    access = from_argocd("https://x", {"bearerToken": "s3cret", "proxyUrl": "http://u:s3cret@p"})
    assert isinstance(access, Access)
    assert "s3cret" not in f"{access!r} {await access.credentials.identity()!r}"
