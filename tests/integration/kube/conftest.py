from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from plat.api import JSON, Ref
from plat.kube import Client


@pytest.fixture
async def client(control_plane: Any) -> AsyncIterator[Client]:
    kubeconfig: Mapping[str, JSON] = control_plane.kubeconfig
    async with Client.from_kubeconfig(kubeconfig, name="real") as made:
        yield made


@pytest.fixture
async def namespace(client: Client) -> AsyncIterator[str]:
    name = f"kube-{uuid.uuid4().hex[:8]}"
    await client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, manager="test")
    yield name
    await client.delete(Ref(kind="Namespace", name=name))
