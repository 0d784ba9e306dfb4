from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from aiohttp import web

from plat.api import RefusedError, UnavailableError, UserError
from plat.app.http import HttpPool


@pytest.fixture
async def server():
    async def answer(request: web.Request) -> web.StreamResponse:
        status = int(request.match_info["status"])
        headers = {"Retry-After": "7"} if status == 429 else {}
        if "to" in request.query:
            headers["Location"] = request.query["to"]
        if status == 299:
            await asyncio.sleep(5)
        return web.json_response({"query": dict(request.query)}, status=status, headers=headers)

    app = web.Application()
    app.router.add_get("/{status}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def http():
    async with HttpPool() as pool:
        yield pool


async def test_a_reply_is_read_with_its_parameters(http, server):
    reply = await http.get(f"{server}/200", params={"n": 1, "q": "a b"})
    assert (reply.status, reply.json()) == (200, {"query": {"n": "1", "q": "a b"}})


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, UserError),
        (403, UserError),
        (408, UnavailableError),
        (429, UnavailableError),
        (500, UnavailableError),
        (503, UnavailableError),
        (404, RefusedError),
        (409, RefusedError),
    ],
)
async def test_a_status_says_whose_fault_it_is_and_no_query_is_shown(http, server, status, error):
    with pytest.raises(error, match=f"answered {status}") as caught:
        await http.get(f"{server}/{status}", params={"token": "hunter2"})
    assert "hunter2" not in str(caught.value)


async def test_what_is_ok_is_returned_and_retry_after_is_kept(http, server):
    assert (await http.get(f"{server}/404", ok=(404,))).status == 404
    with pytest.raises(UnavailableError) as caught:
        await http.get(f"{server}/429")
    assert caught.value.after == timedelta(seconds=7)


async def test_redirects_stay_on_their_host(http, server):
    assert (await http.get(f"{server}/302", params={"to": "/200"})).status == 200
    with pytest.raises(RefusedError, match="leads to another host"):
        await http.get(f"{server}/302", params={"to": "http://localhost:1/200"})
    with pytest.raises(RefusedError, match="more than 5 redirects"):
        await http.get(
            f"{server}/302", params={"to": "/302?to=/302%3Fto=/302%253Fto=/302%25253Fto=/302%2525253Fto=/302"}
        )


async def test_nobody_there_is_for_later_and_nonsense_is_the_users(http):
    with pytest.raises(UnavailableError):
        await http.get("http://127.0.0.1:1/x")
    with pytest.raises(UserError, match="is no address"):
        await http.get("nonsense")


async def test_a_server_that_does_not_answer_is_not_waited_for(http, server):
    with pytest.raises((TimeoutError, UnavailableError)):
        await http.get(f"{server}/299", deadline=timedelta(seconds=0.1))
