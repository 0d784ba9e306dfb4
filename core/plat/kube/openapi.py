"""The OpenAPI v3 documents of one server: only those asked for, each fetched once, kept on disk by their hash."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import orjson

from plat.api import JSON
from plat.kube.transport import Request, Transport

_HASH: Final = re.compile(r"[0-9A-Za-z]{16,}")


class OpenApi:
    """Reads the documents of one server. Nothing is kept in memory but the index: all documents take 40 MB parsed."""

    def __init__(self, transport: Transport, *, cache: Path | None = None) -> None:
        self._transport, self._cache = transport, cache
        self._index: dict[str, str] | None = None
        self._lock = asyncio.Lock()

    async def hashes(self, *, fresh: bool = False) -> Mapping[str, str]:
        """Return the hash of each document by path (`apis/apps/v1`); the address where a server gives no hash."""
        return {path: _hash(url) or url for path, url in (await self._paths(fresh=fresh)).items()}

    async def documents(self, group_versions: Iterable[str] | None = None) -> Mapping[str, JSON]:
        """Return documents by path; those that the server does not have are left out."""
        index = await self._paths()
        if group_versions is None:
            wanted = tuple(index)
        else:
            wanted = tuple(path_of(version) for version in group_versions)
            if not all(path in index for path in wanted):
                index = await self._paths(fresh=True)
        return {path: orjson.loads(await self._document(index[path])) for path in wanted if path in index}

    async def _paths(self, *, fresh: bool = False) -> dict[str, str]:
        async with self._lock:
            if self._index is None or fresh:
                answer = orjson.loads(await self._transport.ask(Request("GET", "/openapi/v3", repeatable=True)))
                self._index = {path: entry["serverRelativeURL"] for path, entry in answer["paths"].items()}
            return self._index

    async def _document(self, url: str) -> bytes:
        kept = self._file(url)
        if kept and kept.is_file():  # a local cache
            return kept.read_bytes()  # as above
        body = await self._transport.ask(Request("GET", url, repeatable=True))
        if kept:
            _keep(kept, body)
        return body

    def _file(self, url: str) -> Path | None:
        """Name the file by path and hash: two clusters of one version share it."""
        digest = _hash(url)
        if self._cache is None or not digest:
            return None
        path = sha256(urlsplit(url).path.encode()).hexdigest()[:12]
        return self._cache / "openapi" / f"{path}-{digest[:64]}.json"


def path_of(group_version: str) -> str:
    """Return the path of a group version in the index: `apps/v1` is `apis/apps/v1`, `v1` is `api/v1`."""
    return f"apis/{group_version}" if "/" in group_version else f"api/{group_version}"


def _hash(url: str) -> str:
    found = parse_qs(urlsplit(url).query).get("hash", [""])[0]
    return found if _HASH.fullmatch(found) else ""


def _keep(path: Path, body: bytes) -> None:
    """Write by rename, so that a reader never sees half a file. A full disk only costs the cache."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(body)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
