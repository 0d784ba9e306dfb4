"""All repositories of a run: one mirror each, one fetch for however many ask, trees by revision."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Final, Self

from plat.api import UnavailableError, UserError
from plat.git.addresses import Address, Addresses
from plat.git.command import GitCommand
from plat.git.commits import Commit, parse_commit
from plat.git.export import Exports
from plat.git.globs import matches
from plat.git.login import Login
from plat.git.mirror import Mirror, Mirroring
from plat.git.objects import Trees
from plat.git.readset import compare
from plat.git.revisions import SHA, SHORT_SHA, Refs, Resolved, moved, resolve, unknown
from plat.git.tree import GitTree, Origin
from plat.git.walk import Limits

_COMPARISONS: Final = 256


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """What a repository has. `moved`: (old, new) commits by full ref and `HEAD`, since this process asked before."""

    url: str
    heads: Mapping[str, str]
    tags: Mapping[str, str]
    default: str
    head: str
    moved: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Whether any ref moved since this process asked before."""
        return bool(self.moved)


class Repositories:
    """Mirrors below a cache directory, which other processes may share.

    `credentials` is asked with the address that is really used, after `instead_of`; None leaves it to git's own
    credential helpers and the SSH agent. Relative `file://` addresses belong to `base`.
    """

    TICK: Final = 1.0
    """Seconds for which an answer of a repository is new enough for whoever does not ask for a refresh."""

    def __init__(
        self,
        cache: Path,
        *,
        instead_of: Mapping[str, str] = MappingProxyType({}),
        credentials: Callable[[str], Login | None] = lambda _: None,
        base: Path | None = None,
        environ: Mapping[str, str] | None = None,
        limits: Limits = Limits(),  # noqa: B008  # frozen
    ) -> None:
        self._cache = cache.absolute()
        self.addresses = Addresses(dict(instead_of), (base or Path.cwd()).absolute())
        self.command = GitCommand(os.environ if environ is None else environ)
        self.locks = self._cache / "locks"
        self._credentials, self._limits = credentials, limits
        self._exports = Exports(self._cache / "exports")
        self._shared = Mirroring(self._cache / "mirrors", self.command, Trees(), self.login)
        self._mirrors: dict[str, Mirror] = {}
        self._asked: dict[str, float] = {}
        self._roots: dict[tuple[str, str], str] = {}
        self._compared: OrderedDict[tuple[str, str, str], frozenset[str]] = OrderedDict()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End every fetch under way, and the processes that read objects."""
        for mirror in self._mirrors.values():
            await mirror.flight.aclose()
            mirror.close()

    async def fetch(self, url: str, *, refresh: bool = False) -> Fetched:
        """Bring the mirror up to date: one question, and one `git fetch` if anything moved, for all who ask together.

        `refresh`: ask the repository after now, even if somebody has just done so (webhooks, people).
        Raises UserError (address, credentials) or UnavailableError (network, server).
        """
        mirror = self.mirror(url)
        before = mirror.refs
        if before is not None and not refresh and time.monotonic() - self._asked[mirror.address.key] < self.TICK:
            return _fetched(url, before, before)
        after = await (mirror.flight.anew() if refresh else mirror.flight.join())
        self._asked[mirror.address.key] = time.monotonic()
        return _fetched(url, before or Refs(), after)

    async def poll(self, url: str) -> bool:
        """Say whether any branch or tag moved since this process last fetched. Fetches nothing.

        A repository on this machine is only looked at, without a process: cheap enough for every second.
        """
        return await self.mirror(url).moved()

    async def refs(self, url: str, *globs: str) -> Mapping[str, str]:
        """Return commits by full name of the ref, of those that match any of the globs (none: all)."""
        known = (await self._refs(self.mirror(url))).all()
        return {name: commit for name, commit in known.items() if not globs or any(matches(g, name) for g in globs)}

    async def resolve(self, url: str, revision: str, *, tag_prefix: str = "") -> str:
        """Return the commit that a revision means, as of the last fetch (the first caller fetches).

        Exact SHA, then exact ref, then the highest tag in a version range, then an abbreviated SHA; empty and `HEAD`
        mean the default branch. Raises UserError with the nearest refs for what means nothing.
        """
        return (await self.resolved(url, revision, tag_prefix=tag_prefix)).commit

    async def resolved(self, url: str, revision: str, *, tag_prefix: str = "") -> Resolved:
        """As `resolve`, with the ref that the answer came from: it is what moves the revision."""
        mirror = self.mirror(url)
        revision = revision.strip()
        if SHA.fullmatch(revision):
            return Resolved(await self._sha(mirror, revision.lower(), url))
        refs = await self._refs(mirror)
        found = resolve(refs, revision, tag_prefix=tag_prefix)
        if found is None and revision.startswith("refs/") and await mirror.obtain(_checked_ref(revision)):
            found = Resolved((await mirror.local("rev-parse", "--verify", f"{revision}^{{commit}}")).strip(), revision)
        if found is None and SHORT_SHA.fullmatch(revision):
            commit = await mirror.local("rev-parse", "--verify", "--quiet", f"{revision.lower()}^{{commit}}")
            found = Resolved(commit.strip()) if commit else None
        if found is None or not found.commit:
            raise unknown(refs, revision, url)
        return found

    async def tree(self, url: str, revision: str = "HEAD") -> GitTree:
        """Return the tree of a revision, with a read-set of its own. Raises as `resolve`."""
        mirror = self.mirror(url)
        commit = await self.resolve(url, revision)
        if mirror.objects.damaged:
            await mirror.renew()
        key = (mirror.address.key, commit)
        if key not in self._roots:
            self._roots[key] = (await self._commit(mirror, commit, url)).tree
        origin = Origin(url, commit, self._exports, self._limits)
        return GitTree(origin, mirror.objects, self._roots[key])

    async def commit(self, url: str, revision: str = "HEAD") -> Commit:
        """Return the commit of a revision: author, message, time, trailers. Raises as `resolve`."""
        return await self._commit(self.mirror(url), await self.resolve(url, revision), url)

    def changed_paths(self, url: str, old: str, new: str) -> frozenset[str]:
        """Return the paths that differ between two commits (SHAs that were resolved before); compared once.

        Raises UnavailableError if a commit is not in the mirror.
        """
        key = (url, old, new)
        if key not in self._compared:
            objects = self.mirror(url).objects
            roots = [self._root(url, commit) for commit in (old, new)]
            self._compared[key] = frozenset(compare(objects, roots[0], roots[1], self._limits))
            if len(self._compared) > _COMPARISONS:
                self._compared.popitem(last=False)
        return self._compared[key]

    def mirror(self, url: str) -> Mirror:
        """Return the mirror of a repository; one for all addresses that are the same after `instead_of`."""
        address = self.addresses.effective(url)
        if address.key not in self._mirrors:
            self._shared.folder.mkdir(parents=True, exist_ok=True)
            self._mirrors[address.key] = Mirror(self._shared, address)
        return self._mirrors[address.key]

    def login(self, address: Address) -> Login | None:
        """Return the credentials for an address, from itself or from who knows them."""
        if address.scheme == "file":
            return None
        if address.password:
            return Login(username=address.user, password=address.password)
        return self._credentials(address.url)

    async def _refs(self, mirror: Mirror) -> Refs:
        if mirror.refs is None:
            refs = await mirror.flight.join()
            self._asked[mirror.address.key] = time.monotonic()
            return refs
        return mirror.refs

    async def _sha(self, mirror: Mirror, sha: str, url: str) -> str:
        """A commit that is here needs no network; one that no branch leads to is asked for by name."""
        if (mirror.address.key, sha) in self._roots or _peeled(mirror, sha):
            return sha
        if mirror.refs is not None and sha in mirror.absent:
            raise unknown(mirror.refs, sha, url)
        refs = await (mirror.flight.anew() if mirror.refs is not None else self._refs(mirror))
        if not _peeled(mirror, sha) and not (await mirror.obtain(sha) and _peeled(mirror, sha)):
            mirror.absent.add(sha)
            raise unknown(refs, sha, url)
        return sha

    async def _commit(self, mirror: Mirror, sha: str, url: str) -> Commit:
        try:
            data = mirror.objects.commit(sha)
        except UnavailableError:
            data = None
        if data is None:
            await mirror.renew()
            data = mirror.objects.commit(sha)
        if data is None:
            raise UserError(f"{sha} is not a commit of {url}", remedy="name a branch, a tag or a commit")
        return parse_commit(sha, data)

    def _root(self, url: str, commit: str) -> str:
        mirror = self.mirror(url)
        key = (mirror.address.key, commit)
        if key not in self._roots:
            data = mirror.objects.commit(commit)
            if data is None:
                raise UnavailableError(f"commit {commit} is not in the mirror of {url}", code="missing")
            self._roots[key] = parse_commit(commit, data).tree
        return self._roots[key]


def _peeled(mirror: Mirror, sha: str) -> str:
    return sha if mirror.path.is_dir() and mirror.objects.commit(sha) is not None else ""


def _checked_ref(ref: str) -> str:
    """Refuse what a refspec would read as more than one name."""
    if any(char in ref for char in "*:^~?[\\ ") or ".." in ref or ref.endswith((".lock", "/")):
        raise UserError(f"{ref!r} is not the name of a ref", remedy="as refs/heads/main or refs/tags/v1")
    return ref


def _fetched(url: str, before: Refs, after: Refs) -> Fetched:
    return Fetched(
        url=url,
        heads=after.heads,
        tags=after.tags,
        default=after.default,
        head=after.head,
        moved=moved(before, after),
    )
