"""What the API server said, as errors that say whose fault it is. Nothing here talks to a server.

The server's own message is always kept; values of a Secret that it quotes are masked (DESIGN §10).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import orjson

from plat.api import JSON, Manifest, PlatError, RefusedError, UnavailableError, UserError, at, group_of

_SHORTEST_SECRET: Final = 3
_LONGEST_PLAIN_TEXT: Final = 300
_NOT_OF_THE_SCHEMA: Final = "failed to create typed patch object"
"""A server-side apply of an unknown field or a wrong type is answered as status 500 with this (seen up to 1.35)."""
_SECONDS: Final = re.compile(r"[0-9]{1,6}")
_TYPED_VALUE: Final = re.compile(r"(Value:)[^}]*(})")


@dataclass(frozen=True)
class Cause:
    """One reason of a refusal: `field` is a dotted path of the manifest, `reason` the server's stable word."""

    field: str
    reason: str
    message: str


class InvalidError(UserError):
    """The server does not accept the object as it is (400, 413, 422): an immutable, unknown or bad field."""

    def __init__(self, message: str, *, where: str = "", causes: tuple[Cause, ...] = ()) -> None:
        super().__init__(message, where=where)
        self.causes = causes


class ForbiddenError(UserError):
    """The identity that we use may not do that (403), or is not known (401)."""


class UnknownKindError(UserError):
    """The cluster serves no such kind, or no longer."""


def from_status(status: int, body: bytes, *, headers: Mapping[str, str], where: str) -> PlatError:
    """Return the error for a reply that is no success; `where` names cluster and request."""
    answer = _read(body)
    message = _text(answer, body) or f"the server answered {status}"
    causes = tuple(_causes(answer))
    if status == 401:  # noqa: PLR2004  # HTTP statuses are known by number
        return ForbiddenError(
            f"the cluster does not accept our credentials: {message}", where=where, remedy="log in to the cluster again"
        )
    if status == 403:  # noqa: PLR2004  # as above
        return _forbidden(message, causes, where)
    if status in {404, 405}:
        return _not_found(answer, message, where)
    if status in {409, 410}:
        return _refused(status, answer, message, causes)
    if (status == 429 or status >= 500) and not message.startswith(_NOT_OF_THE_SCHEMA):  # noqa: PLR2004  # as above
        return UnavailableError(f"{where}: {message}", code=_code(answer), after=retry_after(headers))
    return InvalidError(message, where=where, causes=causes)


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Return how long the server asks us to wait. Only its form in seconds is used by API servers."""
    value = headers.get("Retry-After", "")
    return timedelta(seconds=int(value)) if _SECONDS.fullmatch(value) else None


def masked(error: PlatError, manifest: Manifest) -> PlatError:
    """Return the same error with every value of a Secret taken out of its text; other kinds: as it is."""
    if manifest.get("kind") != "Secret" or group_of(manifest):
        return error
    text = _TYPED_VALUE.sub(r"\1***\2", str(error.args[0]))
    for value in sorted(_secrets(manifest), key=len, reverse=True):
        text = text.replace(value, "***")
    error.args = (text,)
    if isinstance(error, InvalidError):
        error.causes = tuple(Cause(c.field, c.reason, "***") for c in error.causes)
    if isinstance(error, RefusedError):
        error.output = {}
    return error


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _text(answer: Mapping[str, Any], body: bytes) -> str:
    message = answer.get("message")
    return str(message) if message else body[:_LONGEST_PLAIN_TEXT].decode("utf-8", "replace").strip()


def _causes(answer: Mapping[str, Any]) -> Iterator[Cause]:
    causes = at(answer, "details.causes")
    for cause in causes if isinstance(causes, list) else ():
        if not isinstance(cause, dict):
            continue  # what answers may be a proxy in between
        yield Cause(str(cause.get("field", "")), str(cause.get("reason", "")), str(cause.get("message", "")))


def _code(answer: Mapping[str, Any]) -> str:
    return str(answer.get("reason") or "unavailable").lower()


def _forbidden(message: str, causes: tuple[Cause, ...], where: str) -> PlatError:
    if any(cause.reason == "NamespaceTerminating" for cause in causes):
        return UnavailableError(f"{where}: {message}", code="terminating")
    return ForbiddenError(message, where=where, remedy="grant it, or use another identity for this cluster")


def _not_found(answer: Mapping[str, Any], message: str, where: str) -> PlatError:
    if at(answer, "details.name"):
        return RefusedError(message, code="not-found")
    return UnknownKindError(f"the cluster does not serve this kind: {message}", where=where)


def _refused(status: int, answer: Mapping[str, Any], message: str, causes: tuple[Cause, ...]) -> RefusedError:
    code = "expired" if status == 410 else "conflict"  # noqa: PLR2004  # as above
    if answer.get("reason") == "AlreadyExists":
        code = "exists"
    output = {"causes": [{"field": c.field, "reason": c.reason, "message": c.message} for c in causes]}
    return RefusedError(message, code=code, output=output)


def _secrets(manifest: Manifest) -> Iterator[str]:
    for part in ("data", "stringData"):
        for value in (at(manifest, part) or {}).values():
            yield from (text for text in _forms(value) if len(text) >= _SHORTEST_SECRET)


def _forms(value: JSON) -> Iterator[str]:
    text = str(value)
    yield text
    try:
        yield base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return
