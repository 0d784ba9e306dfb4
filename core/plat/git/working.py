"""A clone to change: edit files, commit with trailers, push. A push never loses what somebody else has pushed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final, Self

from plat.api import RefusedError, UserError
from plat.git.addresses import Address
from plat.git.commits import Commit, parse_commit, with_trailers
from plat.git.locks import held
from plat.git.login import offering
from plat.git.lookup import LeavesTreeError
from plat.git.pushing import Verdict, judge
from plat.git.repositories import Repositories
from plat.git.trouble import explained

_BRANCH: Final = re.compile(r"(?!-)(?!.*(\.\.|//|@\{|\.lock(/|$)))[^\x00-\x20\x7f~^:?*\[\\]+(?<![./])")
_PERSON: Final = re.compile(r"(?P<name>[^<>\n\x00]*[^<>\s]) <(?P<mail>[^<>\n\x00]*)>")
_FIRST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 30.0


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who commits. `author` of a commit may be somebody else."""

    name: str = "plat"
    mail: str = "plat@localhost"

    def __str__(self) -> str:
        """Return `Name <address>`."""
        return f"{self.name} <{self.mail}>"


@dataclass(frozen=True)
class Workplace:
    """What a working copy needs to know of its repository."""

    repositories: Repositories = field(repr=False)
    url: str
    address: Address
    path: Path
    identity: Identity = field(default_factory=Identity)


class WorkingCopy:
    """One clone with one branch checked out. Its files are read and written below `path`."""

    def __init__(self, place: Workplace, branch: str, seen: str) -> None:
        self._place, self._branch = place, branch
        self._seen: dict[str, str] = {branch: seen}

    @classmethod
    async def clone(
        cls,
        repositories: Repositories,
        url: str,
        path: Path,
        *,
        branch: str = "",
        create: bool = False,
        identity: Identity = Identity(),  # frozen
    ) -> Self:
        """Clone into a new folder, on `branch` (default: the default branch).

        `create`: a branch that does not exist begins with no files and no history. Raises UserError for an unknown
        branch or a folder that holds something.
        """
        fetched = await repositories.fetch(url, refresh=True)
        name = checked_branch(branch or fetched.default or "main")
        seen = fetched.heads.get(name, "")
        if not seen and not create and (fetched.heads or branch):
            await repositories.resolve(url, f"refs/heads/{name}")
        _check_empty(path)
        mirror = repositories.mirror(url)
        copy = cls(Workplace(repositories, url, mirror.address, path, identity), name, seen)
        await copy._make(mirror.path)
        return copy

    @property
    def url(self) -> str:
        """The address as it was asked for."""
        return self._place.url

    @property
    def path(self) -> Path:
        """The folder of the files."""
        return self._place.path

    @property
    def branch(self) -> str:
        """The branch that is checked out."""
        return self._branch

    def at(self, relative: str) -> Path:
        """Return the place of a file in this copy. Raises LeavesTreeError where a symlink or `..` leads out of it."""
        place = Path(os.path.realpath(self.path / relative))
        top = Path(os.path.realpath(self.path))
        if not place.is_relative_to(top) or place.is_relative_to(top / ".git"):
            raise LeavesTreeError("leads out of the working copy", where=relative, remedy="keep it inside")
        return place

    def write(self, relative: str, content: bytes) -> None:
        """Write a file, and the directories above it."""
        place = self.at(relative)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)

    async def head(self) -> Commit | None:
        """Return the commit that is checked out; None on a branch without any."""
        ended = await self._run("rev-parse", "--verify", "--quiet", "HEAD")
        return await self._commit_of(ended.strip()) if ended.strip() else None

    async def commit(
        self, message: str, *, author: str = "", trailers: Mapping[str, str] | None = None, empty: bool = False
    ) -> Commit | None:
        """Commit everything that changed; None if nothing did (unless `empty`).

        `author` is `Name <address>`; trailers go into the last paragraph of the message. Raises UserError for an
        author or trailer that cannot be written.
        """
        text = with_trailers(message, trailers or {})
        who = _PERSON.fullmatch(author or str(self._place.identity))
        if who is None:
            raise UserError(f"{author!r} is not an author", remedy="write it as: Name <mail@example.com>")
        await self._output("add", "--all", "--", ".")
        if not empty and not (await self._run("status", "--porcelain", "--untracked-files=no")).strip():
            return None
        arguments = ["commit", "--quiet", "--no-verify", "--cleanup=verbatim", "--no-gpg-sign", "--allow-empty"]
        arguments += [f"--author={who[0]}", "--file=-"]
        await self._output(*arguments, stdin=text.encode())
        return await self.head()

    async def push(self, branch: str = "", *, force: bool = False, attempts: int = 10) -> Commit:
        """Push to `branch` (default: the one checked out) and return the commit that it now has.

        What others pushed in between is integrated: our commits are rebased on theirs, and after a lost race again,
        `attempts` times. `force` replaces what this copy last saw there, and nothing newer. One push a branch at a
        time, whatever the process. Raises RefusedError with code `conflict` (does not merge), `protected` or
        `rejected` (the server does not want it), `diverged` (somebody was faster every time, or a forced push would
        lose commits that this copy never saw).
        """
        name = checked_branch(branch or self._branch)
        await self._known_head()
        async with held(self._lock(name)):
            for attempt in range(attempts):
                verdict = await self._push_once(f"HEAD:refs/heads/{name}", name if force else "")
                if verdict.done:
                    return await self._pushed(name)
                if verdict.refused or force:
                    raise RefusedError(f"{self.url}, branch {name}: {verdict.text}", code=verdict.code or "diverged")
                if attempt:
                    wait = min(_FIRST_WAIT * 1.5 ** (attempt - 1), _LONGEST_WAIT)
                    await asyncio.sleep(wait * random.uniform(0.5, 1.5))  # noqa: S311  # only spreads the load
                await self._integrate(name)
        raise RefusedError(f"{self.url}, branch {name}: somebody was faster {attempts} times", code="diverged")

    async def push_tag(self, tag: str) -> Commit:
        """Push the commit that is checked out as a tag. Raises RefusedError (code `exists`) if the tag is another."""
        name = checked_branch(tag)
        commit = await self._known_head()
        verdict = await self._push_once(f"HEAD:refs/tags/{name}", "")
        if not verdict.done:
            code = verdict.code or "exists"
            raise RefusedError(f"{self.url}, tag {name}: {verdict.text}", code=code)
        return commit

    async def _make(self, mirror: Path) -> None:
        """Clone from the mirror by hard links, then point to the repository itself."""
        self.path.mkdir(parents=True, exist_ok=True)
        async with held(mirror.with_suffix(".lock")):
            await self._output("clone", "--quiet", "--no-checkout", "--local", "--template=", "--", str(mirror), ".")
        await self._output("config", "--replace-all", "remote.origin.url", self._place.address.url)
        if self._seen[self._branch]:
            await self._output("checkout", "--quiet", "-B", self._branch, self._seen[self._branch], "--")
        else:
            await self._output("symbolic-ref", "HEAD", f"refs/heads/{self._branch}")
            await self._run("rm", "--cached", "-r", "--quiet", "--force", "--", ".")

    async def _push_once(self, spec: str, leased: str) -> Verdict:
        lease = [f"--force-with-lease=refs/heads/{leased}:{self._seen.get(leased, '')}"] if leased else []
        url = self._place.address.url
        arguments = ["push", "--porcelain", "--no-verify", *lease, "--", url, spec]
        with offering(self._place.repositories.login(self._place.address), self._place.address) as offer:
            ended = await self._place.repositories.command.run(
                arguments, cwd=self.path, offer=offer, deadline=timedelta(minutes=5)
            )
        verdict = judge(ended.output.decode("utf-8", "replace"), ended.errors)
        if ended.code and verdict.done:
            raise explained(ended.errors, what=f"git push {url}")
        return verdict

    async def _integrate(self, branch: str) -> None:
        """Put our commits on top of what is there now."""
        upstream = f"refs/remotes/origin/{branch}"
        url, login = self._place.address.url, self._place.repositories.login(self._place.address)
        spec = f"+refs/heads/{branch}:{upstream}"
        with offering(login, self._place.address) as offer:
            await self._place.repositories.command.output(
                ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", url, spec],
                cwd=self.path,
                offer=offer,
                deadline=timedelta(minutes=5),
            )
        self._seen[branch] = (await self._output("rev-parse", "--verify", upstream)).strip()
        ended = await self._place.repositories.command.run(
            [*self._who(), "rebase", "--quiet", "--empty=drop", upstream], cwd=self.path
        )
        if ended.code:
            conflicts = (await self._run("diff", "--name-only", "--diff-filter=U")).split()
            await self._run("rebase", "--abort")
            what = f"conflicts in {', '.join(conflicts)}" if conflicts else ended.errors.strip()
            raise RefusedError(f"{self.url}, branch {branch}: {what}", code="conflict")

    async def _pushed(self, branch: str) -> Commit:
        commit = await self._known_head()
        self._seen[branch] = commit.id
        return commit

    async def _known_head(self) -> Commit:
        commit = await self.head()
        if commit is None:
            raise UserError(f"there is nothing to push to {self.url}", remedy="commit something first")
        return commit

    async def _commit_of(self, oid: str) -> Commit:
        return parse_commit(oid, (await self._output("cat-file", "commit", oid)).encode("utf-8", "surrogateescape"))

    def _lock(self, branch: str) -> Path:
        name = hashlib.sha256(f"{self._place.address.key}\n{branch}".encode()).hexdigest()[:24]
        return self._place.repositories.locks / f"push-{name}.lock"

    def _who(self) -> tuple[str, ...]:
        identity = self._place.identity
        return ("-c", f"user.name={identity.name}", "-c", f"user.email={identity.mail}", "-c", "commit.gpgSign=false")

    async def _run(self, *arguments: str) -> str:
        ended = await self._place.repositories.command.run(arguments, cwd=self.path)
        return ended.output.decode("utf-8", "surrogateescape")

    async def _output(self, *arguments: str, stdin: bytes = b"") -> str:
        ended = await self._place.repositories.command.run([*self._who(), *arguments], cwd=self.path, stdin=stdin)
        if ended.code:
            raise explained(ended.errors, what=f"git {arguments[0]} in {self.path}")
        return ended.output.decode("utf-8", "surrogateescape")


def _check_empty(path: Path) -> None:
    if path.exists() and any(path.iterdir()):
        raise UserError(f"{path} is not empty", remedy="clone into a new folder")


def checked_branch(name: str) -> str:
    """Return the name of a branch or tag. Raises UserError for what git would not take, or take for an option."""
    if not _BRANCH.fullmatch(name) or name.startswith("/") or "/." in f"/{name}" or name in ("HEAD", "@"):
        raise UserError(f"{name!r} is not a name for a branch or tag", remedy="as main or release/1.2")
    return name
