"""One bare mirror below the cache: made, fetched, and made anew when damaged. Knows no revision and no file."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from plat.api import PlatError, UnavailableError
from plat.git.addresses import Address
from plat.git.command import GitCommand
from plat.git.flight import Flight
from plat.git.local import stamp
from plat.git.locks import held
from plat.git.login import Login, offering
from plat.git.objects import Objects, Trees
from plat.git.revisions import Refs, parse_local, parse_remote
from plat.git.trouble import explained

_REFSPECS: Final = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_FETCH: Final = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
_DAMAGED: Final = re.compile(
    r"corrupt|bad object|missing|unable to (create|unpack|read)|\.lock|not a git repo|loose object"
)
_ABANDONED: Final = 3600.0
FETCH_DEADLINE: Final = timedelta(minutes=15)
PROBE_DEADLINE: Final = timedelta(seconds=60)


@dataclass(frozen=True)
class Mirroring:
    """What all mirrors share."""

    folder: Path
    command: GitCommand
    trees: Trees
    login: Callable[[Address], Login | None]


class Mirror:
    """The mirror of one repository. Two processes may share it: a lock file lets one of them write at a time."""

    def __init__(self, shared: Mirroring, address: Address) -> None:
        self._shared, self.address = shared, address
        self.path = shared.folder / f"{_directory_name(address)}.git"
        self.objects = Objects(self.path, shared.command.environ(), shared.trees)
        self.refs: Refs | None = None
        """What the repository had when this process last asked; None before that."""
        self._stamp = ""
        self.absent: set[str] = set()
        """Commits that the repository did not give; forgotten when anything moves there."""
        self.flight: Flight[Refs] = Flight(self._update)

    async def probe(self) -> Refs:
        """Ask the repository for its branches and tags, without fetching anything."""
        arguments = ["ls-remote", "--symref", "--", self.address.url, "HEAD", "refs/heads/*", "refs/tags/*"]
        with offering(self._login(), self.address) as offer:
            text = await self._shared.command.output(
                arguments, cwd=self._shared.folder, offer=offer, deadline=PROBE_DEADLINE
            )
        return parse_remote(text)

    async def moved(self) -> bool:
        """Say whether any branch or tag moved since the last fetch; of a local repository without asking git."""
        local = self.address.local
        if self.refs is None or (local is not None and self._stamp and self._stamp == stamp(local)):
            return self.refs is None
        there = await self.probe()
        return (there.all(), there.head) != (self.refs.all(), self.refs.head)

    async def obtain(self, wanted: str) -> bool:
        """Fetch one more commit or ref (`refs/pull/7/head`), and say whether the repository gave it."""
        spec = f"+{wanted}:{wanted}" if wanted.startswith("refs/") else wanted
        async with held(self._lock):
            try:
                await self._fetch([spec])
            except UnavailableError as error:
                if error.code == "network":
                    raise
                return False
            except PlatError:
                return False
        return True

    async def local(self, *arguments: str) -> str:
        """Run a git command on the mirror that only reads it; what fails prints nothing."""
        ended = await self._shared.command.run([f"--git-dir={self.path}", *arguments], cwd=self._shared.folder)
        return ended.output.decode("utf-8", "surrogateescape") if ended.code == 0 else ""

    async def renew(self) -> None:
        """Make the mirror anew, because it turned out to be damaged."""
        async with held(self._lock):
            await self._recreate()
            await self._fetch([*_REFSPECS], prune=True)

    def close(self) -> None:
        """End the process that reads objects."""
        self.objects.close()

    @property
    def _lock(self) -> Path:
        return self.path.with_suffix(".lock")

    def _login(self) -> Login | None:
        given = self._shared.login(self.address)
        if given is None and self.address.password:
            return Login(username=self.address.user, password=self.address.password)
        return given

    async def _update(self) -> Refs:
        """Bring the mirror to what the repository has now. Nothing is fetched when nothing moved."""
        looked = stamp(self.address.local) if self.address.local is not None else ""
        there = await self.probe()
        async with held(self._lock):
            if self.objects.damaged or not (self.path / "HEAD").exists():
                await self._recreate()
            here = await self._local_refs()
            if here.all() != there.all():
                await self._fetch_or_renew()
                here = await self._local_refs()
        # what was pushed between the two questions shows in the branches, not in the older answer about HEAD
        head = here.heads.get(there.default, there.head)
        refs = Refs(here.heads, here.tags, there.default, head)
        if refs != self.refs:
            self.absent.clear()
        self.refs, self._stamp = refs, looked
        return refs

    async def _fetch_or_renew(self) -> None:
        try:
            await self._fetch([*_REFSPECS], prune=True)
        except UnavailableError as error:
            # the repository has just answered: what git complains about must be the mirror, unless the network broke
            if error.code != "git" and not _DAMAGED.search(str(error)):
                raise
            await self._recreate()
            await self._fetch([*_REFSPECS], prune=True)

    async def _fetch(self, refspecs: Sequence[str], *, prune: bool = False) -> None:
        options = [*_FETCH, *(["--prune"] if prune else [])]
        arguments = [f"--git-dir={self.path}", *options, "--", self.address.url, *refspecs]
        with offering(self._login(), self.address) as offer:
            ended = await self._shared.command.run(
                arguments, cwd=self._shared.folder, offer=offer, deadline=FETCH_DEADLINE
            )
        if ended.code:
            error = explained(ended.errors, what=f"git fetch {self.address.url}")
            damaged = not isinstance(error, UnavailableError) and _DAMAGED.search(ended.errors)
            raise UnavailableError(str(error), code="git") if damaged else error

    async def _local_refs(self) -> Refs:
        form = "--format=%(objectname) %(*objectname)%09%(refname)"
        return parse_local(await self.local("for-each-ref", form, "refs/heads", "refs/tags"))

    async def _recreate(self) -> None:
        """Put an empty mirror in the place of whatever is there, in one step."""
        self.objects.close()
        self.objects.damaged = False
        sweep(self._shared.folder)
        scratch = Path(tempfile.mkdtemp(prefix=".new-", dir=self._shared.folder))
        fresh, old = scratch / "fresh", scratch / "old"
        try:
            arguments = ["init", "--quiet", "--bare", "--template=", "--", str(fresh)]
            await self._shared.command.output(arguments, cwd=self._shared.folder)
            if self.path.exists():
                self.path.rename(old)
            fresh.rename(self.path)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove the half-made directories (`.new-*`) that killed processes left more than an hour ago."""
    for place in folder.glob(".new-*"):
        with suppress(FileNotFoundError):
            if time.time() - place.stat().st_mtime > _ABANDONED:
                shutil.rmtree(place, ignore_errors=True)


def _directory_name(address: Address) -> str:
    """A name that a person recognises, made unique."""
    digest = hashlib.sha256(address.key.encode()).hexdigest()[:16]
    readable = re.sub(r"[^A-Za-z0-9]+", "-", f"{address.host}-{address.path}").strip("-")[-60:]
    return f"{readable}-{digest}"
