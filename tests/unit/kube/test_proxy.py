from __future__ import annotations

import pytest
from aiohttp import web
from tests.unit.kube.conftest import FakeApi

from plat.api import UserError
from plat.kube import Client, call_service, service_path


@pytest.mark.parametrize(
    ("url", "path"),
    [
        (
            "http://prom.monitoring.svc.cluster.local:9090/api/v1/query?query=up%7B%7D",
            "/api/v1/namespaces/monitoring/services/prom:9090/proxy/api/v1/query?query=up%7B%7D",
        ),
        ("http://prom.monitoring.svc:9090", "/api/v1/namespaces/monitoring/services/prom:9090/proxy/"),
        ("http://prom.monitoring.svc.cluster.local./x", "/api/v1/namespaces/monitoring/services/prom:80/proxy/x"),
        ("https://prom.monitoring.svc/x", "/api/v1/namespaces/monitoring/services/https:prom:443/proxy/x"),
        ("http://prom.monitoring", None),
        ("http://a.b.svc.example.com", None),
        ("http://a.b.c.svc", None),
        ("ftp://prom.monitoring.svc", None),
        ("prom.monitoring.svc", None),
        ("", None),
    ],
)
def test_only_addresses_of_services_go_through_the_api_server(url: str, path: str | None) -> None:
    assert service_path(url) == path


async def test_a_call_gets_the_services_own_answer(api: FakeApi, client: Client) -> None:
    api.faults.append(("services/web:80/proxy", lambda _: web.json_response({"status": "bad"}, status=418)))
    reply = await call_service(
        client,
        "http://web.shop.svc/q?a=1",
        method="POST",
        body=b"{}",
        headers={"Content-Type": "application/json", "Authorization": "Bearer s3cret", "X-Scope-OrgID": "t"},
    )
    assert (reply.status, reply.json(), reply.text) == (418, {"status": "bad"}, '{"status": "bad"}')
    method, path, headers, body = api.requests[-1]
    assert (method, path, body) == ("POST", "/api/v1/namespaces/shop/services/web:80/proxy/q?a=1", b"{}")
    assert (headers["Content-Type"], headers["X-Scope-OrgID"]) == ("application/json", "t")
    assert "Authorization" not in headers, "a secret meant for the service would reach the API server"


async def test_an_address_outside_is_refused(client: Client) -> None:
    with pytest.raises(UserError, match=r"example\.com"):
        await call_service(client, "http://example.com")


async def test_an_answer_that_is_no_json_is_told(api: FakeApi, client: Client) -> None:
    api.faults.append(("services", lambda _: web.Response(text="<html>")))
    reply = await call_service(client, "http://web.shop.svc/")
    with pytest.raises(UserError, match="JSON"):
        reply.json()
