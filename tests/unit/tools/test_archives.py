from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from plat.api import Archive, Tool
from plat.tools import Where

Make = Callable[..., type[Tool]]
_PROGRAM = b"#!/bin/sh\necho from the archive\n"


def tarball() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as bundle:
        for name, content in (("release/README", b"x"), ("release/tool", _PROGRAM)):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            bundle.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        bundle.writestr("release/tool", _PROGRAM)
    return buffer.getvalue()


class Mirror:
    """A host with one file."""

    def __init__(self) -> None:
        self.content, self.asked = b"", list[str]()
        self.base = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(f"{request.method} {request.path}")
        return web.Response(body=self.content) if request.path == "/dl/v1/tool.tgz" else web.Response(status=404)


@pytest.fixture
async def mirror() -> AsyncIterator[Mirror]:
    mirror = Mirror()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", mirror.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    mirror.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield mirror
    await runner.cleanup()


def archive(content: bytes, member: str, *, sha256: str = "") -> Archive:
    url = "https://releases.invalid/dl/v1/tool.tgz"
    return Archive(url=url, sha256=sha256 or hashlib.sha256(content).hexdigest(), member=member)


@pytest.mark.parametrize(
    ("content", "member"),
    [(tarball(), "release/tool"), (zipped(), "release/tool"), (_PROGRAM, "")],
    ids=["tar", "zip", "bare"],
)
async def test_an_archive_is_fetched_from_the_configured_base(
    machine: Any, make_tool: Make, mirror: Mirror, content: bytes, member: str
) -> None:
    mirror.content = content
    machine.environ["PLAT_DOWNLOADS"] = f"{mirror.base}/"
    tool = make_tool("tool", archive=archive(content, member))
    path = await machine.toolbox(tool).path("tool")
    assert path.read_bytes() == _PROGRAM
    assert path.stat().st_mode & 0o111
    assert machine.built == []
    assert await machine.toolbox(tool).path("tool") == path
    assert mirror.asked.count("GET /dl/v1/tool.tgz") == 1


@pytest.mark.parametrize(
    "case",
    [("0" * 64, "release/tool", "wrong checksum"), ("", "release/other", "has no release/other")],
    ids=["checksum", "member"],
)
async def test_an_archive_that_is_not_right_is_not_used(
    machine: Any, make_tool: Make, mirror: Mirror, said: list[str], case: tuple[str, str, str]
) -> None:
    sha256, member, complaint = case
    mirror.content = tarball()
    machine.environ["PLAT_DOWNLOADS"] = mirror.base
    tool = make_tool("tool", archive=archive(mirror.content, member, sha256=sha256))
    path = await machine.toolbox(tool).path("tool", progress=said.append)
    assert "made by go" in path.read_text()
    assert any(complaint in line for line in said)


async def test_a_host_that_does_not_answer_is_asked_once(
    machine: Any, make_tool: Make, said: list[str], unused_tcp_port: int
) -> None:
    machine.environ["PLAT_DOWNLOADS"] = f"http://127.0.0.1:{unused_tcp_port}"
    tools = [make_tool(name, archive=archive(b"", "")) for name in ("one", "two")]
    toolbox = machine.toolbox(*tools)
    await toolbox.paths(["one", "two"], progress=said.append)
    assert len(toolbox._archives._reachable) == 1
    assert sum("cannot be reached" in line for line in said) == 2
    assert len(machine.built) == 1


async def test_downloads_can_be_switched_off(machine: Any, make_tool: Make) -> None:
    machine.environ["PLAT_DOWNLOADS"] = "off"
    toolbox = machine.toolbox(make_tool("tool", archive=archive(b"", "")))
    (line,) = await toolbox.report()
    assert line.where is Where.BUILD
    assert "made by go" in (await toolbox.path("tool")).read_text()


async def test_the_report_names_the_address(machine: Any, make_tool: Make) -> None:
    machine.environ["PLAT_DOWNLOADS"] = "https://mirror.example/pub"
    (line,) = await machine.toolbox(make_tool("tool", archive=archive(b"", ""))).report()
    assert line.where is Where.ARCHIVE
    assert "https://mirror.example/pub/dl/v1/tool.tgz; else would be built" in line.note
