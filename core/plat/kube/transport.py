"""HTTP towards one API server: one session, few retries, errors that say whose fault it is. It knows no object.

aiohttp is imported with the first request: it takes a quarter of a second, which `plat --help` must not pay.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from plat.api import PlatError, UnavailableError, UserError
from plat.kube.access import Access
from plat.kube.credentials import Identity
from plat.kube.errors import from_status, retry_after
from plat.kube.trust import tls

if TYPE_CHECKING:
    import aiohttp

JSON_TYPE: Final = "application/json"
_UNAUTHORIZED: Final = 401
_TOO_MANY: Final = 429
_KEEP_ALIVE: Final = (("TCP_KEEPIDLE", 20), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4))
"""Seconds of silence, between probes, and probes: a watch whose peer is gone is noticed within 40 seconds."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How hard one client may press one server. Times are real: they never run faster in demos."""

    in_flight: int = 32
    """Requests at one time; watches do not count."""
    tries: int = 5
    deadline: timedelta = timedelta(seconds=30)
    longest_wait: timedelta = timedelta(seconds=10)
    """A server that asks for a longer pause gets an UnavailableError to whoever called."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass(frozen=True)
class Request:
    """One request. `path` starts with a slash and is quoted already, query included."""

    method: str
    path: str
    body: bytes | None = None
    content_type: str = JSON_TYPE
    accept: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = False
    """A second try does no harm even if the first one arrived."""
    deadline: timedelta | None = None


@dataclass(frozen=True)
class Response:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """Sends requests to one API server. Opens its session at the first one; `aclose` ends it."""

    def __init__(self, access: Access, *, name: str, limits: Limits = Limits()) -> None:  # frozen
        _check(access.server, name)
        self.access, self.name = access, name
        self._limits = limits
        self._slots = asyncio.Semaphore(limits.in_flight)
        self._opening = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None
        self._sessions: list[aiohttp.ClientSession] = []
        self._identity: Identity | None = None
        self._headers: dict[str, str] = {}
        self._proxy = access.proxy or _system_proxy(access.server)

    async def aclose(self) -> None:
        """Close every connection."""
        sessions, self._sessions, self._session = self._sessions, [], None
        for session in sessions:
            await session.close()

    async def send(self, request: Request) -> Response:
        """Return the answer whatever its status; retried as `Limits` say. Raises UnavailableError, UserError."""
        async with self._slots:
            for attempt in range(1, self._limits.tries + 1):
                last = attempt == self._limits.tries
                try:
                    response = await self._once(request)
                    if response.status == _UNAUTHORIZED and await self._renewed():
                        response = await self._once(request)
                except UnavailableError:
                    if last or not request.repeatable:
                        raise
                    await self._limits.sleep(_jitter(0.1 * 2**attempt))
                    continue
                pause = self._pause(response)
                if last or pause is None:
                    return response
                await self._limits.sleep(_jitter(pause))
        raise AssertionError  # pragma: no cover  # the last attempt returns or raises

    async def ask(self, request: Request) -> bytes:
        """Return the body of a success; otherwise raise what the status means."""
        response = await self.send(request)
        if response.status < 300:  # noqa: PLR2004  # HTTP statuses are known by number
            return response.body
        raise self.error(response, request)

    def error(self, response: Response, request: Request) -> PlatError:
        """Return what a status that is no success means."""
        return from_status(response.status, response.body, headers=response.headers, where=self._where(request))

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a long answer; gives its bytes as they come. Ends or raises UnavailableError when it breaks."""
        session = await self._ready()
        import aiohttp  # noqa: PLC0415  # see the module's docstring

        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=_seconds(request.deadline))
        try:
            async with session.request(
                request.method,
                self._url(request),
                headers=self._all_headers(request),
                timeout=timeout,
                server_hostname=self.access.server_name or None,
                allow_redirects=False,
            ) as reply:
                if reply.status != 200:  # noqa: PLR2004  # as above
                    response = Response(reply.status, reply.headers, await reply.read())
                    raise self.error(response, request)
                yield reply.content.iter_any()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._broken(error, request) from error

    async def _once(self, request: Request) -> Response:
        session = await self._ready()
        import aiohttp  # noqa: PLC0415  # see the module's docstring

        timeout = aiohttp.ClientTimeout(total=_seconds(request.deadline or self._limits.deadline), sock_connect=10)
        try:
            async with session.request(
                request.method,
                self._url(request),
                data=request.body,
                headers=self._all_headers(request),
                timeout=timeout,
                server_hostname=self.access.server_name or None,
                allow_redirects=False,
            ) as reply:
                return Response(reply.status, reply.headers, await reply.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._broken(error, request) from error

    def _url(self, request: Request) -> Any:
        from yarl import URL  # noqa: PLC0415  # comes with aiohttp

        return URL(self.access.server + request.path, encoded=True)

    def _all_headers(self, request: Request) -> dict[str, str]:
        headers = {**self._headers, "Accept": request.accept, **request.headers}
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        return headers

    async def _renewed(self) -> bool:
        """Ask for new credentials; False if there are no others."""
        before = self._identity
        await self._ready(fresh=True)
        return self._identity != before

    async def _ready(self, *, fresh: bool = False) -> aiohttp.ClientSession:
        identity = await self.access.credentials.identity(fresh=fresh)
        if self._session is not None and identity is self._identity:
            return self._session
        async with self._opening:
            if self._session is None or not _same_certificate(identity, self._identity):
                opened = self._open(identity)
                self._sessions.append(opened)  # the old one may be in use; `aclose` ends them all
                self._session = opened
            self._identity = identity
            self._headers = {"Authorization": identity.authorization} if identity.authorization else {}
            return self._session

    def _open(self, identity: Identity) -> aiohttp.ClientSession:
        import aiohttp  # noqa: PLC0415  # see the module's docstring

        secure = self.access.server.startswith("https://")
        connector = aiohttp.TCPConnector(
            limit=0,
            ssl=tls(self.access, identity) if secure else True,
            socket_factory=_socket,
            keepalive_timeout=60,
            ttl_dns_cache=60,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "plat", **_encoding(self.access.server)},
            proxy=self._proxy or None,
        )

    def _pause(self, response: Response) -> float | None:
        """Return how long to wait before the same request again, None: do not repeat it (client-go's rule)."""
        wait = retry_after(response.headers)
        if response.status != _TOO_MANY and (response.status < 500 or wait is None):  # noqa: PLR2004  # as above
            return None
        seconds = wait.total_seconds() if wait is not None else 1.0
        return seconds if seconds <= self._limits.longest_wait.total_seconds() else None

    def _where(self, request: Request) -> str:
        return f"cluster {self.name}, {request.method} {request.path.partition('?')[0]}"

    def _broken(self, error: Exception, request: Request) -> PlatError:
        import aiohttp  # noqa: PLC0415  # see the module's docstring

        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return UserError(
                f"the certificate of {self.access.server} is not trusted: {error.certificate_error}",
                where=f"cluster {self.name}",
                remedy="give the cluster's certificate authority",
            )
        if isinstance(error, TimeoutError):
            return UnavailableError(f"{self._where(request)}: no answer in time", code="timeout")
        text = str(error) or type(error).__name__
        return UnavailableError(f"{self._where(request)}: {text}", code="connection")


def _check(server: str, name: str) -> None:
    try:
        parts = urlsplit(server)
        fine = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        fine = False
    if not fine:
        raise UserError(f"{server!r} is not the address of an API server", where=f"cluster {name}")


def _socket(info: tuple[Any, ...]) -> socket.socket:
    family, kind, protocol, *_ = info
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, seconds in _KEEP_ALIVE:
        if hasattr(socket, option):
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), seconds)
    return made


def _encoding(server: str) -> dict[str, str]:
    """Ask a server on this machine not to compress: it would cost both sides more than it saves."""
    host = urlsplit(server).hostname or ""
    return {"Accept-Encoding": "identity"} if host == "localhost" or host.startswith("127.") else {}


def _system_proxy(server: str) -> str:
    parts = urlsplit(server)
    if not parts.hostname or proxy_bypass(parts.hostname):
        return ""
    return getproxies().get(parts.scheme, "")


def _same_certificate(one: Identity, other: Identity | None) -> bool:
    return other is not None and (one.certificate, one.key) == (other.certificate, other.key)


def _seconds(length: timedelta | None) -> float | None:
    return length.total_seconds() if length else None


def _jitter(seconds: float) -> float:
    return seconds * random.uniform(0.75, 1.25)  # noqa: S311  # spreads retries, guards no secret
