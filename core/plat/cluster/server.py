"""What comparisons ask of one cluster, made from its client and the Go libraries."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from plat.api import JSON, Manifest, UserError
from plat.cluster.fleet import Member
from plat.gobridge import Bridge, fields, jq


class ClusterServer:
    """One cluster: projections by its own schema, dry runs by its API."""

    def __init__(self, member: Member, bridge: Bridge) -> None:
        self._member, self._bridge = member, bridge
        self._loaded: set[str] = set()
        self._lock = asyncio.Lock()

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self._member.name

    async def project(self, pairs: Sequence[tuple[Manifest, Manifest]], manager: str) -> Sequence[fields.Projection]:
        """Cut live objects down to the fields of the desired ones."""
        await self._load({str(desired.get("apiVersion", "")) for desired, _ in pairs})
        return await fields.project(self._bridge, self.name, pairs, manager=manager)

    async def dry_run(self, manifest: Manifest, manager: str) -> Manifest:
        """Return what a server-side apply would make of it."""
        return await self._member.client.apply(manifest, manager=manager, dry_run=True)

    async def jq_delete(self, expressions: Sequence[str], manifest: Manifest) -> Manifest:
        """Remove what jq expressions name; one that fails is skipped (spec/cluster §3.3)."""
        for expression in expressions:
            (answer,) = await jq.apply(self._bridge, [(f"del({expression})", manifest)])
            if not isinstance(answer, UserError) and isinstance(answer, dict):
                manifest = answer
        return manifest

    async def jq_paths(self, expression: str, manifest: Manifest) -> JSON:
        """Return the paths that a jq expression names; None if it fails (spec/cluster §3.3)."""
        (answer,) = await jq.apply(self._bridge, [(f"[path({expression})]", manifest)])
        return None if isinstance(answer, UserError) else answer

    async def _load(self, versions: set[str]) -> None:
        missing = versions - self._loaded
        if not missing:
            return
        async with self._lock:
            missing -= self._loaded
            if missing:
                documents = await self._member.client.openapi(sorted(missing))
                await fields.load(self._bridge, self.name, documents)
                self._loaded |= missing
