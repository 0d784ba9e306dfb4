from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plat.api import RefusedError, UnavailableError
from plat.kube import Client, Request
from plat.store import Added, Deleted, ExpiredError, KubernetesStore, Modified
from plat.store.definitions import MANAGED, definition, object_name

KIND = "Freight"


def item(version: int, name: str = "f1") -> dict[str, Any]:
    metadata = {"uid": name, "resourceVersion": str(version), "generation": 1}
    return {"metadata": metadata, "place": {"namespace": "", "name": name}, "spec": {"at": version}}


def line(event: str, value: Mapping[str, Any]) -> bytes:
    return orjson.dumps({"type": event, "object": value}) + b"\n"


@dataclass
class FakeTransport:
    """A watch for each element of `streams`: pieces of bytes, or what opening it raises."""

    streams: list[Any]
    asked: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[AsyncIterator[bytes]]:
        self.asked.append(request.path.partition("resourceVersion=")[2].partition("&")[0])
        stream = self.streams.pop(0)
        if isinstance(stream, Exception):
            raise stream

        async def pieces() -> AsyncIterator[bytes]:
            for piece in stream:
                yield piece

        yield pieces()


@dataclass
class FakeClient:
    transport: FakeTransport
    definition: dict[str, Any] = field(default_factory=lambda: definition(KIND))
    name: str = "prod"

    async def get(self, ref: Any) -> Any:
        return self.definition

    async def request(self, method: str, path: str, **_: Any) -> Any:
        return {"items": [item(5)], "metadata": {"resourceVersion": "7"}}


def watching(*streams: Any) -> tuple[KubernetesStore, FakeTransport]:
    transport = FakeTransport([*streams, RefusedError("the test is over", code="expired")])
    return KubernetesStore(cast("Client", FakeClient(transport))), transport


async def all_told(store: KubernetesStore, since: str = "") -> list[tuple[str, str]]:
    """Return every event until the watch expires."""
    told: list[tuple[str, str]] = []
    with pytest.raises(ExpiredError):
        await _tell(store, since, told)
    return told


async def _tell(store: KubernetesStore, since: str, told: list[tuple[str, str]]) -> None:
    async with aclosing(store.watch(KIND, since)) as watch:
        async for event in watch:
            told.append((type(event).__name__, event.object.version))  # noqa: PERF401  # it ends by raising


async def test_a_watch_goes_on_over_connections_and_bookmarks() -> None:
    store, transport = watching(
        [line("ADDED", item(8, "f2")), line("BOOKMARK", {"metadata": {"resourceVersion": "20"}})],
        [],
        [line("MODIFIED", item(21)) + line("DELETED", item(22))],
    )
    expected = [(Added, "5"), (Added, "8"), (Modified, "21"), (Deleted, "22")]
    assert await all_told(store) == [(kind.__name__, version) for kind, version in expected]
    assert transport.asked == ["7", "20", "20", "22"]


async def test_a_broken_connection_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plat.store.kubernetes._FIRST_PAUSE", 0.01)
    store, transport = watching(
        UnavailableError("connection refused"),
        [line("ADDED", item(6))],
        UnavailableError("reset"),
        UnavailableError("no"),
    )
    assert await all_told(store, "5") == [("Added", "6")]
    assert transport.asked == ["5", "5", "6", "6", "6"]


async def test_an_event_that_comes_in_pieces_is_one() -> None:
    whole = line("ADDED", item(8)) + line("MODIFIED", item(9))
    store, _ = watching([whole[at : at + 7] for at in range(0, len(whole), 7)])
    assert await all_told(store, "7") == [("Added", "8"), ("Modified", "9")]


async def test_a_server_that_has_forgotten_expires_the_watch() -> None:
    gone = line("ERROR", {"code": 410, "message": "too old resource version: 5 (90)"})
    store, transport = watching([line("ADDED", item(6)), gone])
    assert await all_told(store, "5") == [("Added", "6")]
    assert transport.asked == ["5"]


@pytest.mark.parametrize("since", ["8", "soon", "-1"])
async def test_a_version_that_the_cluster_has_not_reached_has_expired(since: str) -> None:
    store, transport = watching()
    assert await all_told(store, since) == []
    assert transport.asked == []


@pytest.mark.parametrize("labels", [{}, {"app.kubernetes.io/managed-by": "Helm"}])
async def test_a_definition_of_somebody_else_is_refused(labels: dict[str, str]) -> None:
    client = FakeClient(
        FakeTransport([]), definition(KIND) | {"metadata": {"name": "freights.plat.dev", "labels": labels}}
    )
    with pytest.raises(RefusedError, match=r"freights\.plat\.dev was installed by somebody else") as caught:
        await KubernetesStore(cast("Client", client)).create(KIND, "f1", spec={})
    assert caught.value.code == "foreign"


def test_a_definition_says_whose_it_is_and_has_a_status_of_its_own() -> None:
    made = definition("Freight")
    assert made["metadata"] == {"name": "freights.plat.dev", "labels": dict(MANAGED)}
    assert made["spec"]["versions"][0]["subresources"] == {"status": {}}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=300), st.text(min_size=1, max_size=300), st.text(max_size=5), st.text(min_size=1, max_size=5))
def test_every_place_has_a_name_of_its_own(namespace: str, name: str, other_namespace: str, other_name: str) -> None:
    made = object_name(namespace, name)
    assert 0 < len(made) <= 253
    assert all(part.isalnum() and part.isascii() and part == part.lower() for part in made.split("-"))
    same = (namespace, name) == (other_namespace, other_name)
    assert (made == object_name(other_namespace, other_name)) == same
