"""A room of a store for each seed: a namespace that looks like a whole store, so that all seeds share one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from plat.api import JSON
from plat.store import Listing, ObjectStore, Stored


@dataclass(frozen=True)
class Room:
    """One namespace of a store, seen as if it had none."""

    whole: ObjectStore
    namespace: str

    def _in(self, obj: Stored) -> Stored:
        return replace(obj, namespace=self.namespace)

    def _out(self, obj: Stored) -> Stored:
        return replace(obj, namespace="")

    async def get(self, kind: str, name: str, namespace: str = "") -> Stored | None:
        obj = await self.whole.get(kind, name, self.namespace)
        return obj and self._out(obj)

    async def list(
        self, kind: str, *, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> Listing:
        found = await self.whole.list(kind, namespace=self.namespace, labels=labels)
        return Listing(tuple(map(self._out, found)), found.version)

    async def create(
        self, kind: str, name: str, namespace: str = "", *, spec: JSON, labels: Mapping[str, str] | None = None
    ) -> Stored:
        return self._out(await self.whole.create(kind, name, self.namespace, spec=spec, labels=labels))

    async def update(self, obj: Stored, *, expected: str = "") -> Stored:
        return self._out(await self.whole.update(self._in(obj), expected=expected))

    async def update_status(self, obj: Stored, patch: JSON, *, expected: str = "") -> Stored:
        return self._out(await self.whole.update_status(self._in(obj), patch, expected=expected))

    async def delete(self, kind: str, name: str, namespace: str = "", *, expected: str = "") -> bool:
        return await self.whole.delete(kind, name, self.namespace, expected=expected)

    def watch(self, kind: str, since: str = "") -> Any:
        raise NotImplementedError

    async def aclose(self) -> None:
        """Leave the store to the next seed."""
