"""Objects that a real kubectl has applied on the client's side, taken over by us on a real API server."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from plat.api import Application, Destination, Ref, Source, ref_of
from plat.cluster.effects import ApplyObject, Hands
from plat.cluster.migration import CLIENT_SIDE, appliers
from plat.cluster.rendering.targets import Target, digest
from plat.kube import Client

pytestmark = pytest.mark.cluster


@pytest.fixture
async def client(control_plane: Any) -> AsyncIterator[Client]:
    async with Client.from_kubeconfig(control_plane.kubeconfig, name="real") as made:
        yield made


@pytest.fixture
async def namespace(client: Client) -> AsyncIterator[str]:
    name = f"migration-{uuid.uuid4().hex[:8]}"
    await client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, manager="test")
    yield name
    await client.delete(Ref(kind="Namespace", name=name))


def service(namespace: str, **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": namespace, "labels": labels},
        "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}]},
    }


async def kubectl_apply(control_plane: Any, manifest: dict[str, Any]) -> None:
    argv = [control_plane.kubectl, "--kubeconfig", control_plane.kubeconfig_path, "apply", "-f", "-"]
    pipe = asyncio.subprocess.PIPE
    running = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, stderr=pipe)
    _, problems = await running.communicate(json.dumps(manifest).encode())
    assert running.returncode == 0, problems.decode()


def effect(manifest: dict[str, Any], taken: tuple[str, ...]) -> ApplyObject:
    sources, destination = (Source(url="https://git.example/a"),), Destination(name="real")
    app = Application(name="shop", sources=sources, destination=destination)
    target = Target(manifest, ref_of(manifest), digest(manifest))
    return ApplyObject(id="apply", cluster="real", app=app, target=target, takes_over=taken)


@pytest.mark.parametrize(("taken", "gone"), [((CLIENT_SIDE,), True), ((), False)])
async def test_what_kubectl_applied_and_git_drops_goes_only_if_it_was_taken_over(
    control_plane, client, namespace, taken, gone
):
    await kubectl_apply(control_plane, service(namespace, old="x", kept="y"))
    ref = ref_of(service(namespace))
    assert appliers(await client.get(ref), "argocd-controller") == (CLIENT_SIDE,)
    wanted = effect(service(namespace, kept="y"), taken)
    member: Any = SimpleNamespace(client=client)
    if taken:
        await Hands._take_over(member, wanted)
        await Hands._take_over(member, wanted)  # a second time, after a crash, changes nothing
    live = await client.apply(wanted.target.manifest, manager="argocd-controller")
    assert ("old" not in live["metadata"]["labels"]) is gone
    assert live["metadata"]["labels"]["kept"] == "y"
    assert live["spec"]["clusterIP"]
    assert (appliers(live, "argocd-controller") == ()) is gone
