"""Watches, leases and the service proxy against a real API server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from plat.api import JSON, Kind, Ref, RefusedError
from plat.kube import (
    Change,
    Client,
    Holder,
    Leases,
    Phase,
    Scope,
    Watches,
    call_service,
    foreign_leader,
    tracking_by,
)

pytestmark = pytest.mark.cluster
TRACKING = "argocd.argoproj.io/tracking-id"
CONFIG_MAP = Kind(kind="ConfigMap")


class _Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)


async def _until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110  # the other side is a server
            await asyncio.sleep(0.02)


async def _apply_all(client: Client, manifests: list[dict[str, Any]]) -> None:
    queue = iter(manifests)

    async def worker() -> None:
        for manifest in queue:
            await client.apply(manifest, manager="one")

    await asyncio.gather(*(worker() for _ in range(32)))


def _tracked(namespace: str, number: int, text: str = "") -> dict[str, Any]:
    name = f"c{number}"
    annotations = {TRACKING: f"app-{number % 500}:/ConfigMap:{namespace}/{name}"}
    metadata = {"name": name, "namespace": namespace, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"text": text}}


async def test_thousands_of_objects_are_kept_and_follow_every_change(client: Client, namespace: str) -> None:
    count = 2000
    manifests = [_tracked(namespace, number) for number in range(count)]
    extract = tracking_by(TRACKING, owner=lambda value: value.partition(":")[0])
    heard: list[Change] = []
    async with Watches(client, extract=extract, scope=Scope(frozenset({namespace}))) as watches:
        await watches.synced(CONFIG_MAP)
        watches.subscribe(heard.append)
        await _apply_all(client, manifests)
        await _until(lambda: len(watches.owned("app-7")) == count // 500 and len(heard) >= count)
        one = watches.get(Ref(kind="ConfigMap", namespace=namespace, name="c7"))
        assert one is not None
        assert one.body() == await client.get(one.ref)
        async with Watches(client, extract=extract) as late:
            await late.synced(CONFIG_MAP)
            assert {v.ref: v.version for v in late.of(CONFIG_MAP, namespace=namespace)} == {
                v.ref: v.version for v in watches.of(CONFIG_MAP, namespace=namespace)
            }
        await client.apply(_tracked(namespace, 7, "edited"), manager="one")
        await client.delete(Ref(kind="ConfigMap", namespace=namespace, name="c8"))
        await _until(lambda: watches.get(Ref(kind="ConfigMap", namespace=namespace, name="c8")) is None)
        seven = watches.get(one.ref)
        assert seven is not None
        assert seven.body()["data"] == {"text": "edited"}
        ours = [change for change in heard if change.ref.name != "kube-root-ca.crt"]
        assert len(ours) == count + 2


async def test_a_broken_connection_misses_nothing(client: Client, namespace: str) -> None:
    async with Watches(client, scope=Scope(frozenset({namespace}))) as watches:
        await watches.synced(CONFIG_MAP)
        await client.apply(_tracked(namespace, 1), manager="one")
        await _until(lambda: watches.get(Ref(kind="ConfigMap", namespace=namespace, name="c1")))
        for session in client.transport._sessions:
            for connections in session.connector._acquired_per_host.values():  # type: ignore[union-attr]
                for connection in list(connections):
                    if connection.transport:
                        connection.transport.abort()
        await client.apply(_tracked(namespace, 2), manager="one")
        await client.delete(Ref(kind="ConfigMap", namespace=namespace, name="c1"))
        await _until(lambda: watches.get(Ref(kind="ConfigMap", namespace=namespace, name="c2")))
        await _until(lambda: watches.get(Ref(kind="ConfigMap", namespace=namespace, name="c1")) is None)


async def test_every_watchable_kind_of_the_server_can_be_watched_at_once(client: Client) -> None:
    kinds = [Kind(group=r.group, kind=r.kind) for r in (await client.resources()).kinds() if r.watchable]
    async with Watches(client) as watches:
        async with asyncio.timeout(30):
            await watches.synced(*kinds)
        assert {watches.state(kind).phase for kind in kinds} == {Phase.SYNCED}
        assert watches.of(Kind(kind="Namespace"))


async def test_two_runs_see_each_others_lease(client: Client, namespace: str) -> None:
    leases = Leases(client, _Clock())
    held = await leases.acquire(namespace, "plat", identity="one", who="ann@laptop pid 1")
    with pytest.raises(RefusedError, match="ann@laptop pid 1") as caught:
        await leases.acquire(namespace, "plat", identity="two", who="bob")
    assert caught.value.code == "held"
    held = await leases.renew(held)
    assert await leases.release(held)
    brief = await leases.acquire(namespace, "plat", identity="two", who="bob", duration=timedelta(seconds=1))
    assert brief.identity == "two"
    await asyncio.sleep(1.5)
    results = await asyncio.gather(
        *(leases.acquire(namespace, "plat", identity=f"r{n}", who=f"r{n}") for n in range(6)), return_exceptions=True
    )
    assert sum(isinstance(result, Holder) for result in results) == 1


async def test_the_leader_of_another_controller_is_found(client: Client, namespace: str) -> None:
    await Leases(client, _Clock()).acquire(namespace, "their-leader", identity="pod-7", who="pod-7")
    leader = await foreign_leader(client, {"their-leader"}, now=datetime.now(UTC))
    assert leader is not None
    assert (leader.namespace, leader.identity) == (namespace, "pod-7")
    hours_later = datetime.now(UTC) + timedelta(hours=2)
    assert await foreign_leader(client, {"their-leader"}, now=hours_later) is None


def _own_address() -> str:
    """Return an address of this machine that is not loopback: the API server refuses to proxy to that."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing
        return str(probe.getsockname()[0])


async def test_a_service_is_reached_through_the_api_server(client: Client, namespace: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"path": request.path_qs, "body": await request.text()}, status=202)

    try:
        address = _own_address()
    except OSError:
        pytest.skip("this machine has no address but loopback")
    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, address, 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        for manifest in _service(namespace, await _pod(client, namespace, address), port):
            await client.apply(manifest, manager="one")
        url = f"http://metrics.{namespace}.svc.cluster.local:9090/api/v1/query?query=up%7Ba%3D%22b%22%7D"
        await _reachable(client, url)
        reply = await call_service(client, url, method="POST", body=b"hello")
        assert reply.status == 202
        assert reply.json() == {"path": "/api/v1/query?query=up%7Ba%3D%22b%22%7D", "body": "hello"}
    finally:
        await runner.cleanup()


async def _reachable(client: Client, url: str) -> None:
    async with asyncio.timeout(10):
        while (await call_service(client, url)).status == 503:  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.1)


async def _pod(client: Client, namespace: str, address: str) -> dict[str, JSON]:
    """Make a pod that has our address: the API server proxies only to addresses of pods. Returns its endpoint."""
    container = {"name": "c", "image": "none"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"schedulerName": "nobody", "automountServiceAccountToken": False, "containers": [container]},
    }
    ref = Ref(kind="Pod", namespace=namespace, name="web")
    async with asyncio.timeout(10):
        while await client.get(Ref(kind="ServiceAccount", namespace=namespace, name="default")) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    made = await client.apply(pod, manager="one")
    status = {"status": {"podIP": address, "podIPs": [{"ip": address}], "phase": "Running"}}
    await client.patch(ref, status, manager="one", subresource="status")
    target = {"kind": "Pod", "name": "web", "namespace": namespace, "uid": made["metadata"]["uid"]}
    return {"ip": address, "targetRef": target}


def _service(namespace: str, endpoint: dict[str, JSON], port: int) -> list[dict[str, JSON]]:
    metadata = {"name": "metrics", "namespace": namespace}
    ports = [{"name": "http", "port": 9090, "targetPort": port}]
    subset = {"addresses": [endpoint], "ports": [{"name": "http", "port": port}]}
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}},
        {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": [subset]},
    ]
