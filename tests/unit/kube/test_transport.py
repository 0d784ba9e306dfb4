from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.kube.conftest import WIDGET, FakeApi, quick_limits

from plat.api import UserError
from plat.kube import Access, Client, Identity, Pace, Request, Watches, lines
from plat.kube.transport import Transport


@given(st.lists(st.binary().filter(lambda b: b"\n" not in b)), st.lists(st.integers(1, 7), min_size=1))
async def test_lines_come_whole_however_they_are_cut(texts: list[bytes], sizes: list[int]) -> None:
    whole = b"".join(text + b"\n" for text in texts)

    async def chunks() -> AsyncIterator[bytes]:
        rest, turn = whole, 0
        while rest:
            size = sizes[turn % len(sizes)]
            yield rest[:size]
            rest, turn = rest[size:], turn + 1

    assert [line async for line in lines(chunks())] == [text for text in texts if text]


@pytest.mark.parametrize(
    ("server", "no_proxy", "proxy"),
    [
        ("https://api.example.com:6443", "", "http://proxy:3128"),
        ("https://api.example.com:6443", "example.com", ""),
        ("https://10.1.2.3:6443", "", "http://proxy:3128"),
        ("https://10.1.2.3:6443", "other, 10.0.0.0/8", ""),
        ("https://10.1.2.3:6443", "nonsense/x,11.0.0.0/8", "http://proxy:3128"),
        ("https://127.0.0.1:6443", "", ""),
        ("https://localhost:6443", "", ""),
        ("https://[::1]:6443", "", ""),
    ],
)
def test_a_proxy_is_used_as_kubectl_uses_it(
    monkeypatch: pytest.MonkeyPatch, server: str, no_proxy: str, proxy: str
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert Transport(Access(server=server), name="c")._proxy == proxy
    assert Transport(Access(server=server, proxy="http://mine"), name="c")._proxy == "http://mine"


class _Rotating:
    """Credentials whose client certificate changes when they are refused."""

    def __init__(self) -> None:
        self.now = Identity(authorization="Bearer 1", certificate=b"1", key=b"1")

    async def identity(self, *, fresh: bool = False) -> Identity:
        if fresh:
            self.now = Identity(authorization="Bearer 2", certificate=b"2", key=b"2")
        return self.now


async def test_a_new_certificate_gets_a_new_session_and_the_old_one_may_finish(api: FakeApi) -> None:
    async with Client(Access(server=api.url, credentials=_Rotating()), name="c", limits=quick_limits()) as client:
        await client.resources()
        api.fail("GET /x", 401)
        await client.transport.send(Request("GET", "/x"))
        assert len(client.transport._sessions) == 2
        assert not client.transport._sessions[0].closed
        sessions = client.transport._sessions
    assert all(session.closed for session in sessions)
    assert [headers["Authorization"] for _, _, headers, _ in api.requests][-2:] == ["Bearer 1", "Bearer 2"]


async def test_a_watch_renews_its_credentials_too(api: FakeApi, pace: Pace) -> None:
    access = Access(server=api.url, credentials=_Rotating())
    async with Client(access, name="c", limits=quick_limits()) as client, Watches(client, pace=pace) as watches:
        api.fail("watch=true", 401)
        await watches.synced(WIDGET)
        assert api.requests[-1][2]["Authorization"] == "Bearer 2"


@pytest.mark.parametrize(
    ("ca", "certificate", "key"), [(b"no pem", b"", b""), (b"", b"no pem", b"no pem"), (b"", b"\xff", b"")]
)
async def test_a_certificate_that_cannot_be_used_is_an_error_of_the_user(
    ca: bytes, certificate: bytes, key: bytes
) -> None:
    class Broken:
        async def identity(self, *, fresh: bool = False) -> Identity:
            del fresh
            return Identity(certificate=certificate, key=key)

    access = Access(server="https://127.0.0.1:1", ca=ca, credentials=Broken())
    async with Client(access, name="c") as client:
        with pytest.raises(UserError, match="cannot be used"):
            await client.version()
