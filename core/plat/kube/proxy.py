"""Addresses inside a cluster, reached through its API server's service proxy. The address alone decides."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

import orjson

from plat.api import JSON, UserError
from plat.kube.client import Client
from plat.kube.transport import Request

_HOST: Final = re.compile(r"(?P<name>[a-z0-9-]+)\.(?P<namespace>[a-z0-9-]+)\.svc(?:\.cluster\.local)?\.?")
_PORTS: Final = {"http": 80, "https": 443}
_PASSED_ON: Final = frozenset({"accept", "content-type", "x-scope-orgid"})
"""Headers that reach the service. The API server keeps `Authorization` for itself, so it cannot be passed on."""


@dataclass(frozen=True)
class ProxyReply:
    """What a service answered through the proxy (a `plat.api.Reply`)."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> JSON:
        """Parse the body; UserError if it is not JSON."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise UserError("the service did not answer with JSON") from None


def service_path(url: str) -> str | None:
    """Return the API server's path for `http://NAME.NAMESPACE.svc[.cluster.local][:PORT]/path?query`; else None."""
    parts = urlsplit(url)
    host = _HOST.fullmatch(parts.hostname or "")
    if host is None or parts.scheme not in _PORTS:
        return None
    port = parts.port or _PORTS[parts.scheme]
    scheme = "https:" if parts.scheme == "https" else ""
    query = f"?{parts.query}" if parts.query else ""
    service = f"/api/v1/namespaces/{host['namespace']}/services/{scheme}{host['name']}:{port}/proxy"
    return f"{service}{parts.path or '/'}{query}"


async def call_service(
    client: Client,
    url: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    deadline: timedelta | None = None,
) -> ProxyReply:
    """Call a service of the cluster; returns its answer whatever the status, which may be the API server's own.

    Raises UserError for an address that is no service's, UnavailableError if the API server cannot be reached.
    """
    path = service_path(url)
    if path is None:
        raise UserError(f"{url} is not the address of a service in a cluster", remedy="NAME.NAMESPACE.svc:PORT")
    given = {name: value for name, value in (headers or {}).items() if name.lower() in _PASSED_ON}
    request = Request(
        method,
        path,
        body,
        content_type=given.pop("Content-Type", "application/octet-stream"),
        accept=given.pop("Accept", "*/*"),
        headers=given,
        repeatable=method == "GET",
        deadline=deadline,
    )
    response = await client.send(request)
    return ProxyReply(response.status, response.headers, response.body)
