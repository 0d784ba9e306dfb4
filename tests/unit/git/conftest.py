"""Real repositories in temporary directories, and a real smart HTTP server in front of them."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from plat.git import Repositories


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Nothing of the user's own configuration."""
    home = tmp_path / "home"
    home.mkdir()
    return {"PATH": os.environ["PATH"], "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"}


@dataclass
class Origin:
    """A repository that somebody else works on."""

    path: Path
    environ: Mapping[str, str]

    @property
    def url(self) -> str:
        return f"file://{self.path}"

    def git(self, *arguments: str) -> str:
        who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "protocol.file.allow=always")
        done = subprocess.run(
            ["git", *who, *arguments], cwd=self.path, env=self.environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(
        self, files: Mapping[str, str | bytes | None] = {}, *, links: Mapping[str, str] = {}, message: str = "change"
    ) -> str:
        for name, content in files.items():
            place = self.path / name
            if content is None:
                place.unlink()
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content if isinstance(content, bytes) else content.encode())
        for name, target in links.items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).symlink_to(target)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def tree_of(self, entries: str) -> str:
        """Make a commit of a tree that no checkout would make; returns the commit."""
        done = subprocess.run(
            ["git", "mktree", "--missing"],
            cwd=self.path,
            env=self.environ,
            input=entries,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        commit = self.git("commit-tree", "-m", "odd", done.stdout.strip())
        self.git("update-ref", "refs/heads/odd", commit)
        return commit


MakeOrigin = Callable[[str], Origin]


@pytest.fixture
def make_origin(tmp_path: Path, environ: dict[str, str]) -> MakeOrigin:
    def make(name: str) -> Origin:
        path = tmp_path / "origins" / name
        path.mkdir(parents=True)
        origin = Origin(path, environ)
        origin.git("init", "--quiet", "--initial-branch=main")
        origin.git("config", "receive.denyCurrentBranch", "ignore")
        origin.git("config", "uploadpack.allowAnySHA1InWant", "true")
        return origin

    return make


@pytest.fixture
def origin(make_origin: MakeOrigin) -> Origin:
    made = make_origin("app")
    made.commit({"README.md": "hello\n"}, message="first")
    return made


@pytest.fixture
async def repositories(tmp_path: Path, environ: dict[str, str]) -> AsyncIterator[Repositories]:
    async with Repositories(tmp_path / "cache", environ=environ, base=tmp_path) as made:
        yield made


@dataclass
class Server:
    """A smart HTTP server over a directory of repositories; what it was asked for is in `seen`."""

    root: Path
    login: str = ""
    bearer: str = ""
    redirect: str = ""
    renamed: str = ""
    """A path that is answered by a redirect to /app on this server."""
    status: int = 0
    seen: list[tuple[str, str]] = field(default_factory=list)
    """(path, Authorization header)."""
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def allows(self, header: str) -> bool:
        if self.bearer:
            return header == f"Bearer {self.bearer}"
        return not self.login or header == "Basic " + base64.b64encode(self.login.encode()).decode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    served: Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name in the base class
        pass

    def do_GET(self) -> None:  # the name in the base class
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self._body()
        header = self.headers.get("Authorization", "")
        self.served.seen.append((self.path, header))
        if self.served.status:
            self._reply(self.served.status, {}, b"no")
        elif self.served.redirect:
            self._reply(302, {"Location": self.served.redirect + self.path}, b"")
        elif self.served.renamed and self.path.startswith(self.served.renamed):
            self._reply(302, {"Location": f"{self.served.url}/app{self.path.removeprefix(self.served.renamed)}"}, b"")
        elif not self.served.allows(header):
            self._reply(401, {"WWW-Authenticate": 'Basic realm="git"'}, b"")
        else:
            self._backend(body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _backend(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.served.root),
            "GIT_PROJECT_ROOT": str(self.served.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": "ann",
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run(["git", "http-backend"], env=environ, input=body, capture_output=True, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self._reply(int(headers.pop("Status", "200").split()[0]), headers, content)

    def _reply(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


Serve = Callable[..., Server]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    running: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(**settings: str | int) -> Server:
        server = Server(tmp_path / "origins", **settings)  # type: ignore[arg-type]  # a table of its fields
        http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"served": server}))
        server.port = http.server_address[1]
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        running.append((http, thread))
        return server

    yield start
    for http, thread in running:
        http.shutdown()
        http.server_close()
        thread.join()
