"""How to reach one API server: address, trust, identity, proxy. Plain data, sends nothing.

It is made from a kubeconfig, an Argo CD cluster Secret or a pod's service account. Programs are run only for a
kubeconfig, which is the operator's own.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from plat.api import JSON, UnsupportedError, UserError, nearest
from plat.kube.credentials import (
    Credentials,
    ExecCredentials,
    FileToken,
    Identity,
    LegacyProvider,
    StaticCredentials,
)

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its token, CA and namespace."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """How to reach one API server. Certificates are PEM. Holds secrets: its text shows only the address."""

    server: str
    ca: bytes = field(default=b"", repr=False)
    """Whom to trust; empty: the system's store."""
    insecure: bool = False
    server_name: str = ""
    """The name that the server's certificate must have; empty: the host of the address."""
    proxy: str = field(default="", repr=False)
    credentials: Credentials = field(default_factory=lambda: StaticCredentials(Identity()), repr=False)
    namespace: str = "default"


def from_kubeconfig(config: Mapping[str, JSON], context: str = "") -> Access:
    """Read one context of a kubeconfig (default: its current one); paths in it must be absolute already."""
    name = context or str(config.get("current-context") or "")
    if not name:
        raise UserError("the kubeconfig names no current context", remedy="name the context to use")
    chosen = _named(config, "contexts", name, "context")
    cluster = _named(config, "clusters", str(chosen.get("cluster", "")), "cluster")
    user_name = str(chosen.get("user") or "")
    user = _named(config, "users", user_name, "user") if user_name else {}
    server = str(cluster.get("server") or "").rstrip("/")
    if not server:
        raise UserError(f"the cluster of context {name} has no server", where="kubeconfig")
    return Access(
        server=server,
        ca=_pem(cluster, "certificate-authority", "certificate-authority-data"),
        insecure=_true(cluster.get("insecure-skip-tls-verify")),
        server_name=str(cluster.get("tls-server-name") or ""),
        proxy=_proxy(str(cluster.get("proxy-url") or "")),
        credentials=_credentials(config, name, user, cluster),
        namespace=str(chosen.get("namespace") or "default"),
    )


def from_argocd(server: str, config: Mapping[str, JSON]) -> Access:
    """Read the `config` of an Argo CD cluster Secret (spec/cluster §10).

    Its `execProviderConfig` and `awsAuthConfig` are refused: whoever may write that Secret must not start programs
    on the operator's machine.
    """
    for forbidden in ("execProviderConfig", "awsAuthConfig"):
        if config.get(forbidden):
            raise UnsupportedError(
                f"the Secret of cluster {server} asks for {forbidden}, and a Secret may not start programs here",
                remedy="name the cluster in plat.yaml with `use: kubeconfig` and a context of your own kubeconfig",
            )
    tls = config.get("tlsClientConfig") or {}
    identity = Identity(
        authorization=_authorization(config.get("bearerToken"), config.get("username"), config.get("password")),
        certificate=_decoded(tls.get("certData"), "tlsClientConfig.certData"),
        key=_decoded(tls.get("keyData"), "tlsClientConfig.keyData"),
    )
    return Access(
        server=server.rstrip("/"),
        ca=_decoded(tls.get("caData"), "tlsClientConfig.caData"),
        insecure=_true(tls.get("insecure")),
        server_name=str(tls.get("serverName") or ""),
        proxy=_proxy(str(config.get("proxyUrl") or "")),
        credentials=StaticCredentials(identity),
    )


def from_pod(folder: Path = SERVICE_ACCOUNT, env: Mapping[str, str] = os.environ) -> Access:
    """Use the service account of the pod that we run in; UserError outside of a cluster."""
    host, port = env.get("KUBERNETES_SERVICE_HOST", ""), env.get("KUBERNETES_SERVICE_PORT", "443")
    if not host or not (folder / "token").is_file():
        raise UserError("plat does not run inside a cluster", remedy="name a kubeconfig and a context")
    namespace = folder / "namespace"
    return Access(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        ca=(folder / "ca.crt").read_bytes(),
        credentials=FileToken(folder / "token"),
        namespace=namespace.read_text().strip() if namespace.is_file() else "default",
    )


def _credentials(
    config: Mapping[str, JSON], context: str, user: Mapping[str, Any], cluster: Mapping[str, Any]
) -> Credentials:
    identity = Identity(
        authorization=_authorization(user.get("token"), user.get("username"), user.get("password")),
        certificate=_pem(user, "client-certificate", "client-certificate-data"),
        key=_pem(user, "client-key", "client-key-data"),
    )
    if user.get("exec"):
        return ExecCredentials(user["exec"], cluster=_cluster_info(cluster), base=identity)
    if user.get("auth-provider"):
        return LegacyProvider(config, context)
    if user.get("tokenFile") and not user.get("token"):
        return FileToken(Path(user["tokenFile"]), base=identity)
    return StaticCredentials(identity)


def _cluster_info(cluster: Mapping[str, Any]) -> Mapping[str, JSON]:
    ca = _pem(cluster, "certificate-authority", "certificate-authority-data")
    extensions = {e.get("name"): e.get("extension") for e in cluster.get("extensions") or ()}
    info = {
        "server": cluster.get("server"),
        "tls-server-name": cluster.get("tls-server-name"),
        "insecure-skip-tls-verify": _true(cluster.get("insecure-skip-tls-verify")),
        "certificate-authority-data": base64.b64encode(ca).decode() if ca else None,
        "config": extensions.get("client.authentication.k8s.io/exec"),
    }
    return {key: value for key, value in info.items() if value}


def _named(config: Mapping[str, JSON], section: str, name: str, body: str) -> Mapping[str, Any]:
    entries = {str(entry.get("name")): entry for entry in config.get(section) or ()}
    if name not in entries:
        raise UserError(f"the kubeconfig has no {body} {name!r}", remedy=nearest(name, entries))
    return entries[name].get(body) or {}


def _authorization(token: object, username: object, password: object) -> str:
    if token:
        return f"Bearer {token}"
    if username:
        pair = f"{username}:{password or ''}".encode()
        return "Basic " + base64.b64encode(pair).decode()
    return ""


def _pem(part: Mapping[str, Any], file_key: str, data_key: str) -> bytes:
    if part.get(data_key):
        return _decoded(part[data_key], data_key)
    path = part.get(file_key)
    if not path:
        return b""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}", where=f"kubeconfig {file_key}") from None


def _decoded(value: object, where: str) -> bytes:
    if not value:
        return b""
    try:
        return base64.b64decode(str(value), validate=True)
    except (binascii.Error, ValueError):
        raise UserError("this is not base64", where=where) from None


def _true(value: object) -> bool:
    return value is True or str(value).lower() == "true"


def _proxy(url: str) -> str:
    if url and not url.startswith(("http://", "https://")):
        raise UnsupportedError(f"the proxy {url.partition('://')[0]}:// is not an HTTP proxy", where="proxy-url")
    return url


def argocd_config(text: str) -> Mapping[str, JSON]:
    """Parse the JSON text of `config` in an Argo CD cluster Secret; its content never shows in the error."""
    try:
        config = orjson.loads(text or "{}")
    except orjson.JSONDecodeError as error:
        raise UserError(f"not JSON, at line {error.lineno} column {error.colno}", where="data.config") from None
    if not isinstance(config, dict):
        raise UserError("not a JSON object", where="data.config")
    return config
