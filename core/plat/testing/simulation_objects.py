"""An object server in memory: `ObjectStore` with its conflicts and watches, and nothing that waits."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace

from plat.api import JSON, RefusedError
from plat.store import Added, Deleted, Event, ExpiredError, Listing, Modified, Stored, merge, same
from plat.store.objects import check_body, check_patch, check_place

Place = tuple[str, str, str]


class MemoryObjects:
    """Objects that last as long as this one. Versions are numbers of changes of the whole, as etcd's revisions are."""

    def __init__(self) -> None:
        self._objects: dict[Place, Stored] = {}
        self._log: list[tuple[int, Event]] = []
        self._version = 0
        self._moved = asyncio.Event()

    async def get(self, kind: str, name: str, namespace: str = "") -> Stored | None:
        """Return one object, or None."""
        check_place(kind, name, namespace)
        return self._objects.get((kind, namespace, name))

    async def list(
        self, kind: str, *, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> Listing:
        """Return the objects of a kind, and the version of the whole."""
        check_body({}, labels or {})
        found = [
            obj
            for (of, at, _), obj in self._objects.items()
            if of == kind and namespace in (None, at) and (labels or {}).items() <= obj.labels.items()
        ]
        return Listing(tuple(sorted(found, key=lambda obj: (obj.namespace, obj.name))), str(self._version))

    async def create(
        self, kind: str, name: str, namespace: str = "", *, spec: JSON, labels: Mapping[str, str] | None = None
    ) -> Stored:
        """Add an object. Refuses `exists`."""
        check_place(kind, name, namespace)
        check_body(spec, labels or {})
        if (kind, namespace, name) in self._objects:
            raise RefusedError(f"{kind} {name} exists already", code="exists")
        uid = f"uid-{self._version + 1}"
        made = Stored(kind=kind, namespace=namespace, name=name, uid=uid, generation=1, labels=dict(labels or {}))
        return self._keep(replace(made, spec=copy.deepcopy(dict(spec))), Added)

    async def update(self, obj: Stored, *, expected: str = "") -> Stored:
        """Write `spec` and `labels` under the version. Refuses `conflict` and `absent`."""
        check_body(obj.spec, obj.labels)
        current = self._current(obj, expected)
        moved = not same(current.spec, obj.spec)
        if not moved and dict(current.labels) == dict(obj.labels):
            return current
        spec = copy.deepcopy(dict(obj.spec))
        generation = current.generation + moved
        return self._keep(replace(current, spec=spec, labels=dict(obj.labels), generation=generation), Modified)

    async def update_status(self, obj: Stored, patch: JSON, *, expected: str = "") -> Stored:
        """Apply a merge patch to the status under the version. Refuses `conflict` and `absent`."""
        check_patch(patch)
        if same(merge(obj.status, patch), obj.status):
            return obj
        current = self._current(obj, expected)
        return self._keep(replace(current, status=merge(current.status, copy.deepcopy(patch))), Modified)

    async def delete(self, kind: str, name: str, namespace: str = "", *, expected: str = "") -> bool:
        """Remove an object; False where there is none. Refuses `conflict`."""
        check_place(kind, name, namespace)
        current = self._objects.get((kind, namespace, name))
        if current is None:
            return False
        if expected and current.version != expected:
            raise RefusedError(f"{current} has changed", code="conflict")
        self._keep(current, Deleted)
        del self._objects[kind, namespace, name]
        return True

    async def watch(self, kind: str, since: str = "") -> AsyncGenerator[Event, None]:
        """Tell every change of a kind after a version, for ever. Raises ExpiredError."""
        cursor = self._cursor(since)
        if not since:
            cursor = self._version
            for obj in await self.list(kind):
                yield Added(obj)
        while True:
            for version, event in [entry for entry in self._log if entry[0] > cursor]:
                cursor = version
                if event.object.kind == kind:
                    yield event
            if cursor >= self._version or not self._log:
                await self._moved.wait()

    async def aclose(self) -> None:
        """Do nothing."""

    def _cursor(self, since: str) -> int:
        if since and not (since.isdecimal() and int(since) <= self._version):
            raise ExpiredError(f"{since!r} is not a version of this store")
        return int(since or 0)

    def _current(self, obj: Stored, expected: str) -> Stored:
        current = self._objects.get((obj.kind, obj.namespace, obj.name))
        if current is None:
            raise RefusedError(f"{obj} is gone", code="absent")
        if current.version != (expected or obj.version):
            raise RefusedError(f"{obj} has changed", code="conflict")
        return current

    def _keep(self, obj: Stored, event: type[Added | Modified | Deleted]) -> Stored:
        self._version += 1
        kept = replace(obj, version=str(self._version))
        self._objects[kept.kind, kept.namespace, kept.name] = kept
        self._log.append((self._version, event(kept)))
        self._moved.set()
        self._moved = asyncio.Event()
        return kept
