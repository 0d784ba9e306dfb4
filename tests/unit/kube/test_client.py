from __future__ import annotations

import asyncio
import base64
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from aiohttp import web
from tests.unit.kube.conftest import MANAGER, WIDGET, FakeApi, quick_limits, widget

from plat.api import UNKNOWN, Kind, Ref, RefusedError, UnavailableError, UserError
from plat.kube import Access, Client, ForbiddenError, Identity, InvalidError, Limits, PatchType, UnknownKindError


def _ref(name: str = "w") -> Ref:
    return Ref(group=WIDGET.group, kind=WIDGET.kind, namespace="a", name=name)


async def test_get_returns_the_object_or_none(api: FakeApi, client: Client) -> None:
    stored = api.put(widget("w"))
    assert await client.get(_ref()) == stored
    assert await client.get(_ref("absent")) is None
    assert await client.get(Ref(kind="Nonsense", name="x")) is None


async def test_a_list_comes_in_pages_and_whole(api: FakeApi, client: Client) -> None:
    for number in range(1203):
        api.put(widget(f"w{number:04}"))
    found = await client.list(WIDGET, labels="app in (x)")
    assert len(found) == 1203
    assert (found[0]["kind"], found[0]["apiVersion"]) == ("Widget", "example.io/v1")
    pages = [line for line in api.log if "labelSelector" in line]
    assert len(pages) == 3
    assert parse_qs(urlsplit(pages[2]).query)["labelSelector"] == ["app in (x)"]


async def test_apply_says_who_and_how(api: FakeApi, client: Client) -> None:
    applied = await client.apply(widget("w", spec={"size": 1}), manager="me", force=False, dry_run=True, validate=False)
    assert applied["spec"] == {"size": 1}
    method, path, headers, body = api.requests[-1]
    assert (method, urlsplit(path).path) == ("PATCH", "/apis/example.io/v1/namespaces/a/widgets/w")
    assert headers["Content-Type"] == "application/apply-patch+yaml"
    assert parse_qs(urlsplit(path).query) == {
        "fieldManager": ["me"],
        "force": ["false"],
        "fieldValidation": ["Ignore"],
        "dryRun": ["All"],
    }
    assert orjson.loads(body)["metadata"]["name"] == "w"


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (widget(""), "has no name"),
        (widget("w", namespace=""), "names no namespace"),
        ({"apiVersion": "example.io/v2", "kind": "Widget", "metadata": {"name": "w"}}, "as example.io/v1"),
        ({"apiVersion": "v1", "kind": "Widget", "metadata": {"name": "w"}}, "of group example.io is served"),
        ({"apiVersion": "v9", "kind": "Gone", "metadata": {"name": "w"}}, "CustomResourceDefinition"),
        ({}, "serves no"),
        (widget("w", spec={"size": UNKNOWN}), "cannot be sent"),
        (widget("w", spec={"size": 2**70}), "cannot be sent"),
    ],
)
async def test_what_cannot_be_applied_is_refused_before_it_is_sent(
    client: Client, api: FakeApi, manifest: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        await client.apply(manifest, manager=MANAGER)
    assert api.count("PATCH") == 0


@pytest.mark.parametrize("name", ["system:admin", "a%2Fb", "a b", "ü"])
async def test_names_are_quoted(api: FakeApi, client: Client, name: str) -> None:
    zone = {"apiVersion": "example.io/v1", "kind": "Zone", "metadata": {"name": name}}
    api.put(zone, plural="zones")
    found = await client.get(Ref(group="example.io", kind="Zone", name=name))
    assert found is not None
    assert found["metadata"]["name"] == name


@pytest.mark.parametrize(
    ("status", "headers", "tries"),
    [(429, {}, 4), (429, {"Retry-After": "1"}, 4), (503, {"Retry-After": "1"}, 4), (503, {}, 1), (500, {}, 1)],
)
async def test_only_what_the_server_asks_for_is_tried_again(
    api: FakeApi, client: Client, status: int, headers: dict[str, str], tries: int
) -> None:
    await client.resources()
    for _ in range(9):
        api.fail("PATCH", status, headers=headers, message="later")
    with pytest.raises(UnavailableError, match="later"):
        await client.apply(widget("w"), manager=MANAGER)
    assert api.count("PATCH") == tries


async def test_a_busy_server_costs_nothing_but_time(api: FakeApi, client: Client) -> None:
    api.fail("PATCH", 429)
    assert (await client.apply(widget("w"), manager=MANAGER))["metadata"]["name"] == "w"


async def test_a_long_pause_is_left_to_the_caller(api: FakeApi, client: Client) -> None:
    api.fail("PATCH", 429, headers={"Retry-After": "120"})
    with pytest.raises(UnavailableError) as caught:
        await client.apply(widget("w"), manager=MANAGER)
    assert caught.value.after == timedelta(seconds=120)
    assert api.count("PATCH") == 1


@pytest.mark.parametrize(("method", "again"), [("PATCH", True), ("POST", False), ("PUT", False)])
async def test_a_lost_connection_is_only_repeated_where_that_does_no_harm(
    api: FakeApi, client: Client, method: str, *, again: bool
) -> None:
    await client.resources()
    for _ in range(9):
        api.drop(method)
    write = {"PATCH": client.apply, "POST": client.create, "PUT": client.replace}[method]
    with pytest.raises(UnavailableError) as caught:
        await write(widget("w"), manager=MANAGER)
    assert caught.value.code == "connection"
    # aiohttp itself repeats a PUT once on a connection that was idle; a POST is never repeated by anybody
    assert (api.count(method) == 3) if again else (api.count(method) <= 2)


async def test_no_server_is_unavailable_and_names_the_cluster() -> None:
    async with Client(Access(server="http://127.0.0.1:1"), name="gone", limits=quick_limits()) as client:
        with pytest.raises(UnavailableError, match="cluster gone"):
            await client.version()


@pytest.mark.parametrize("server", ["http://:x", "https://x:99999", "x:6443", "ssh://x", "https://"])
def test_an_address_that_is_none_is_an_error_of_the_user(server: str) -> None:
    with pytest.raises(UserError, match="is not the address of an API server"):
        Client(Access(server=server), name="odd")


async def test_a_server_that_does_not_answer_is_unavailable(api: FakeApi) -> None:
    api.faults.append(("GET /version", lambda _: _Slow()))
    limits = Limits(tries=1, deadline=timedelta(milliseconds=50))
    async with Client(Access(server=api.url), name="slow", limits=limits) as client:
        with pytest.raises(UnavailableError, match="no answer in time") as caught:
            await client.version()
    assert caught.value.code == "timeout"


class _Slow(web.Response):
    async def prepare(self, request: web.BaseRequest) -> Any:
        await asyncio.sleep(0.3)
        return await super().prepare(request)


async def test_refused_credentials_are_renewed_once(api: FakeApi) -> None:
    class Tokens:
        asked = 0

        async def identity(self, *, fresh: bool = False) -> Identity:
            self.asked += fresh
            return Identity(authorization=f"Bearer {self.asked}")

    tokens = Tokens()
    async with Client(Access(server=api.url, credentials=tokens), name="c", limits=quick_limits()) as client:
        await client.version()
        for path in ("GET /apis", "GET /api"):  # two requests at once, refused together
            api.fail(path, 401, message="Unauthorized")
        await client.resources()
        assert tokens.asked == 1
        api.fail("GET /x", 401, message="Unauthorized")
        api.fail("GET /x", 401, message="Unauthorized")
        with pytest.raises(ForbiddenError, match="credentials"):
            await client.request("GET", "/x")


async def test_refused_credentials_that_never_change_are_not_tried_twice(api: FakeApi, client: Client) -> None:
    api.fail("GET /x", 401, message="Unauthorized")
    with pytest.raises(ForbiddenError):
        await client.request("GET", "/x")
    assert api.count("GET /x") == 1


async def test_create_replace_and_conflicts(api: FakeApi, client: Client) -> None:
    created = await client.create(widget("w"), manager=MANAGER)
    with pytest.raises(RefusedError) as exists:
        await client.create(widget("w"), manager=MANAGER)
    api.put(widget("w", spec={"by": "another"}))
    with pytest.raises(RefusedError) as conflict:
        await client.replace(created, manager=MANAGER)
    assert (exists.value.code, conflict.value.code) == ("exists", "conflict")


async def test_a_patch_has_its_type_and_subresource(api: FakeApi, client: Client) -> None:
    api.put(widget("w"))
    await client.patch(_ref(), {"metadata": {"name": "w", "namespace": "a"}}, manager="m", subresource="status")
    api.fail("PATCH", 422, message="not this type", reason="Invalid")
    with pytest.raises(InvalidError, match="not this type"):
        await client.patch(_ref(), [], manager="m", patch_type=PatchType.JSON)
    assert urlsplit(api.requests[-2][1]).path.endswith("/widgets/w/status")
    types = [headers["Content-Type"] for _, _, headers, _ in api.requests[-2:]]
    assert types == ["application/merge-patch+json", "application/json-patch+json"]


async def test_delete_tells_whether_something_was_there(api: FakeApi, client: Client) -> None:
    stored = api.put(widget("w"))
    with pytest.raises(RefusedError) as caught:
        await client.delete(_ref(), uid="another")
    assert caught.value.code == "conflict"
    assert await client.delete(_ref(), uid=stored["metadata"]["uid"], propagation="foreground", grace=0)
    assert orjson.loads(api.requests[-1][3]) == {
        "propagationPolicy": "Foreground",
        "preconditions": {"uid": stored["metadata"]["uid"]},
        "gracePeriodSeconds": 0,
    }
    assert not await client.delete(_ref())
    assert not await client.delete(Ref(kind="Nonsense", name="x"))


async def test_a_rejected_secret_does_not_show_its_values(api: FakeApi, client: Client) -> None:
    value = base64.b64encode(b"hunter22").decode()
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "a"}, "data": {"p": value}}
    api.fail("PATCH", 422, message=f"data.p: Invalid value: {value}")
    with pytest.raises(InvalidError) as caught:
        await client.apply(secret, manager=MANAGER)
    assert value not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_openapi_is_fetched_by_need_and_kept_by_hash(api: FakeApi, tmp_path: Path) -> None:
    digest = "A" * 32
    paths = {p: {"serverRelativeURL": f"/openapi/v3/{p}?hash={digest}"} for p in ("api/v1", "apis/apps/v1")}
    documents = {p: {"openapi": "3.0.0", "info": p} for p in paths}
    for _ in range(2):
        api.faults.append(("GET /openapi/v3", lambda r: web.json_response(_openapi(r.path, paths, documents))))
    async with Client(Access(server=api.url), name="c", cache=tmp_path) as first:
        assert await first.openapi(["apps/v1"]) == {"apis/apps/v1": documents["apis/apps/v1"]}
        assert (await first.openapi_hashes())["api/v1"] == digest
        assert await first.openapi(["apps/v1"]) == {"apis/apps/v1": documents["apis/apps/v1"]}
    assert api.count("/openapi/v3") == 2
    api.faults.append(("GET /openapi/v3", lambda r: web.json_response(_openapi(r.path, paths, documents))))
    async with Client(Access(server=api.url), name="c", cache=tmp_path) as second:
        assert await second.openapi(["apps/v1"]) == {"apis/apps/v1": documents["apis/apps/v1"]}
    assert api.count("/openapi/v3") == 3
    left = tmp_path.rglob(".*")  # noqa: ASYNC240  # nothing else runs here
    assert not list(left)


def _openapi(path: str, paths: dict[str, Any], documents: dict[str, Any]) -> dict[str, Any]:
    name = path.removeprefix("/openapi/v3").strip("/")
    return documents[name] if name else {"paths": paths}


async def test_discovery_prefers_the_first_version_and_knows_the_others(api: FakeApi, client: Client) -> None:
    api.served[("example.io", "v1beta1")] = [("widgets", "Widget", "Namespaced"), ("olds", "Old", "Cluster")]
    found = await client.resources()
    widgets, old = found.find("example.io", "Widget"), found.find("example.io", "Old")
    beta = found.exact("example.io/v1beta1", "Widget")
    assert widgets
    assert old
    assert beta
    assert (widgets.version, old.version, beta.version) == ("v1", "v1beta1", "v1beta1")
    assert (widgets.namespaced, old.namespaced, widgets.watchable) == (True, False, True)
    assert found.find("", "Widget") is None
    assert {"example.io/v1", "example.io/v1beta1/Old", "v1/Secret"} <= set(found.api_versions())


async def test_a_new_kind_is_found_by_asking_again(api: FakeApi, client: Client) -> None:
    late = Kind(group="late.io", kind="Late")
    await client.resources()
    client.discoverer._read_at -= 60
    with pytest.raises(UnknownKindError):
        await client.resource(late)
    asked = len(api.log)
    with pytest.raises(UnknownKindError):
        await client.resource(late)
    assert len(api.log) == asked, "asked again within a second"
    api.served[("late.io", "v1")] = [("lates", "Late", "Cluster")]
    client.discoverer._read_at -= 60
    assert (await client.resource(late)).plural == "lates"


async def test_an_unchanged_discovery_costs_a_304(api: FakeApi, client: Client) -> None:
    first = await client.resources()
    second = await client.resources(newer_than=first)
    assert second == first
    assert second is not first
    assert [headers.get("If-None-Match") is not None for _, _, headers, _ in api.requests] == [False] * 2 + [True] * 2


async def test_an_api_whose_server_is_down_is_not_fatal(api: FakeApi, client: Client) -> None:
    api.served[("metrics.io", "v1")] = []
    api.stale.add("metrics.io")
    assert (await client.resource(WIDGET)).plural == "widgets"
    with pytest.raises(UnavailableError) as caught:
        await client.resource(Kind(group="metrics.io", kind="Node"))
    assert caught.value.code == "group-down"


async def test_a_server_that_is_too_old_is_told(api: FakeApi, client: Client) -> None:
    api.discovery = "v1"
    with pytest.raises(UserError, match="aggregated discovery") as caught:
        await client.resources()
    assert "1.27" in caught.value.remedy


async def test_a_discovery_that_fails_is_read_again_next_time(api: FakeApi, client: Client) -> None:
    api.fail("GET /apis", 500, message="etcd is away")
    with pytest.raises(UnavailableError, match="etcd is away"):
        await client.resources()
    assert (await client.resource(WIDGET)).kind == "Widget"


async def test_a_closed_client_opens_nothing_again(api: FakeApi, client: Client) -> None:
    await client.version()
    await client.aclose()
    with pytest.raises(UnavailableError, match="closed"):
        await client.version()
    assert api.count("/version") == 1
