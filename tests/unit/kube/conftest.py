"""A small API server in this process: discovery, objects with resource versions, watches, and faults on demand."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from plat.api import Kind
from plat.kube import Access, Client, Limits, Pace

WIDGET = Kind(group="example.io", kind="Widget")
ZONE = Kind(group="example.io", kind="Zone")
MANAGER = "plat-test"
_LIST = "v=v2;as=APIGroupDiscoveryList"


def widget(name: str, *, namespace: str = "a", **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "example.io/v1",
        "kind": "Widget",
        "metadata": {"name": name, "namespace": namespace, **more.pop("metadata", {})},
        **more,
    }


class FakeApi:
    def __init__(self) -> None:
        self.served = {
            ("example.io", "v1"): [("widgets", "Widget", "Namespaced"), ("zones", "Zone", "Cluster")],
            ("coordination.k8s.io", "v1"): [("leases", "Lease", "Namespaced")],
            ("", "v1"): [("secrets", "Secret", "Namespaced")],
        }
        self.stale: set[str] = set()
        self.discovery = "v2"
        self.can_stream_lists = True
        self.objects: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.version = 100
        self.oldest = 0
        self.events: list[tuple[int, str, str, dict[str, Any]]] = []
        self.log: list[str] = []
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.faults: deque[tuple[str, Callable[[web.Request], web.StreamResponse | None]]] = deque()
        self.watchers: dict[object, tuple[str, asyncio.Queue[bytes | None], web.Request]] = {}
        self.url = ""

    # what tests do to it

    def put(self, manifest: dict[str, Any], *, plural: str = "widgets") -> dict[str, Any]:
        meta = manifest["metadata"]
        key = (plural, meta.get("namespace", ""), meta["name"])
        before = self.objects.get(key)
        self.version += 1
        uid = before["metadata"]["uid"] if before else f"uid-{self.version}"
        stored = {**manifest, "metadata": {**meta, "uid": uid, "resourceVersion": str(self.version)}}
        self.objects[key] = stored
        self._emit("MODIFIED" if before else "ADDED", plural, stored)
        return stored

    def remove(self, name: str, *, namespace: str = "a", plural: str = "widgets") -> None:
        stored = self.objects.pop((plural, namespace, name))
        self.version += 1
        meta = {**stored["metadata"], "resourceVersion": str(self.version)}
        self._emit("DELETED", plural, {**stored, "metadata": meta})

    def bookmark(self) -> None:
        self.version += 1
        for plural, queue, _ in self.watchers.values():
            del plural
            queue.put_nowait(_line("BOOKMARK", {"metadata": {"resourceVersion": str(self.version)}}))

    def say(self, line: bytes) -> None:
        for _, queue, _ in self.watchers.values():
            queue.put_nowait(line)

    def cut(self, *, rudely: bool = False) -> None:
        for _, queue, request in self.watchers.values():
            if rudely and request.transport:
                request.transport.abort()
            queue.put_nowait(None)

    def compact(self) -> None:
        self.oldest = self.version + 1
        self.version += 1

    def fail(self, match: str, status: int = 500, *, headers: dict[str, str] | None = None, **answer: Any) -> None:
        def fault(_: web.Request) -> web.StreamResponse:
            return web.json_response({"kind": "Status", **answer}, status=status, headers=headers)

        self.faults.append((match, fault))

    def drop(self, match: str) -> None:
        def fault(request: web.Request) -> None:
            assert request.transport
            request.transport.abort()

        self.faults.append((match, fault))

    def count(self, match: str) -> int:
        return sum(match in line for line in self.log)

    # what it answers

    async def handle(self, request: web.Request) -> web.StreamResponse:
        line = f"{request.method} {request.path_qs}"
        self.log.append(line)
        self.requests.append((request.method, request.path_qs, dict(request.headers), await request.read()))
        for fault in self.faults:
            if fault[0] in line:
                self.faults.remove(fault)
                answer = fault[1](request)
                return answer if answer is not None else web.Response()
        if request.path == "/version":
            return web.json_response({"gitVersion": "v1.35.4"})
        if request.path in {"/api", "/apis"}:
            return self._discover(request)
        return await self._object(request)

    def _discover(self, request: web.Request) -> web.StreamResponse:
        groups: dict[str, list[Any]] = {}
        for (group, version), kinds in self.served.items():
            if (request.path == "/api") == (group == ""):
                entries = [
                    {
                        "resource": plural,
                        "responseKind": {"kind": kind},
                        "scope": scope,
                        "verbs": ["list", "watch", "get"],
                        "subresources": [{"subresource": "status"}],
                    }
                    for plural, kind, scope in kinds
                ]
                freshness = "Stale" if group in self.stale else "Current"
                groups.setdefault(group, []).append({"version": version, "resources": entries, "freshness": freshness})
        kind = "APIGroupDiscoveryList" if self.discovery == "v2" else "APIGroupList"
        items = [{"metadata": {"name": group}, "versions": versions} for group, versions in groups.items()]
        body = json.dumps({"kind": kind, "items": items})
        tag = f'"{hash(body)}"'
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304)
        return web.Response(text=body, headers={"ETag": tag}, content_type="application/json")

    async def _object(self, request: web.Request) -> web.StreamResponse:
        parts = request.path.strip("/").split("/")
        group, rest = ("", parts[2:]) if parts[0] == "api" else (parts[1], parts[3:])
        version = parts[1] if parts[0] == "api" else parts[2]
        namespace = ""
        if len(rest) > 2 and rest[0] == "namespaces":
            namespace, rest = rest[1], rest[2:]
        kinds = {plural: kind for plural, kind, _ in self.served.get((group, version), ())}
        if rest[0] not in kinds:
            return web.Response(status=404, text="404 page not found")
        plural, name = rest[0], rest[1] if len(rest) > 1 else ""
        if request.query.get("watch"):
            return await self._watch(request, plural, namespace)
        if request.method == "GET" and not name:
            return self._list(request, plural, namespace)
        return await self._one(request, plural, namespace, name)

    def _list(self, request: web.Request, plural: str, namespace: str) -> web.StreamResponse:
        found = self._matching(plural, namespace)
        field, _, wanted = request.query.get("fieldSelector", "").partition("=")
        if field == "metadata.name":
            found = [o for o in found if o["metadata"]["name"] == wanted]
        limit, start = int(request.query.get("limit", "500")), int(request.query.get("continue") or 0)
        bare = [{k: v for k, v in o.items() if k not in {"kind", "apiVersion"}} for o in found[start : start + limit]]
        more = str(start + limit) if start + limit < len(found) else ""
        meta = {"resourceVersion": str(self.version), "continue": more}
        return web.json_response({"metadata": meta, "items": bare})

    async def _one(self, request: web.Request, plural: str, namespace: str, name: str) -> web.StreamResponse:
        text = await request.read()
        body = json.loads(text) if text else {}
        name = name or body.get("metadata", {}).get("name", "")
        stored = self.objects.get((plural, namespace, name))
        if request.method == "POST" and stored:
            return _status(409, "AlreadyExists", f"{plural} {name!r} already exists", name)
        if request.method in {"GET", "PUT", "DELETE"} and not stored:
            return _status(404, "NotFound", f"{plural} {name!r} not found", name)
        if request.method == "GET":
            return web.json_response(stored)
        wanted = (body.get("preconditions") or body.get("metadata") or {}) if stored else {}
        for field in ("resourceVersion", "uid"):
            if wanted.get(field) and stored and wanted[field] != stored["metadata"][field]:
                return _status(409, "Conflict", "the object has been modified", name)
        if request.method == "DELETE":
            self.remove(name, namespace=namespace, plural=plural)
            return web.json_response({"kind": "Status", "status": "Success"})
        return web.json_response(self.put(body, plural=plural))

    async def _watch(self, request: web.Request, plural: str, namespace: str) -> web.StreamResponse:
        initial = request.query.get("sendInitialEvents") == "true"
        if initial and not self.can_stream_lists:
            return _status(422, "Invalid", "sendInitialEvents is forbidden for watch", "")
        response = web.StreamResponse()
        await response.prepare(request)
        since = int(request.query.get("resourceVersion") or 0)
        if not initial and since < self.oldest:
            await response.write(_line("ERROR", {"code": 410, "reason": "Expired", "message": "too old"}))
            return response
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        if initial:
            for found in self._matching(plural, namespace):
                queue.put_nowait(_line("ADDED", found))
            done = {"resourceVersion": str(self.version), "annotations": {"k8s.io/initial-events-end": "true"}}
            queue.put_nowait(_line("BOOKMARK", {"metadata": done}))
        else:
            for number, kind, of, stored in self.events:
                if number > since and of == plural and namespace in {"", stored["metadata"].get("namespace")}:
                    queue.put_nowait(_line(kind, stored))
        key = object()
        self.watchers[key] = (f"{plural}/{namespace}", queue, request)
        try:
            while (line := await queue.get()) is not None:
                await response.write(line)
        except ConnectionError:
            pass
        finally:
            del self.watchers[key]
        return response

    def _matching(self, plural: str, namespace: str) -> list[dict[str, Any]]:
        return [o for (p, n, _), o in sorted(self.objects.items()) if p == plural and namespace in {"", n}]

    def _emit(self, kind: str, plural: str, stored: dict[str, Any]) -> None:
        self.events.append((self.version, kind, plural, stored))
        for of, queue, _ in self.watchers.values():
            if of in {f"{plural}/", f"{plural}/{stored['metadata'].get('namespace')}"}:
                queue.put_nowait(_line(kind, stored))


def _line(kind: str, item: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": item}, separators=(",", ":")).encode() + b"\n"


def _status(code: int, reason: str, message: str, name: str) -> web.Response:
    details = {"name": name} if name else {}
    body = {"kind": "Status", "code": code, "reason": reason, "message": message, "details": details}
    return web.json_response(body, status=code)


@pytest.fixture
async def api() -> AsyncIterator[FakeApi]:
    fake = FakeApi()
    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", fake.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield fake
    fake.cut()
    await runner.cleanup()


@pytest.fixture
async def client(api: FakeApi) -> AsyncIterator[Client]:
    async with Client(Access(server=api.url), name="fake", limits=quick_limits()) as made:
        yield made


def quick_limits() -> Limits:
    """Return limits with which nothing waits: pauses are skipped."""

    async def skip(_: float) -> None:
        await asyncio.sleep(0)

    return Limits(sleep=skip, tries=4, deadline=timedelta(seconds=5))


@pytest.fixture
def pace() -> Pace:
    return Pace(
        first=timedelta(milliseconds=5),
        longest=timedelta(milliseconds=20),
        vanished=timedelta(milliseconds=50),
        too_short=timedelta(milliseconds=10),
    )


async def until(true: Callable[[], object], *, within: float = 5.0) -> None:
    """Wait for something that the other side brings about; fails after `within` seconds."""
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110  # the other side is real sockets, and gives no event
            await asyncio.sleep(0.005)
