"""Addresses of repositories: what git may be given, which of them mean the same, and the operator's replacements."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from plat.api import UserError

SCHEMES: Final = frozenset({"https", "http", "ssh", "git", "file"})
"""The transports that git may use. `ext::` and `fd::` run programs that the address names."""
_SCP: Final = re.compile(r"(?:(?P<user>[^@/:]+)@)?(?P<host>\[[^\]]+\]|[^@/:\[\]]+):(?!//)(?P<path>.*)", re.DOTALL)
_UNPRINTABLE: Final = re.compile(r"[\x00-\x20\x7f]")


@dataclass(frozen=True)
class Address:
    """One address, taken apart. `url` is what git is given: it never holds a password."""

    url: str
    scheme: str
    host: str
    port: str
    user: str
    path: str
    password: str = field(default="", repr=False)

    @property
    def local(self) -> Path | None:
        """The directory of a `file://` address, else None."""
        return Path(self.path) if self.scheme == "file" else None

    @property
    def origin(self) -> str:
        """Scheme, host and port: what a credential is given for."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + (f":{self.port}" if self.port else "")

    @property
    def key(self) -> str:
        """What makes two addresses one mirror: the whole address without user, final slashes and `.git`.

        A `file://` address keeps its `.git`: there the two may be two directories.
        """
        if self.scheme == "file":
            return f"file://{self.path.rstrip('/')}"
        path = self.path.rstrip("/").removesuffix(".git")
        return f"{self.scheme}://{self.host.lower()}:{self.port}{path}"


def parse(url: str, *, base: Path = Path("/")) -> Address:
    """Take an address apart; paths and `file://` addresses that are relative belong to `base`.

    Raises UserError for what git must never see: a leading dash, control characters, other transports.
    """
    if not url or url.startswith("-") or _UNPRINTABLE.search(unquote(url)):
        raise UserError(
            f"{_masked(url)!r} is not the address of a repository", remedy="use https://, ssh:// or file://"
        )
    if "://" in url:
        return _parse_url(url, base)
    scp = _SCP.fullmatch(url)
    if scp and "/" not in url.split(":", 1)[0] and "::" not in url:
        host, path = _checked_host(scp["host"].strip("[]"), url), scp["path"]
        return Address(url, "ssh", host, "", scp["user"] or "", f":{path}")
    if "::" in url:
        raise UserError(
            f"the transport {url.partition('::')[0]!r} is not allowed", remedy="use https://, ssh:// or file://"
        )
    return _local(url, base)


@lru_cache(maxsize=1024)
def normalise(url: str) -> str:
    """Return host and path in one spelling: without scheme, user, `ssh.`/`altssh.`, port, final `.git` and case.

    Two sources with equal results are the same repository (spec/cluster §1.4). Never raises: whoever sends a webhook
    may send anything.
    """
    text = url.strip()
    rest = text.split("://", 1)[1] if "://" in text else text
    scp = None if "://" in text else _SCP.fullmatch(text)
    host, _, path = (scp["host"], "", scp["path"]) if scp else rest.partition("/")
    host = host.rpartition("@")[2].lower()
    host = re.sub(r"^(altssh|ssh)\.", "", re.sub(r":\d*$", "", host))
    path = re.sub(r"/{2,}", "/", path).strip("/").lower()
    return f"{host}/{path.removesuffix('.git').rstrip('/')}"


def same_repository(one: str, other: str) -> bool:
    """Say whether two addresses mean one repository (spec/cluster §1.4)."""
    return normalise(one) == normalise(other)


@dataclass(frozen=True)
class Addresses:
    """The operator's replacements, as git's `url.<base>.insteadOf`: the longest prefix wins, and only once."""

    instead_of: Mapping[str, str]
    base: Path
    _known: dict[str, Address] = field(default_factory=dict, init=False, repr=False, compare=False)

    def effective(self, url: str) -> Address:
        """Return the address that is really used for `url`. Raises UserError for what git must never see."""
        known = self._known.get(url)
        if known is None:
            known = self._known[url] = parse(self.rewritten(url), base=self.base)
        return known

    def rewritten(self, url: str) -> str:
        """Return the text of the address that is used for `url`."""
        prefixes = [prefix for prefix in self.instead_of if prefix and url.startswith(prefix)]
        longest = max(prefixes, key=len, default="")
        return self.instead_of[longest] + url[len(longest) :] if longest else url


def _parse_url(url: str, base: Path) -> Address:
    scheme = url.split("://", 1)[0].lower()
    if scheme not in SCHEMES:
        raise UserError(f"the transport {scheme!r} is not allowed", remedy=f"known are {', '.join(sorted(SCHEMES))}")
    if scheme == "file":
        return _local(url.split("://", 1)[1], base)
    try:
        parts = urlsplit(url)
        port = str(parts.port or "")
    except ValueError as error:
        raise UserError(f"{_masked(url)!r} is not the address of a repository: {error}") from None
    host = _checked_host(parts.hostname or "", url)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    shown = f"[{host}]" if ":" in host else host
    name = f"{parts.username}@" if parts.username and scheme == "ssh" else ""
    netloc = f"{name}{shown}" + (f":{port}" if port else "")
    query = f"?{parts.query}" if parts.query else ""
    return Address(f"{scheme}://{netloc}{parts.path}{query}", scheme, host, port, user, parts.path + query, password)


def _checked_host(host: str, url: str) -> str:
    if not host or host.startswith("-"):
        raise UserError(f"{_masked(url)!r} has no host", remedy="use https://host/path or user@host:path")
    return host


def _local(path: str, base: Path) -> Address:
    """A path joined to `base`, without `..` where it has one; symlinks are the operator's business."""
    place = path.removeprefix("localhost") if path.startswith("localhost/") else path
    whole = base / place
    absolute = str(whole.absolute() if ".." not in whole.parts else whole.resolve())
    return Address(f"file://{absolute}", "file", "", "", "", absolute)


def _masked(url: str) -> str:
    return re.sub(r"(?<=://)[^/@]*@", "***@", url)
