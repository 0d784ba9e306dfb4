"""A plain HTTP server before a cluster's API server that writes down what is asked of it."""

from __future__ import annotations

import copy
import http.client
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.e2e.kube import tls_of

_OWN_HEADERS = frozenset({"connection", "transfer-encoding", "host", "accept-encoding"})


class Asked(NamedTuple):
    """One request."""

    method: str
    path: str

    @property
    def writes(self) -> bool:
        """Whether it changes something in the cluster: a dry run does not, and a lease is no object of anybody."""
        return self.method not in ("GET", "HEAD") and "dryRun" not in self.path and "/leases" not in self.path


class Wire:
    """Passes requests on. `before` is called with each one first, and may answer it with a status instead."""

    def __init__(self, plane: Any) -> None:
        cluster, user = plane.kubeconfig["clusters"][0]["cluster"], plane.kubeconfig["users"][0]["user"]
        address = urlsplit(cluster["server"])
        self.host, self.port = address.hostname or "", address.port or 443
        self.tls = tls_of(cluster, user)
        self.asked: list[Asked] = []
        self.before: Callable[[Asked], int] = lambda _: 0
        handler = type("Handler", (_Handler,), {"wire": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def kubeconfig(self, path: Path) -> Path:
        """Write a kubeconfig whose server is this one."""
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self._server.server_port}"}}],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        path.write_text(json.dumps(copy.deepcopy(config)), encoding="utf-8")
        return path

    def take(self) -> list[Asked]:
        """Return what was asked since the last time."""
        taken, self.asked = self.asked, []
        return taken

    def close(self) -> None:
        """Listen no longer."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    wire: Wire
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def handle_any(self) -> None:
        """Pass one request on, and its answer back as it comes."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = Asked(self.command, self.path)
        self.wire.asked.append(asked)
        if status := self.wire.before(asked):
            self._answer(status, b'{"kind":"Status","apiVersion":"v1","status":"Failure","message":"by the test"}')
            return
        connection = http.client.HTTPSConnection(self.wire.host, self.wire.port, context=self.wire.tls)
        with suppress(OSError, http.client.HTTPException):  # one of both sides has gone
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _OWN_HEADERS}
            connection.request(self.command, self.path, body, headers)
            self._pass_on(connection.getresponse())
        connection.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815  # names of the standard library

    def _pass_on(self, reply: http.client.HTTPResponse) -> None:
        self.send_response(reply.status)
        for name, value in reply.getheaders():
            if name.lower() not in (*_OWN_HEADERS, "content-length"):
                self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while data := reply.read1(65536):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
