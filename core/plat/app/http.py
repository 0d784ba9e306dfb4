"""`ctx.http`: one pool of connections for all plug-ins, limited, with errors that say whose fault they are.

The rules are those of the plug-in API: 401 and 403 are the user's; 408, 429, 5xx and the network are for later; every
other status that is neither 2xx nor in `ok` is a refusal. A redirect to another host is refused: nothing that was
meant for one host reaches another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urljoin, urlsplit

import orjson

from plat.api import JSON, RefusedError, UnavailableError, UserError

if TYPE_CHECKING:
    import aiohttp

LARGEST: Final = 32 << 20
"""Bytes of one reply."""
DEADLINE: Final = timedelta(seconds=30)
REDIRECTS: Final = 5
PER_HOST: Final = 8
_CREDENTIALS: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_LATER: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_MOVED: Final = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class HttpReply:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")

    def json(self) -> JSON:
        """Read the body. Raises RefusedError where it is no JSON."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise RefusedError(f"the reply is no JSON: {error}", code="no-json") from None


class HttpPool:
    """Requests of plug-ins. The library is imported, and a connection opened, at the first of them."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(
        self,
        url: str,
        *,
        params: Mapping[str, JSON] | None = None,
        headers: Mapping[str, str] | None = None,
        ok: Collection[int] = (),
        deadline: timedelta | None = None,
    ) -> HttpReply:
        """Read an address."""
        import aiohttp  # noqa: PLC0415  # takes a quarter of a second, and most runs ask nobody

        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit_per_host=PER_HOST), trust_env=True
            )
        try:
            async with asyncio.timeout((deadline or DEADLINE).total_seconds()):
                reply = await self._follow(self._session, url, params, headers)
        except (aiohttp.ClientError, OSError) as error:
            if isinstance(error, aiohttp.InvalidURL):
                raise UserError(f"{url!r} is no address", remedy="write it like https://host/path") from None
            raise UnavailableError(f"GET {_shown(url)}: {str(error) or type(error).__name__}") from None
        return _checked(url, reply, ok)

    @staticmethod
    async def _follow(
        session: aiohttp.ClientSession,
        url: str,
        params: Mapping[str, JSON] | None,
        headers: Mapping[str, str] | None,
    ) -> HttpReply:
        query: Any = {key: str(value) for key, value in (params or {}).items()}
        for _ in range(REDIRECTS):
            async with session.get(url, params=query, headers=headers, allow_redirects=False) as answer:
                body = await answer.content.read(LARGEST + 1)
                while len(body) <= LARGEST and (more := await answer.content.read(LARGEST + 1 - len(body))):
                    body += more
                if len(body) > LARGEST:
                    raise RefusedError(f"GET {_shown(url)}: the reply is larger than {LARGEST} bytes", code="too-large")
                if answer.status not in _MOVED or "Location" not in answer.headers:
                    return HttpReply(answer.status, dict(answer.headers), body)
                target = urljoin(url, answer.headers["Location"])
            if urlsplit(target)[:2] != urlsplit(url)[:2]:
                raise RefusedError(f"GET {_shown(url)} leads to another host: {_shown(target)}", code="other-host")
            url, query = target, {}
        raise RefusedError(f"GET {_shown(url)}: more than {REDIRECTS} redirects", code="redirects")


def _checked(url: str, reply: HttpReply, ok: Collection[int]) -> HttpReply:
    status = reply.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES or status in ok:
        return reply
    text = f"GET {_shown(url)}: the server answered {status}"
    if status in _CREDENTIALS:
        raise UserError(text, remedy="check the credentials for this address")
    if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        seconds = reply.headers.get("Retry-After", "")
        after = timedelta(seconds=int(seconds)) if seconds.isdigit() else None
        raise UnavailableError(text, code=str(status), after=after)
    raise RefusedError(text, code=str(status))


def _shown(url: str) -> str:
    """Return an address without what may be secret: user, password and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"
