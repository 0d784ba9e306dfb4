"""Argo CD's Secrets: clusters, repositories and credential templates. No error of this module shows a value."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from plat.api import JSON, ClusterEntry, Lookup, Manifest, Note, Reading, RepositoryEntry, UserError, at, checked
from plat_argocd.raw.secrets import RawConnection
from plat_argocd.settings import ArgoDialect

LABEL: Final = "argocd.argoproj.io/secret-type"

_CLUSTER_KEYS: Final = frozenset(
    {"name", "server", "namespaces", "clusterResources", "project", "shard", "config"},
)
_REPOSITORY_KEYS: Final = frozenset(
    {"name", "type", "url", "username", "password", "sshPrivateKey", "project", "insecure", "insecureIgnoreHostKey"},
)
_UNUSED_TYPES: Final = frozenset({"helm", "oci"})
_TRUE: Final = frozenset({"1", "t", "T", "true", "TRUE", "True"})


class ArgoSecret(ArgoDialect[Any]):
    """A Secret that Argo CD's label marks; every other Secret says nothing to us."""

    kind = "Secret"
    needs = frozenset()

    def read(self, manifest: Manifest, others: Lookup) -> Reading:
        """Say what a Secret registers. Raises UserError naming the key that is missing or cannot be read."""
        del others
        match _mapping(manifest, "metadata.labels").get(LABEL):
            case "cluster":
                return self._cluster(manifest)
            case "repository":
                return self._repository(manifest, prefix=False)
            case "repo-creds":
                return self._repository(manifest, prefix=True)
        return Reading()

    def _cluster(self, manifest: Manifest) -> Reading:
        data = content(manifest)
        server = _required(data, "server").rstrip("/")
        entry = ClusterEntry(
            name=data.get("name") or server,
            namespace=self._namespace(manifest),
            server=server,
            labels=_mapping(manifest, "metadata.labels"),
            annotations=_mapping(manifest, "metadata.annotations"),
            project=data.get("project", ""),
            namespaces=tuple(name.strip() for name in data.get("namespaces", "").split(",") if name.strip()),
            cluster_resources=data.get("clusterResources", "") in _TRUE,
            connection=_connection(data.get("config", "")),
        )
        return Reading(objects=(entry,), notes=tuple(_unused(data, _CLUSTER_KEYS)))

    def _repository(self, manifest: Manifest, *, prefix: bool) -> Reading:
        data = content(manifest)
        entry = RepositoryEntry(
            name=str(at(manifest, "metadata.name", "")),
            namespace=self._namespace(manifest),
            url=_required(data, "url").strip(),
            prefix=prefix,
            username=data.get("username", ""),
            password=data.get("password", ""),
            ssh_private_key=data.get("sshPrivateKey", ""),
            project=data.get("project", ""),
            insecure=data.get("insecure", "") in _TRUE or data.get("insecureIgnoreHostKey", "") in _TRUE,
        )
        notes = list(_unused(data, _REPOSITORY_KEYS))
        if data.get("type") in _UNUSED_TYPES:
            notes.append(Note(path="data.type", message=f"{data['type']} repositories are not read yet"))
        return Reading(objects=(entry,), notes=tuple(notes))

    def _namespace(self, manifest: Manifest) -> str:
        return str(at(manifest, "metadata.namespace", "")) or self.namespace


def content(manifest: Manifest) -> dict[str, str]:
    """Return the decoded content of a Secret; `stringData` wins, as in the API server.

    Raises UserError for what is no base64 of text.
    """
    decoded = {key: _decoded(key, value) for key, value in _items(manifest, "data")}
    return decoded | {key: "" if value is None else str(value) for key, value in _items(manifest, "stringData")}


def _items(manifest: Manifest, field: str) -> Iterator[tuple[str, JSON]]:
    yield from _mapping(manifest, field).items()


def _mapping(manifest: Manifest, path: str) -> Mapping[str, Any]:
    values = at(manifest, path, {})
    if not isinstance(values, Mapping):
        raise UserError("must be a mapping", where=path)
    return values


def _decoded(key: str, value: JSON) -> str:
    if value is None:
        return ""
    try:
        return base64.b64decode(str(value), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        remedy = "encode it, or move it to stringData"
        raise UserError("is not base64 of UTF-8 text", where=f"data.{key}", remedy=remedy) from None


def _required(data: Mapping[str, str], key: str) -> str:
    if not data.get(key):
        raise UserError("is required", where=f"stringData.{key}", remedy=f"add {key!r} to data or stringData")
    return data[key]


def _connection(text: str) -> Mapping[str, JSON]:
    if not text.strip():
        return {}
    try:
        config = json.loads(text)
    except json.JSONDecodeError as error:
        message = f"is not JSON: {error.msg} in line {error.lineno}"
        raise UserError(message, where="stringData.config", remedy="see Argo CD's declarative setup") from None
    checked(RawConnection, config, where="stringData.config")
    return dict(config)


def _unused(data: Mapping[str, str], known: frozenset[str]) -> Iterator[Note]:
    """Say which keys are given and do nothing here, such as those of a GitHub App; never their values."""
    for key in sorted(data.keys() - known):
        yield Note(path=f"data.{key}", message="is not used yet")
