"""A git server on this machine that asks for a password: `git http-backend` behind Python's own HTTP server.

Usage: python serve.py FOLDER [PORT]

Serves the bare repositories in FOLDER on 127.0.0.1, for reading, until it is ended. For examples only.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

PORT = 8418
LOGIN = "Basic " + base64.b64encode(b"reader:open sesame").decode()


class Handler(BaseHTTPRequestHandler):
    """Hands each request to git, as a web server does by CGI."""

    folder: Path

    def do_GET(self) -> None:  # the name that http.server looks for
        """Answer a question about refs."""
        self._answer(b"")

    def do_POST(self) -> None:  # as above
        """Answer a fetch."""
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _answer(self, body: bytes) -> None:
        if self.headers.get("Authorization") != LOGIN:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        done = subprocess.run(["git", "http-backend"], input=body, env=self._environ(), capture_output=True, check=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _environ(self) -> dict[str, str]:
        address = urlsplit(self.path)
        return {
            **os.environ,
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REQUEST_METHOD": self.command,
            "PATH_INFO": address.path,
            "QUERY_STRING": address.query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "REMOTE_USER": "reader",
        }

    def log_message(self, *_: object) -> None:
        """Say nothing about each request."""


def main(arguments: list[str]) -> None:
    """Serve until somebody ends it."""
    Handler.folder = Path(arguments[0]).absolute()
    server = ThreadingHTTPServer(("127.0.0.1", int(arguments[1]) if arguments[1:] else PORT), Handler)
    sys.stdout.write(f"Serving {Handler.folder} on http://127.0.0.1:{server.server_address[1]}/ until Ctrl-C.\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
