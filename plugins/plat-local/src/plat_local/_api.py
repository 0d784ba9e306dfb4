"""The few calls that booting a cluster makes to its API server; blocking, for a thread."""

from __future__ import annotations

import http.client
import json
import ssl
from http import HTTPStatus
from typing import Final

from plat.api import JSON, Manifest, UnavailableError
from plat_local._home import Home

_PATIENCE: Final = 5.0


class Api:
    """One cluster's API server, as its administrator."""

    def __init__(self, home: Home, port: int) -> None:
        self._port = port
        self._tls = ssl.create_default_context(cafile=str(home.key("ca.crt")))
        self._tls.load_cert_chain(home.key("admin.crt"), home.key("admin.key"))

    def is_ready(self) -> bool:
        """Tell whether it says that it is ready."""
        try:
            return self._call("GET", "/readyz")[0] == HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False

    def create(self, path: str, manifest: Manifest) -> None:
        """Create an object; one that is there already is fine. Raises UnavailableError."""
        status, answer = self._asked("POST", path, manifest)
        if status not in {HTTPStatus.CREATED, HTTPStatus.CONFLICT}:
            raise UnavailableError(f"the API server refused {manifest['kind']}: {status} {answer}")

    def get(self, path: str) -> JSON:
        """Return an object, or None where there is none. Raises UnavailableError."""
        status, answer = self._asked("GET", path)
        return answer if status == HTTPStatus.OK else None

    def _asked(self, method: str, path: str, body: JSON = None) -> tuple[int, JSON]:
        try:
            status, raw = self._call(method, path, body)
            return status, json.loads(raw)
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise UnavailableError(f"the API server does not answer: {error}") from error

    def _call(self, method: str, path: str, body: JSON = None) -> tuple[int, bytes]:
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=_PATIENCE, context=self._tls)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()
