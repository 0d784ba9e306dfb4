"""Live objects of one cluster in memory: bytes, a few facts extracted once, indexes. It talks to nobody.

An object's body is parsed only when asked for. Versions never go backwards, whoever delivers them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from sys import intern
from typing import Any, TypeAlias

import orjson

from plat.api import JSON, Kind, Manifest, Ref, at, group_of


@dataclass(frozen=True, slots=True)
class Facts:
    """What the owner of the cache wants to know of every object without parsing it again."""

    owner: str = ""
    """Whose it is; the index of `owned`."""
    tracking: str = ""
    """The value of the tracking annotation or label, as found."""
    values: Mapping[str, JSON] | None = None
    """Anything else, small."""


Extract: TypeAlias = Callable[[Manifest], Facts]
"""Pure, and never raises: it sees whatever people have put into a cluster."""


@dataclass(frozen=True, slots=True)
class Live:
    """One object as the cluster has it."""

    ref: Ref
    uid: str
    version: str
    """resourceVersion."""
    generation: int
    deleting: bool
    """A deletion has been asked for; finalizers keep the object."""
    parents: tuple[str, ...]
    """The uids of its owner references, the controller's first."""
    facts: Facts = field(repr=False)
    raw: bytes = field(repr=False)
    """The whole object as JSON."""

    @property
    def parent(self) -> str:
        """The uid of the object that it belongs to; empty for a root."""
        return self.parents[0] if self.parents else ""

    @property
    def owner(self) -> str:
        """Whose it is, by the facts."""
        return self.facts.owner

    @property
    def tracking(self) -> str:
        """The value of the tracking annotation or label."""
        return self.facts.tracking

    def body(self) -> dict[str, Any]:
        """Parse the object; a new value every time."""
        parsed: dict[str, Any] = orjson.loads(self.raw)
        return parsed


@dataclass(frozen=True, slots=True)
class Change:
    """One object that came, changed or went; never both sides None."""

    ref: Ref
    before: Live | None
    after: Live | None


def live_of(manifest: Manifest, *, extract: Extract, raw: bytes = b"") -> Live:
    """Return the record of an object; `raw` are its bytes if there are any already."""
    metadata = manifest.get("metadata") or {}
    references = metadata.get("ownerReferences") or ()
    return Live(
        ref=Ref(
            group=intern(group_of(manifest)),
            kind=intern(str(manifest.get("kind") or "")),
            namespace=intern(metadata.get("namespace") or ""),
            name=metadata.get("name") or "",
        ),
        uid=metadata.get("uid") or "",
        version=metadata.get("resourceVersion") or "",
        generation=metadata.get("generation") or 0,
        deleting="deletionTimestamp" in metadata,
        parents=tuple(r.get("uid") or "" for r in sorted(references, key=lambda r: not r.get("controller"))),
        facts=extract(manifest),
        raw=raw or orjson.dumps(manifest, default=dict),
    )


def kind_of(ref: Ref) -> Kind:
    """Return the group and kind of an address, usable as a key."""
    return Kind(group=ref.group, kind=ref.kind)


class Cache:
    """The live objects of one cluster, indexed by address, owner, own uid and the uid of their parents."""

    def __init__(self) -> None:
        self._kinds: dict[Kind, dict[Ref, Live]] = {}
        self._owned: dict[str, dict[Ref, Live]] = {}
        self._children: dict[str, dict[Ref, Live]] = {}
        self._uids: dict[str, Live] = {}
        self._seen: dict[Kind, str] = {}

    def __len__(self) -> int:
        return sum(len(objects) for objects in self._kinds.values())

    def get(self, ref: Ref) -> Live | None:
        """Return one object."""
        return self._kinds.get(kind_of(ref), {}).get(ref)

    def by_uid(self, uid: str) -> Live | None:
        """Return the object that has this uid."""
        return self._uids.get(uid)

    def of(self, kind: Kind, *, namespace: str = "") -> list[Live]:
        """Return all objects of a kind, of one namespace if given."""
        objects = self._kinds.get(Kind(group=kind.group, kind=kind.kind), {}).values()
        return [live for live in objects if not namespace or live.ref.namespace == namespace]

    def owned(self, owner: str) -> list[Live]:
        """Return all objects whose facts name this owner."""
        return list(self._owned.get(owner, {}).values())

    def owners(self) -> tuple[str, ...]:
        """Return every owner that has objects."""
        return tuple(self._owned)

    def children(self, uid: str) -> list[Live]:
        """Return the objects that have an owner reference to this uid."""
        return list(self._children.get(uid, {}).values())

    def put(self, live: Live) -> Change | None:
        """Take in an object that the watch delivered; None if this version or a newer one is known already."""
        self._see(live.ref, live.version)
        return self._put(live)

    def learn(self, live: Live) -> Change | None:
        """Take in an object that a write returned, ahead of the watch; None if the watch is past it already."""
        known = self.get(live.ref)
        if known is None and not _newer(live.version, self._seen.get(kind_of(live.ref), "")):
            return None  # the watch has seen a later version than this write, so the object has ended since
        return self._put(live)

    def drop(self, ref: Ref, *, version: str = "") -> Change | None:
        """Take out an object that ended at `version`; None if it is not there, or a newer one is."""
        self._see(ref, version)
        before = self.get(ref)
        if before is None or (version and _newer(before.version, version)):
            return None
        self._unlink(before)
        return Change(ref, before, None)

    def replace(self, kind: Kind, objects: Iterable[Live], *, version: str, namespace: str = "") -> Iterator[Change]:
        """Make a kind (of one namespace) what a list at `version` says; give what differs."""
        fresh = {live.ref: live for live in objects}
        for live in self.of(kind, namespace=namespace):
            if live.ref not in fresh and not _newer(live.version, version):
                self._unlink(live)
                yield Change(live.ref, live, None)
        for live in fresh.values():
            change = self._put(live)
            if change:
                yield change
        self._seen[Kind(group=kind.group, kind=kind.kind)] = version

    def forget(self, kind: Kind) -> Iterator[Change]:
        """Take out all objects of a kind that is not served any more."""
        for live in self.of(kind):
            self._unlink(live)
            yield Change(live.ref, live, None)

    def _put(self, live: Live) -> Change | None:
        before = self.get(live.ref)
        if before is not None:
            if not _newer(live.version, before.version):
                return None
            self._unlink(before)
        self._link(live)
        return Change(live.ref, before, live)

    def _see(self, ref: Ref, version: str) -> None:
        kind = kind_of(ref)
        if _newer(version, self._seen.get(kind, "")):
            self._seen[kind] = version

    def _link(self, live: Live) -> None:
        self._kinds.setdefault(kind_of(live.ref), {})[live.ref] = live
        self._uids[live.uid] = live
        if live.owner:
            self._owned.setdefault(live.owner, {})[live.ref] = live
        for uid in live.parents:
            self._children.setdefault(uid, {})[live.ref] = live

    def _unlink(self, live: Live) -> None:
        self._kinds[kind_of(live.ref)].pop(live.ref, None)
        if self._uids.get(live.uid) is live:
            del self._uids[live.uid]
        _discard(self._owned, live.owner, live.ref)
        for uid in live.parents:
            _discard(self._children, uid, live.ref)


def tracking_by(annotation: str, *, owner: Callable[[str], str] = str) -> Extract:
    """Return an `Extract` that reads one annotation, and its owner out of its value."""

    def extract(manifest: Manifest) -> Facts:
        annotations = at(manifest, "metadata.annotations") or {}
        value = str(annotations.get(annotation) or "")
        return Facts(owner=owner(value) if value else "", tracking=value)

    return extract


def _discard(index: dict[str, dict[Ref, Live]], key: str, ref: Ref) -> None:
    refs = index.get(key)
    if refs is not None:
        refs.pop(ref, None)
        if not refs:
            del index[key]


def _newer(version: str, than: str) -> bool:
    """Compare resource versions: integers, by Kubernetes' own definition since 1.35; anything else counts as newer."""
    if version.isdecimal() and than.isdecimal():
        return int(version) > int(than)
    return version != than
