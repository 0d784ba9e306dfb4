"""Credentials for repositories, from the manifests that register them (spec/cluster §2; Argo CD repository Secrets)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from plat.api import RepositoryEntry
from plat.git import Login


def logins(entries: Sequence[RepositoryEntry]) -> Callable[[str], Login | None]:
    """Return who to log in as, by address: an exact entry first, then the longest prefix; None leaves it to git."""
    exact = {_plain(entry.url): entry for entry in entries if not entry.prefix}
    prefixes = sorted((entry for entry in entries if entry.prefix), key=lambda entry: len(entry.url), reverse=True)

    def login(url: str) -> Login | None:
        entry = exact.get(_plain(url))
        template = next((t for t in prefixes if _plain(url).startswith(_plain(t.url))), None)
        chosen = entry if entry is not None and _speaks(entry) else template or entry
        if chosen is None or not (_speaks(chosen) or chosen.insecure):
            return None
        return Login(
            username=chosen.username,
            password=chosen.password,
            ssh_private_key=chosen.ssh_private_key,
            insecure=chosen.insecure,
        )

    return login


def _speaks(entry: RepositoryEntry) -> bool:
    return bool(entry.password or entry.ssh_private_key)


def _plain(url: str) -> str:
    return url.rstrip("/").removesuffix(".git").lower()
