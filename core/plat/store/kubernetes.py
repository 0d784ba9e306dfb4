"""`ObjectStore` on the Kubernetes API: each kind is a custom resource of ours in the group `plat.dev`.

All objects of a store are in one namespace of the cluster, whatever namespace plat knows them by, since that need not
exist there; `place` in the object says what plat calls it. Reading installs nothing: a kind that was never written is
empty.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Mapping, MutableSequence, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

import orjson

from plat.api import JSON, PlatError, RefusedError, UnavailableError, at
from plat.kube import Client, PatchType, Request, UnknownKindError, lines
from plat.store.definitions import GROUP, MANAGED, MANAGER, VERSION, Definitions, object_name
from plat.store.encoding import dump, load
from plat.store.objects import (
    LABEL_VALUE,
    NAMESPACE_LABEL,
    RESERVED,
    Added,
    Deleted,
    Event,
    ExpiredError,
    Listing,
    Modified,
    Stored,
    check_body,
    check_patch,
    check_place,
)
from plat.store.patches import merge, same

_PAGE: Final = 500
_STREAM: Final = timedelta(minutes=8)  # how long the server is asked to keep one watch open
_SLACK: Final = timedelta(seconds=30)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_EVENTS: Final[Mapping[str, type[Added | Modified | Deleted]]] = {
    "ADDED": Added,
    "MODIFIED": Modified,
    "DELETED": Deleted,
}


class KubernetesStore:
    """Objects in a cluster. The client is the caller's: it is not closed with the store."""

    def __init__(self, client: Client, *, namespace: str = "plat-system") -> None:
        self._client, self._namespace = client, namespace
        self._definitions = Definitions(client, namespace)

    async def get(self, kind: str, name: str, namespace: str = "") -> Stored | None:
        """Return one object, or None."""
        check_place(kind, name, namespace)
        try:
            path = self._definitions.path(kind, object_name(namespace, name))
            return _stored(kind, await self._client.request("GET", path))
        except UnknownKindError:
            return None
        except RefusedError as error:
            if error.code == "not-found":
                return None
            raise

    async def list(
        self, kind: str, *, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> Listing:
        """Return the objects of a kind, and the version of the whole."""
        check_body({}, labels or {})
        wanted = dict(labels or {}) if namespace is None else {**(labels or {}), **_namespace_label(namespace)}
        try:
            items, version = await self._items(kind, wanted)
        except UnknownKindError:
            return Listing((), "")
        found = [_stored(kind, item) for item in items]
        kept = [obj for obj in found if namespace is None or obj.namespace == namespace]
        return Listing(tuple(sorted(kept, key=lambda obj: (obj.namespace, obj.name))), version)

    async def create(
        self, kind: str, name: str, namespace: str = "", *, spec: JSON, labels: Mapping[str, str] | None = None
    ) -> Stored:
        """Add an object, its status empty. Refuses `exists`."""
        check_place(kind, name, namespace)
        check_body(spec, labels or {})
        obj = Stored(kind=kind, namespace=namespace, name=name, labels=labels or {}, spec=spec)
        await self._definitions.ensure(kind)
        return await self._write("POST", self._definitions.path(kind), self._manifest(obj), kind=kind)

    async def update(self, obj: Stored, *, expected: str = "") -> Stored:
        """Write `spec` and `labels` under the version. Refuses `conflict` and `absent`."""
        check_body(obj.spec, obj.labels)
        wanted = self._manifest(replace(obj, version=expected or obj.version))
        path = self._definitions.path(obj.kind, object_name(obj.namespace, obj.name))
        return await self._write("PUT", path, wanted, kind=obj.kind)

    async def update_status(self, obj: Stored, patch: JSON, *, expected: str = "") -> Stored:
        """Apply a merge patch to the status under the version. Refuses `conflict` and `absent`."""
        check_patch(patch)
        if same(merge(obj.status, patch), obj.status):
            return obj
        path = self._definitions.path(obj.kind, object_name(obj.namespace, obj.name), status=True)
        body = {"metadata": {"resourceVersion": expected or obj.version}, "status": patch}
        return await self._write("PATCH", path, body, kind=obj.kind)

    async def delete(self, kind: str, name: str, namespace: str = "", *, expected: str = "") -> bool:
        """Remove an object; False where there is none. Refuses `conflict`."""
        check_place(kind, name, namespace)
        options = {"preconditions": {"resourceVersion": expected}} if expected else {}
        try:
            path = self._definitions.path(kind, object_name(namespace, name))
            await self._client.request("DELETE", path, body=options)
        except UnknownKindError:
            return False
        except RefusedError as error:
            if error.code == "not-found":
                return False
            raise
        return True

    async def watch(self, kind: str, since: str = "") -> AsyncGenerator[Event, None]:
        """Tell every change of a kind after a version, for ever, over as many connections as it takes."""
        await self._definitions.ensure(kind)
        if since:
            await self._check_known(kind, since)
        else:
            listing = await self.list(kind)
            since = listing.version
            for obj in listing:
                yield Added(obj)
        pause = _FIRST_PAUSE
        while True:
            try:
                async with aclosing(self._told(kind, since)) as told:  # else its connection outlives this watch
                    async for line in told:
                        since, event = self._read(kind, line)
                        pause = _FIRST_PAUSE
                        if event is not None:
                            yield event
            except UnavailableError:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            except RefusedError as error:
                raise ExpiredError(str(error)) from None

    async def aclose(self) -> None:
        """Do nothing: every watch ends with whoever reads it."""

    async def _items(self, kind: str, labels: Mapping[str, str]) -> tuple[Sequence[Any], str]:
        query = {"limit": str(_PAGE)}
        if labels:
            query["labelSelector"] = ",".join(f"{key}={value}" for key, value in labels.items())
        items: MutableSequence[Any] = []
        while True:
            answer = await self._client.request("GET", f"{self._definitions.path(kind)}?{urlencode(query)}")
            items += answer.get("items") or ()
            query["continue"] = at(answer, "metadata.continue") or ""
            if not query["continue"]:
                return items, str(answer["metadata"]["resourceVersion"])

    async def _write(self, method: str, path: str, body: Mapping[str, Any], *, kind: str) -> Stored:
        content = PatchType.MERGE.value if method == "PATCH" else ""
        plain = load(dump(body, where=f"{kind} {path.rpartition('/')[2]}"))
        try:
            target = f"{path}?fieldManager={MANAGER}"
            return _stored(kind, await self._client.request(method, target, body=plain, content_type=content))
        except RefusedError as error:
            raise _refusal(error) from None
        except UnknownKindError as error:
            raise RefusedError(str(error), code="absent") from None

    async def _check_known(self, kind: str, since: str) -> None:
        """Raise ExpiredError for a version that the cluster has not reached: it is of another store."""
        answer = await self._client.request("GET", f"{self._definitions.path(kind)}?limit=1")
        # Versions of one kind in one cluster can be compared as numbers (KEP-5504).
        if not since.isdecimal() or int(since) > int(answer["metadata"]["resourceVersion"]):
            raise ExpiredError(f"{since!r} is not a version that cluster {self._client.name} knows")

    async def _told(self, kind: str, since: str) -> AsyncGenerator[bytes, None]:
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": since,
            "timeoutSeconds": str(int(_STREAM.total_seconds())),
        }
        request = Request("GET", f"{self._definitions.path(kind)}?{urlencode(query)}", deadline=_STREAM + _SLACK)
        async with self._client.transport.stream(request) as chunks:
            async for line in lines(chunks):
                yield line

    def _read(self, kind: str, line: bytes) -> tuple[str, Event | None]:
        """Return the version that one line of a watch brings, and its event unless it is a bookmark."""
        told = orjson.loads(line)
        item = told["object"]
        if told["type"] == "ERROR":
            raise _watch_error(item)
        event = _EVENTS.get(told["type"])
        return str(item["metadata"]["resourceVersion"]), event(_stored(kind, item)) if event else None

    def _manifest(self, obj: Stored) -> dict[str, Any]:
        metadata = {
            "name": object_name(obj.namespace, obj.name),
            "namespace": self._namespace,
            "labels": {**obj.labels, **MANAGED, **_namespace_label(obj.namespace)},
            **({"resourceVersion": obj.version} if obj.version else {}),
        }
        return {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": obj.kind,
            "metadata": metadata,
            "place": {"namespace": obj.namespace, "name": obj.name},
            "spec": obj.spec,
        }


def _stored(kind: str, item: Mapping[str, Any]) -> Stored:
    metadata = item["metadata"]
    return Stored(
        kind=kind,
        namespace=at(item, "place.namespace", ""),
        name=at(item, "place.name", ""),
        uid=metadata["uid"],
        version=metadata["resourceVersion"],
        generation=metadata.get("generation", 1),
        labels={key: value for key, value in (metadata.get("labels") or {}).items() if key not in RESERVED},
        spec=item.get("spec") or {},
        status=item.get("status") or {},
    )


def _namespace_label(namespace: str) -> dict[str, str]:
    if LABEL_VALUE.fullmatch(namespace):
        return {NAMESPACE_LABEL: namespace}
    return {NAMESPACE_LABEL: f"digest-{hashlib.sha256(namespace.encode()).hexdigest()[:40]}"}


def _refusal(error: RefusedError) -> RefusedError:
    return RefusedError(str(error), code="absent" if error.code == "not-found" else error.code, output=error.output)


def _watch_error(status: Mapping[str, Any]) -> PlatError:
    message = str(status.get("message") or "the watch failed")
    if status.get("code") == 410:  # noqa: PLR2004  # HTTP statuses are known by number
        return ExpiredError(message)
    return UnavailableError(message)
