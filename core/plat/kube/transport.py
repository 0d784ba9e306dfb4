"""HTTP towards one API server: one session, few retries, errors that say whose fault it is. It knows no object.

aiohttp is imported with the first request: it takes a quarter of a second, which `plat --help` must not pay.
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from plat.api import PlatError, UnavailableError, UserError
from plat.kube.access import Access
from plat.kube.credentials import Identity
from plat.kube.errors import from_status, retry_after
from plat.kube.network import check_address, encoding, open_socket, system_proxy
from plat.kube.trust import tls

if TYPE_CHECKING:
    import aiohttp

JSON_TYPE: Final = "application/json"
_UNAUTHORIZED: Final = 401
_TOO_MANY: Final = 429
_GOODBYE: Final = 0.5
"""Seconds that closing waits for the other side at most."""
_CONNECTS: Final = 3
"""How often a connection is tried that is refused or breaks; an unreachable cluster is told within a second."""


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


@dataclass(frozen=True)
class _Opened:
    """A session, and the identity that its requests carry."""

    session: aiohttp.ClientSession
    identity: Identity


class Transport:
    """Sends requests to one API server. Opens its session at the first one; `aclose` ends it."""

    def __init__(self, access: Access, *, name: str, limits: Limits = Limits()) -> None:  # frozen
        check_address(access.server, name)
        self.access, self.name = access, name
        self._limits = limits
        self._slots = asyncio.Semaphore(limits.in_flight)
        self._opening = asyncio.Lock()
        self._opened: _Opened | None = None
        self._closed = False
        self._sessions: list[aiohttp.ClientSession] = []
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._proxy = access.proxy or system_proxy(access.server)

    async def aclose(self) -> None:
        """Close every connection."""
        self._closed = True
        sessions, self._sessions, self._opened = self._sessions, [], None
        for session in sessions:
            await session.close()
        # TLS says goodbye after `close` has returned; a loop that ends before leaves open sockets behind.
        ends = time.monotonic() + _GOODBYE
        while any(one.fileno() != -1 for one in self._sockets) and time.monotonic() < ends:  # noqa: ASYNC110  # no event
            await asyncio.sleep(0.005)

    async def send(self, request: Request) -> Response:
        """Return the answer whatever its status; retried as `Limits` say. Raises UnavailableError, UserError."""
        async with self._slots:
            for attempt in range(1, self._limits.tries + 1):
                last = attempt == self._limits.tries
                try:
                    response = await self._once(request)
                except UnavailableError as error:
                    # A server that does not answer in time will not within a second either: the caller decides.
                    if last or not request.repeatable or error.code != "connection" or attempt >= _CONNECTS:
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
        """Open a long answer; gives its bytes as they come (see `lines`). UnavailableError when it breaks.

        `request.deadline` is the longest silence; the whole may take for ever.
        """
        opened = await self._ready()
        async with self._reply(opened, request) as reply:
            newer = await self._renewed(opened) if reply.status == _UNAUTHORIZED else None
            if newer is None:
                yield await self._content(reply, request)
                return
        async with self._reply(newer, request) as reply:
            yield await self._content(reply, request)

    @asynccontextmanager
    async def _reply(self, opened: _Opened, request: Request) -> AsyncIterator[aiohttp.ClientResponse]:
        import aiohttp  # noqa: PLC0415  # see the module's docstring

        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=_seconds(request.deadline))
        try:
            async with opened.session.request(
                request.method,
                self._url(request),
                headers=_headers(opened, request),
                timeout=timeout,
                server_hostname=self.access.server_name or None,
                allow_redirects=False,
            ) as reply:
                yield reply
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._broken(error, request) from error

    async def _content(self, reply: aiohttp.ClientResponse, request: Request) -> AsyncIterator[bytes]:
        if reply.status != 200:  # noqa: PLR2004  # HTTP statuses are known by number
            raise self.error(Response(reply.status, reply.headers, await reply.read()), request)
        return reply.content.iter_any()

    async def _once(self, request: Request) -> Response:
        opened = await self._ready()
        response = await self._exchange(opened, request)
        newer = await self._renewed(opened) if response.status == _UNAUTHORIZED else None
        return response if newer is None else await self._exchange(newer, request)

    async def _exchange(self, opened: _Opened, request: Request) -> Response:
        import aiohttp  # noqa: PLC0415  # see the module's docstring

        timeout = aiohttp.ClientTimeout(total=_seconds(request.deadline or self._limits.deadline), sock_connect=10)
        try:
            async with opened.session.request(
                request.method,
                self._url(request),
                data=request.body,
                headers=_headers(opened, request),
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

    async def _renewed(self, used: _Opened) -> _Opened | None:
        """Return what to use instead of what the server refused; None if there are no other credentials."""
        latest = self._opened
        now = await self._ready(fresh=latest is None or latest.identity == used.identity)
        return now if now.identity != used.identity else None

    async def _ready(self, *, fresh: bool = False) -> _Opened:
        identity = await self.access.credentials.identity(fresh=fresh)
        if self._opened is not None and identity == self._opened.identity:
            return self._opened
        async with self._opening:
            if self._closed:
                raise UnavailableError(f"the client of cluster {self.name} is closed", code="closed")
            opened = self._opened
            if opened is None or identity != opened.identity:
                if opened is not None and _same_certificate(identity, opened.identity):
                    session = opened.session
                else:
                    session = self._open(identity)
                    self._sessions.append(session)  # an older one may be in use; `aclose` ends them all
                self._opened = opened = _Opened(session, identity)
            return opened

    def _open(self, identity: Identity) -> aiohttp.ClientSession:
        import aiohttp  # noqa: PLC0415  # see the module's docstring

        secure = self.access.server.startswith("https://")
        connector = aiohttp.TCPConnector(
            limit=0,
            ssl=tls(self.access, identity) if secure else True,
            socket_factory=self._socket,
            keepalive_timeout=60,
            ttl_dns_cache=60,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "plat", **encoding(self.access.server)},
            proxy=self._proxy or None,
        )

    def _socket(self, info: tuple[Any, ...]) -> socket.socket:
        made = open_socket(info)
        self._sockets.add(made)
        return made

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


async def lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Cut a stream into lines of any length: one object may be megabytes, and arrives in many pieces."""
    pieces: list[bytes] = []
    async for chunk in chunks:
        head, *rest = chunk.split(b"\n")
        pieces.append(head)
        for following in rest:
            line = b"".join(pieces)
            pieces = [following]
            if line:
                yield line


def _same_certificate(one: Identity, other: Identity) -> bool:
    return (one.certificate, one.key) == (other.certificate, other.key)


def _headers(opened: _Opened, request: Request) -> dict[str, str]:
    headers = {"Accept": request.accept, **request.headers}
    if opened.identity.authorization:
        headers["Authorization"] = opened.identity.authorization
    if request.body is not None:
        headers["Content-Type"] = request.content_type
    return headers


def _seconds(length: timedelta | None) -> float | None:
    return length.total_seconds() if length else None


def _jitter(seconds: float) -> float:
    return seconds * random.uniform(0.75, 1.25)  # noqa: S311  # spreads retries, guards no secret
