"""HTTP without a network: answers by address, and the errors that plat's own client raises."""

from __future__ import annotations

import json as codec
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from plat.api import JSON, PlatError, RefusedError, UnavailableError, UserError

_USERS: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_PASSING: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_SUCCESS: Final = range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES)


@dataclass(frozen=True)
class FakeReply:
    """What a server answers. `body` is text, or anything else to be sent as JSON."""

    body: JSON = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body if isinstance(self.body, str) else codec.dumps(self.body)

    def json(self) -> JSON:
        """The body as plain data."""
        return codec.loads(self.text)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request that was made."""

    url: str
    params: Mapping[str, JSON]
    headers: Mapping[str, str]


class FakeHttp:
    """Answers by address, without its query: a FakeReply, plain data (status 200), or an error to raise.

    `asked` has every request. An address without an answer is an AssertionError: the test forgot it.
    """

    def __init__(self, replies: Mapping[str, FakeReply | PlatError | JSON] | None = None) -> None:
        self._replies = replies or {}
        self.asked: list[Asked] = []

    async def get(
        self,
        url: str,
        *,
        params: Mapping[str, JSON] | None = None,
        headers: Mapping[str, str] | None = None,
        ok: Collection[int] = (),
        deadline: timedelta | None = None,
    ) -> FakeReply:
        """Return the answer, or raise as the real client does for its status (API.md, "Errors")."""
        del deadline
        self.asked.append(Asked(url=url, params=params or {}, headers=headers or {}))
        if url not in self._replies:
            raise AssertionError(f"FakeHttp has no answer for {url}; known are {sorted(self._replies)}")
        answer = self._replies[url]
        if isinstance(answer, PlatError):
            raise answer
        reply = answer if isinstance(answer, FakeReply) else FakeReply(answer)
        if reply.status not in _SUCCESS and reply.status not in ok:
            raise _error(url, reply)
        return reply


def _error(url: str, reply: FakeReply) -> PlatError:
    message = f"{url} answered {reply.status}: {reply.text[:200]}"
    if reply.status in _USERS:
        return UserError(message, remedy="check the credentials")
    if reply.status in _PASSING or reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return UnavailableError(message, code=str(reply.status))
    return RefusedError(message, code=str(reply.status))
