"""Fetch official release archives: only where the host answers, only with the right checksum."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from plat.tools._lock import exclusive
from plat.tools._recipe import Recipe

if TYPE_CHECKING:
    import aiohttp

_PROBE: Final = 2.0
_TOTAL: Final = 600.0
_CHUNK: Final = 1 << 20
_SERVER_ERROR: Final = 500


class Archives:
    """Archives by address. Whether a host can be reached is asked once and remembered."""

    def __init__(self, cache: Path, environ: Mapping[str, str]) -> None:
        self._cache, self._base = cache, environ.get("PLAT_DOWNLOADS", "")
        self._reachable: dict[str, bool] = {}

    def address(self, recipe: Recipe) -> str:
        """Return where an archive would be fetched from; empty: nowhere. PLAT_DOWNLOADS=off fetches nothing."""
        if recipe.archive is None or self._base == "off":
            return ""
        if not self._base:
            return recipe.archive.url
        return self._base.rstrip("/") + urlsplit(recipe.archive.url).path

    async def fetch(self, recipe: Recipe, say: Callable[[str], None]) -> str:
        """Put a program into the cache from its archive; return why not, or nothing."""
        address = self.address(recipe)
        if recipe.archive is None or not address:
            return "there is no official archive for it" if self._base != "off" else "PLAT_DOWNLOADS is off"
        if not await self._reaches(address):
            return f"{_host(address)} cannot be reached"
        lock = self._cache / "locks" / f"fetch-{recipe.program}-{recipe.digest}.lock"
        async with exclusive(lock, doing=f"fetching {recipe.program}", say=say):
            if (self._cache / recipe.place).exists():
                return ""
            say(f"fetching {recipe.program} {recipe.version} from {_host(address)}")
            return await self._fetch(recipe, address, recipe.archive.sha256)

    async def _fetch(self, recipe: Recipe, address: str, sha256: str) -> str:
        fresh = self._cache / "bin" / f".new-{recipe.program}-{recipe.digest}"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        try:
            why, actual = await _download(address, fresh / "archive")
            if why:
                return why
            if actual != sha256:
                return f"{address} has the wrong checksum (sha256 {actual}, expected {sha256}): not used"
            return self._unpack(recipe, fresh)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def _unpack(self, recipe: Recipe, fresh: Path) -> str:
        whole = fresh / "whole"
        whole.mkdir()
        member = recipe.archive.member if recipe.archive else ""
        if not _extract(fresh / "archive", member, whole / recipe.program):
            return f"the archive of {recipe.program} has no {member}"
        (whole / recipe.program).chmod(0o755)
        target = (self._cache / recipe.place).parent
        shutil.rmtree(target, ignore_errors=True)
        whole.rename(target)
        return ""

    async def _reaches(self, address: str) -> bool:
        host = _host(address)
        if host not in self._reachable:
            self._reachable[host] = await _answers(host)
        return self._reachable[host]


def _host(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


async def _answers(host: str) -> bool:
    import aiohttp  # noqa: PLC0415  # heavy, and needed only where an archive is fetched

    try:
        async with _session(_PROBE) as session, session.head(host, allow_redirects=False) as reply:
            return reply.status < _SERVER_ERROR
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


def _session(seconds: float) -> aiohttp.ClientSession:
    import aiohttp  # noqa: PLC0415  # as above

    return aiohttp.ClientSession(trust_env=True, timeout=aiohttp.ClientTimeout(total=seconds))


async def _download(address: str, into: Path) -> tuple[str, str]:
    """Return why it did not work, and the checksum of what came."""
    import aiohttp  # noqa: PLC0415  # as above

    digest = hashlib.sha256()
    try:
        async with _session(_TOTAL) as session, session.get(address, raise_for_status=True) as reply:
            with into.open("wb") as file:
                async for chunk in reply.content.iter_chunked(_CHUNK):
                    digest.update(chunk)
                    file.write(chunk)
    except (aiohttp.ClientError, TimeoutError) as error:
        return f"{address} did not come: {str(error) or 'time-out'}", ""
    return "", digest.hexdigest()


def _extract(archive: Path, member: str, into: Path) -> bool:
    """Copy one file out of an archive, never a path that the archive chooses."""
    if not member:
        archive.rename(into)
        return True
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as bundle:
            if member not in bundle.namelist():
                return False
            with bundle.open(member) as source, into.open("wb") as target:
                shutil.copyfileobj(source, target)
            return True
    with tarfile.open(archive) as bundle:
        entry = next((item for item in bundle if item.name.removeprefix("./") == member and item.isfile()), None)
        content = bundle.extractfile(entry) if entry else None
        if content is None:
            return False
        with content, into.open("wb") as target:
            shutil.copyfileobj(content, target)
        return True
