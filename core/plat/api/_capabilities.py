"""What a context may hand to a plug-in. Protocols only: the core implements them, `plat.testing` fakes them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from plat.api._values import JSON, Manifest, Ref


class Log(Protocol):
    """Structured and masked."""

    def debug(self, text: str, /, **facts: JSON) -> None: ...
    def info(self, text: str, /, **facts: JSON) -> None: ...
    def warning(self, text: str, /, **facts: JSON) -> None: ...


class Clock(Protocol):
    """The engine's clock: virtual in tests, faster with --time-scale."""

    def now(self) -> datetime: ...


class Reply(Protocol):
    """An HTTP reply."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def text(self) -> str: ...
    def json(self) -> JSON: ...


class Http(Protocol):
    """Pooled, limited by host and size, traced. A status that is neither 2xx nor in `ok` raises the right error."""

    async def get(
        self,
        url: str,
        *,
        params: Mapping[str, JSON] | None = None,
        headers: Mapping[str, str] | None = None,
        ok: Collection[int] = (),
        deadline: timedelta | None = None,
    ) -> Reply: ...


class Cluster(Protocol):
    """One cluster, served from the shared watch cache: what is read here wakes the reader when it changes."""

    @property
    def name(self) -> str: ...
    @property
    def server(self) -> str: ...
    @property
    def project(self) -> str: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def annotations(self) -> Mapping[str, str]: ...
    async def get(self, ref: Ref) -> Manifest | None: ...
    async def list(self, ref: Ref) -> Sequence[Manifest]: ...


class Tree(Protocol):
    """The files of one commit without a checkout, jailed. What is read becomes part of the cache key."""

    @property
    def commit(self) -> str: ...
    def read(self, path: str) -> bytes: ...
    def files(self, *globs: str) -> Sequence[str]: ...
    def directories(self, *globs: str) -> Sequence[str]: ...
    def overlay(self, files: Mapping[str, bytes]) -> Tree: ...
    async def export(self) -> Path: ...


class Git(Protocol):
    """Shared mirrors; credentials by address; what is read wakes the reader when it moves."""

    async def tree(self, url: str, revision: str = "HEAD") -> Tree: ...
    async def refs(self, url: str, *globs: str) -> Mapping[str, str]: ...


@dataclass(frozen=True, kw_only=True)
class Exit:
    """How a process ended."""

    code: int
    stdout: str
    stderr: str


class Exec(Protocol):
    """Run a program that the operator allows: no shell, clean environment, jailed, limited, masked.

    A code not in `ok` raises. On cancel: one SIGINT, the grace, then SIGKILL to the whole group.
    """

    async def __call__(
        self,
        *argv: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        ok: Collection[int] = (0,),
        on_line: Callable[[str], None] | None = None,
    ) -> Exit: ...


class Render(Protocol):
    """The Go libraries that render, and the one YAML reader (YAML as Kubernetes reads it)."""

    async def kustomize(self, tree: Tree, path: str, **overrides: JSON) -> Sequence[Manifest]: ...
    async def helm(self, tree: Tree, path: str, **options: JSON) -> Sequence[Manifest]: ...
    async def jsonnet(self, tree: Tree, path: str, **options: JSON) -> JSON: ...
    async def yaml(self, text: bytes, *, where: str = "") -> Sequence[Manifest]: ...


class Eval(Protocol):
    """The Go libraries that evaluate."""

    async def jq(self, text: str, value: JSON) -> JSON: ...
    async def template(self, text: str, values: JSON, *, options: Sequence[str] = ()) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Event:
    """One row of the ledger, masked."""

    id: str
    """Unique and rising; the same when it is told again after a crash."""
    at: datetime
    """When it happened."""
    type: str
    """What happened, as a stable word; new ones may be added."""
    subject: str
    """What it happened to."""
    by: str
    """Who did it: a person, a controller, plat itself."""
    because: str
    """Why, in a few words."""
    facts: Mapping[str, JSON]
    """What belongs to this type; new ones may be added."""
