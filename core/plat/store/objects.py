"""What a store of objects is: the semantics of the Kubernetes API, as small as that. No implementation.

One contract suite (tests/unit/store/contract.py) says it precisely and runs against every implementation.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from plat.api import JSON, RefusedError, UserError


@dataclass(frozen=True, kw_only=True)
class Stored:
    """One object as it is at one version. `spec` is what is wanted, `status` what has been seen; both are JSON objects.

    `version` is opaque: it is compared for being equal, and handed back as a precondition or to resume a watch.
    `generation` counts changes of `spec`.
    """

    kind: str
    namespace: str = ""
    name: str
    uid: str = ""
    version: str = ""
    generation: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    spec: JSON = field(default_factory=dict)
    status: JSON = field(default_factory=dict)

    def __str__(self) -> str:
        """Return `Freight shop/f1`, as every line that plat prints names an object."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Listing:
    """Objects in order of namespace and name, and the version of the whole, for `watch(since=)`."""

    items: tuple[Stored, ...]
    version: str

    def __iter__(self) -> Iterator[Stored]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True)
class Added:
    """An object that was not there before."""

    object: Stored


@dataclass(frozen=True)
class Modified:
    """An object as it is after one or several changes."""

    object: Stored


@dataclass(frozen=True)
class Deleted:
    """The last state of an object that is gone; its version is that of the deletion."""

    object: Stored


Event: TypeAlias = Added | Modified | Deleted


class ExpiredError(RefusedError):
    """A watch cannot go on from that version: it is too old, or of another store. List again."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="expired")


class ObjectStore(Protocol):
    """Objects by kind, namespace and name. Safe to use from many tasks, and by several processes at once.

    A refusal is RefusedError with the code `exists`, `conflict` (the version has moved) or `absent`.
    UserError: a name that cannot be one, a full disk, missing rights. UnavailableError: not now.
    """

    async def get(self, kind: str, name: str, namespace: str = "") -> Stored | None:
        """Return one object, or None."""
        ...

    async def list(
        self, kind: str, *, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> Listing:
        """Return the objects of a kind, of all namespaces or one, that have all the given labels."""
        ...

    async def create(
        self, kind: str, name: str, namespace: str = "", *, spec: JSON, labels: Mapping[str, str] | None = None
    ) -> Stored:
        """Add an object, its status empty. Refuses `exists`."""
        ...

    async def update(self, obj: Stored, *, expected: str = "") -> Stored:
        """Write `spec` and `labels` where the object still has version `expected` (default: that of `obj`).

        Writes nothing where nothing changes. Refuses `conflict` and `absent`.
        """
        ...

    async def update_status(self, obj: Stored, patch: JSON, *, expected: str = "") -> Stored:
        """Apply a merge patch (RFC 7386) to the status, under the version, as `update` does.

        Asks nobody and returns `obj` where the patch changes nothing of the status that `obj` has.
        """
        ...

    async def delete(self, kind: str, name: str, namespace: str = "", *, expected: str = "") -> bool:
        """Remove an object; False where there is none. Refuses `conflict` if it has not the version `expected`."""
        ...

    def watch(self, kind: str, since: str = "") -> AsyncGenerator[Event, None]:
        """Tell every change of a kind after version `since`, for ever; without it, first tell what is there as Added.

        Changes of one object may be told as one. An object's own version resumes. Raises ExpiredError.
        """
        ...

    async def aclose(self) -> None:
        """End everything that the store has started."""
        ...


_KIND: Final = re.compile(r"[A-Z][A-Za-z0-9]{0,62}")
_NAME: Final = re.compile(r"[^\x00-\x1f\x7f]{1,1024}")
NAMESPACE_LABEL: Final = "plat.dev/namespace"
RESERVED: Final = frozenset({NAMESPACE_LABEL, "app.kubernetes.io/managed-by"})
"""Keys of labels that a store in a cluster uses itself."""
LABEL_VALUE: Final = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
_LABEL_KEY: Final = re.compile(r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


def check_place(kind: str, name: str, namespace: str = "") -> None:
    """Raise UserError unless kind, name and namespace can be those of an object."""
    if not _KIND.fullmatch(kind):
        raise UserError(f"{kind!r} is not a kind", remedy="a kind is one word of letters and digits, like Freight")
    if not _NAME.fullmatch(name):
        raise UserError(f"{name[:80]!r} is not a name of a {kind}", remedy="a name has 1 to 1024 printable characters")
    if namespace and not _NAME.fullmatch(namespace):
        raise UserError(f"{namespace[:80]!r} is not a namespace", remedy="a namespace has at most 1024 characters")


def check_body(spec: JSON, labels: Mapping[str, str]) -> None:
    """Raise UserError unless a specification is an object and labels have the syntax of Kubernetes."""
    if not isinstance(spec, Mapping):
        raise UserError(f"a specification is an object, not a {type(spec).__name__}")
    for key, value in labels.items():
        if key in RESERVED:
            raise UserError(f"the label {key} is one that plat sets itself", remedy="use another key")
        if not _LABEL_KEY.fullmatch(key):
            raise UserError(f"{key!r} is not the key of a label", remedy="write it as Kubernetes does")
        if not LABEL_VALUE.fullmatch(value):
            raise UserError(f"{value!r} is not the value of a label", where=key, remedy="write it as Kubernetes does")


def check_patch(patch: JSON) -> None:
    """Raise UserError unless a patch of a status is an object: a status is never anything else."""
    if not isinstance(patch, Mapping):
        raise UserError(f"a patch of a status is an object, not a {type(patch).__name__}")
