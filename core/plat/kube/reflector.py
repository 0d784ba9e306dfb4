"""Keep one kind of one cluster up to date for ever: list, watch, resume, list again. It keeps no object itself.

Where the server can, the list arrives over the watch (one request, no page in memory); else list, then watch.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol
from urllib.parse import urlencode

import orjson

from plat.api import Kind, PlatError, RefusedError, UnavailableError
from plat.kube.cache import Live
from plat.kube.discovery import Discoverer, Resource
from plat.kube.errors import InvalidError, UnknownKindError, from_status
from plat.kube.transport import Request, Transport, lines

_LOG = logging.getLogger("plat.kube")
_PAGE: Final = 500
_END_OF_LIST: Final = "k8s.io/initial-events-end"
_ADDED: Final = b'{"type":"ADDED","object":'
_MODIFIED: Final = b'{"type":"MODIFIED","object":'
_READ_SLACK: Final = timedelta(seconds=30)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How patient a watch is. Times are real: they never run faster in demos."""

    first: timedelta = timedelta(milliseconds=500)
    """The first pause after a failure; it doubles up to `longest`, each with jitter."""
    longest: timedelta = timedelta(seconds=30)
    vanished: timedelta = timedelta(seconds=60)
    """How often a kind that is not served is looked for, unless somebody asks."""
    stream: timedelta = timedelta(minutes=8)
    """How long the server is asked to keep one watch open."""
    too_short: timedelta = timedelta(seconds=1)
    """A stream that ends within this and brought nothing counts as a failure."""


class Sink(Protocol):
    """Where objects go. Calls come from one task, in order."""

    def record(self, item: Mapping[str, Any], raw: bytes) -> Live:
        """Return what is kept of an object; its parsed form is dropped at once."""
        ...

    def listed(self, items: list[Live], *, version: str) -> None:
        """These are all objects, as of `version`."""

    def changed(self, item: Live, *, gone: bool) -> None:
        """One object came or changed, or is gone."""

    def failed(self, error: PlatError) -> None:
        """The last attempt failed; another follows."""

    def working(self) -> None:
        """The watch goes on after a failure."""

    def vanished(self) -> None:
        """The kind is not served."""


class Reflector:
    """One kind, of all namespaces or of one."""

    def __init__(
        self, kind: Kind, sink: Sink, *, transport: Transport, discoverer: Discoverer, namespace: str, pace: Pace
    ) -> None:
        self._kind, self._sink, self._namespace, self._pace = kind, sink, namespace, pace
        self._transport, self._discoverer = transport, discoverer
        self._version = ""
        self._streams = True
        self._failures = 0
        self._reported = False
        self._poked = asyncio.Event()

    def poke(self) -> None:
        """Try now instead of waiting longer."""
        self._poked.set()

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            try:
                await self._round()
            except UnknownKindError:
                self._version = ""
                self._sink.vanished()
                await self._wait(self._pace.vanished)
            except RefusedError as error:  # 410: what we know is too old to resume from
                self._version = ""
                await self._fail(error, everyday=True)
            except PlatError as error:
                await self._fail(error, everyday=bool(self._version))
            except Exception as error:  # noqa: BLE001  # a watch that ended silently would show old objects for ever
                _LOG.exception("the watch of %s in cluster %s failed", self._kind, self._transport.name)
                self._version = ""
                await self._fail(UnavailableError(f"watch of {self._kind}: {error!r}", code="fault"), everyday=False)

    async def _round(self) -> None:
        resource = await self._discoverer.resource(self._kind.group, self._kind.kind)
        if not resource.watchable:
            raise UnknownKindError(f"cluster {self._transport.name} cannot watch {self._kind}")
        try:
            if not self._version and not self._streams:
                await self._list(resource)
            await self._watch(resource)
        except InvalidError:
            if self._version or not self._streams:
                raise
            self._streams = False  # this server cannot list over a watch
        except UnknownKindError:
            # The path is gone. Perhaps a newer version of the kind is served instead: look before believing it.
            await self._discoverer.read(newer_than=self._discoverer.known)
            await self._discoverer.resource(self._kind.group, self._kind.kind)
            self._version = ""
            raise UnavailableError(f"cluster {self._transport.name}: {self._kind} moved", code="moved") from None

    async def _list(self, resource: Resource) -> None:
        items: list[Live] = []
        head = {"apiVersion": resource.api_version, "kind": resource.kind}
        query = {"limit": str(_PAGE)}
        while True:
            path = f"{resource.path(namespace=self._namespace)}?{urlencode(query)}"
            answer = orjson.loads(await self._transport.ask(Request("GET", path, repeatable=True)))
            whole = [{**head, **item} for item in answer.get("items") or ()]
            items += [self._sink.record(item, orjson.dumps(item)) for item in whole]
            query["continue"] = answer["metadata"].get("continue") or ""
            if not query["continue"]:
                break
        self._settle(items, str(answer["metadata"]["resourceVersion"]))

    async def _watch(self, resource: Resource) -> None:
        loop = asyncio.get_running_loop()
        started, seen = loop.time(), 0
        length = self._pace.stream.total_seconds() * random.uniform(0.7, 1.3)  # noqa: S311  # spreads load
        request = Request(
            "GET",
            f"{resource.path(namespace=self._namespace)}?{urlencode(self._query(length))}",
            deadline=timedelta(seconds=length) + _READ_SLACK,
        )
        listing: list[Live] | None = None if self._version else []
        async with self._transport.stream(request) as chunks:
            if listing is None:
                self._working()
            async for line in lines(chunks):
                seen += 1
                listing = self._take(line, listing)
        if listing is not None or (not seen and loop.time() - started < self._pace.too_short.total_seconds()):
            raise UnavailableError(f"cluster {self._transport.name}: the watch of {self._kind} ended too soon")
        self._failures = 0

    def _query(self, length: float) -> dict[str, str]:
        query = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(max(1, round(length)))}
        if self._version:
            return {**query, "resourceVersion": self._version}
        return {**query, "sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}

    def _take(self, line: bytes, listing: list[Live] | None) -> list[Live] | None:
        """Handle one event; returns the list that is still being received, None when it is whole."""
        try:
            event = orjson.loads(line)
            kind, item = event["type"], event["object"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise UnavailableError(f"cluster {self._transport.name}: the watch of {self._kind} is garbled") from None
        if kind == "ERROR":
            where = f"cluster {self._transport.name}, watch of {self._kind}"
            raise from_status(item.get("code") or 500, orjson.dumps(item), headers={}, where=where)
        metadata = item.get("metadata") or {}
        if kind == "BOOKMARK":
            version = str(metadata.get("resourceVersion") or "")
            if listing is not None:
                if (metadata.get("annotations") or {}).get(_END_OF_LIST) == "true":
                    self._settle(listing, version)
                    return None
                return listing
            self._version = version or self._version
        elif listing is not None:
            listing.append(self._sink.record(item, _raw(line, item)))
            return listing
        else:
            self._sink.changed(self._sink.record(item, _raw(line, item)), gone=kind == "DELETED")
            self._version = str(metadata.get("resourceVersion") or self._version)
        self._failures = 0
        return None

    def _settle(self, items: list[Live], version: str) -> None:
        self._version = version
        self._failures = 0
        self._reported = False
        self._sink.listed(items, version=version)

    def _working(self) -> None:
        if self._reported:
            self._reported = False
            self._sink.working()

    async def _fail(self, error: PlatError, *, everyday: bool) -> None:
        """Wait, longer each time. A watch that was cut once, or must list again, tries at once and tells nobody."""
        self._failures += 1
        if everyday and self._failures == 1:
            return
        self._reported = True
        self._sink.failed(error)
        pause = min(self._pace.longest, self._pace.first * 2 ** min(self._failures - 1, 16))
        await self._wait(pause * random.uniform(0.5, 1.0))  # noqa: S311  # spreads load

    async def _wait(self, pause: timedelta) -> None:
        self._poked.clear()
        try:
            await asyncio.wait_for(self._poked.wait(), pause.total_seconds())
        except TimeoutError:
            return


def _raw(line: bytes, item: Mapping[str, Any]) -> bytes:
    """Return the object's own bytes, cut out of the event where it is written as API servers write it."""
    for prefix in (_ADDED, _MODIFIED):
        if line.startswith(prefix) and line.endswith(b"}}"):
            return line[len(prefix) : -1]
    return orjson.dumps(item)
