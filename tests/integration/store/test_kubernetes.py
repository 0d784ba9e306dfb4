from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.store.contract import KIND, StoreContract

from plat.api import Kind, Ref, RefusedError
from plat.kube import Client
from plat.store import Added, KubernetesStore
from plat.store.definitions import definition

pytestmark = pytest.mark.cluster
DEFINITION = Kind(group="apiextensions.k8s.io", kind="CustomResourceDefinition")


@pytest.fixture
async def client(control_plane: Any) -> AsyncIterator[Client]:
    async with Client.from_kubeconfig(control_plane.kubeconfig, name="test") as opened:
        yield opened
    await asyncio.sleep(0.1)  # a watch that was left says good-bye by TLS after its connection counts as closed


@pytest.fixture
async def store(client: Client) -> KubernetesStore:
    return KubernetesStore(client, namespace=f"store-{uuid.uuid4().hex[:8]}")


class TestContract(StoreContract):
    pass


async def test_a_definition_of_somebody_else_is_refused_and_left_as_it_is(
    client: Client, store: KubernetesStore
) -> None:
    theirs = definition("ContractTheir")
    theirs["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "Helm"}
    await client.create(theirs, manager="helm")
    before = await client.get(Ref(group=DEFINITION.group, kind=DEFINITION.kind, name="contracttheirs.plat.dev"))
    with pytest.raises(RefusedError, match="installed by somebody else") as caught:
        await store.create("ContractTheir", "f1", spec={})
    assert caught.value.code == "foreign"
    after = await client.get(Ref(group=DEFINITION.group, kind=DEFINITION.kind, name="contracttheirs.plat.dev"))
    assert _said(after) == _said(before)


async def test_reading_installs_nothing(client: Client, store: KubernetesStore) -> None:
    assert await store.get("ContractUnread", "f1") is None
    assert list(await store.list("ContractUnread")) == []
    assert not await store.delete("ContractUnread", "f1")
    ref = Ref(group=DEFINITION.group, kind=DEFINITION.kind, name="contractunreads.plat.dev")
    assert await client.get(ref) is None


async def test_what_is_installed_says_that_it_is_ours(client: Client, store: KubernetesStore) -> None:
    await store.create(KIND, "f1", "shop", spec={})
    ref = Ref(group=DEFINITION.group, kind=DEFINITION.kind, name="contractfreights.plat.dev")
    installed = await client.get(ref)
    assert installed
    assert installed["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "plat"}
    [obj] = await client.list(Kind(group="plat.dev", kind=KIND), namespace=store._namespace)
    assert obj["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "plat"
    assert obj["place"] == {"namespace": "shop", "name": "f1"}


async def test_two_stores_that_install_a_kind_at_once_both_succeed(client: Client) -> None:
    namespace = f"store-{uuid.uuid4().hex[:8]}"
    stores = [KubernetesStore(client, namespace=namespace) for _ in range(4)]
    made = await asyncio.gather(*(store.create("ContractRace", f"f{n}", spec={}) for n, store in enumerate(stores)))
    assert {obj.name for obj in await stores[0].list("ContractRace")} == {obj.name for obj in made}


async def test_a_list_of_several_pages_is_whole(store: KubernetesStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plat.store.kubernetes._PAGE", 3)
    await asyncio.gather(*(store.create(KIND, f"f{number}", spec={}) for number in range(8)))
    assert len(await store.list(KIND)) == 8


async def test_a_watch_outlives_its_connection(store: KubernetesStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plat.store.kubernetes._STREAM", timedelta(seconds=1))
    made = await store.create(KIND, "f1", spec={})
    async with aclosing(store.watch(KIND)) as watch, asyncio.timeout(20):
        assert await anext(watch) == Added(made)
        later = asyncio.get_running_loop().create_task(_after(2.5, store))
        assert await anext(watch) == Added(await later)


async def test_a_changed_object_keeps_what_plat_calls_it(store: KubernetesStore) -> None:
    made = await store.create(KIND, "With/Slash", "A b", spec={"a": 1})
    changed = await store.update(replace(made, spec={"a": 2}, labels={"s": "1"}))
    assert (changed.name, changed.namespace, changed.labels) == ("With/Slash", "A b", {"s": "1"})


async def _after(seconds: float, store: KubernetesStore) -> Any:
    await asyncio.sleep(seconds)
    return await store.create(KIND, "f2", spec={})


def _said(manifest: Any) -> Any:
    """Return what people and controllers say in a manifest, without the server's book-keeping."""
    return manifest["spec"], manifest["metadata"]["labels"]
