"""The clusters in use: found by name or address, connected when first needed, each with one plane of watches.

An unreachable cluster makes only its own applications Unknown (spec/cluster §10).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from plat.api import Destination, Kind, Manifest, Ref, UserError, at, nearest
from plat.cluster.rendering.pipeline import ClusterFacts
from plat.kube import Client, Discovery, Watches

DEFINITIONS: Final = Kind(group="apiextensions.k8s.io", kind="CustomResourceDefinition")
SERVED_WITHIN: Final = 15.0
"""Seconds within which a server serves a kind whose definition is established, even with several API servers."""
IN_CLUSTER: Final = "in-cluster"
IN_CLUSTER_SERVER: Final = "https://kubernetes.default.svc"


@dataclass(frozen=True)
class ClusterSpec:
    """One cluster as declared, in plat.yaml or by a manifest."""

    name: str
    connect: Callable[[], Awaitable[Client]] = field(repr=False, compare=False)
    server: str = ""
    """Empty: known once it is connected."""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    project: str = ""
    in_cluster: bool = False
    declared: bool = True
    """False: nobody registered it, so a generator without a selector adds it last (spec/cluster §8.3)."""


class Member:
    """One cluster. `connect` must have returned before anything else is asked of it."""

    def __init__(self, spec: ClusterSpec, watch: Callable[[Client], Watches]) -> None:
        self.spec = spec
        self._watch = watch
        self._lock = asyncio.Lock()
        self._client: Client | None = None
        self._watches: Watches | None = None
        self._facts: ClusterFacts | None = None
        self._discovery: Discovery | None = None

    @property
    def name(self) -> str:
        """How people and ledger rows call it."""
        return self.spec.name

    @property
    def server(self) -> str:
        """Its address as manifests name it."""
        if self.spec.in_cluster:
            return IN_CLUSTER_SERVER
        return self.spec.server or (self._client.server if self._client else "")

    @property
    def project(self) -> str:
        """The project that it is reserved for."""
        return self.spec.project

    @property
    def labels(self) -> Mapping[str, str]:
        """Labels, as generators and selectors see them."""
        return self.spec.labels

    @property
    def annotations(self) -> Mapping[str, str]:
        """Annotations, as generators see them."""
        return self.spec.annotations

    @property
    def client(self) -> Client:
        """The client."""
        assert self._client is not None, f"{self.name} is not connected"  # noqa: S101  # the contract of the class
        return self._client

    @property
    def watches(self) -> Watches:
        """The watch plane."""
        assert self._watches is not None, f"{self.name} is not connected"  # noqa: S101  # as above
        return self._watches

    @property
    def connected(self) -> bool:
        """Whether it has answered."""
        return self._facts is not None

    async def connect(self) -> None:
        """Reach it. Raises UnavailableError while it is not there, UserError where credentials do not work."""
        async with self._lock:
            if self._facts is not None:
                return
            if self._client is None:
                self._client = await self.spec.connect()
                self._watches = self._watch(self._client)
            version, discovery = await asyncio.gather(self._client.version(), self._client.resources())
            self._set(version, discovery)

    def facts(self) -> ClusterFacts:
        """Return what renders may depend on."""
        assert self._facts is not None, f"{self.name} is not connected"  # noqa: S101  # as above
        return self._facts

    async def refresh(self) -> None:
        """Ask anew which kinds are served, after a custom resource definition has come or gone."""
        async with self._lock:
            discovery = await self.client.resources(newer_than=self._discovery)
            self._set(self.facts().kube_version, discovery)

    def serves(self, kind: Kind) -> bool:
        """Say whether a kind is served, as far as known."""
        return self._discovery is not None and self._discovery.find(kind.group, kind.kind) is not None

    async def served(self, kind: Kind) -> None:
        """Wait until a kind is served whose definition is established: the server begins with it a moment later.

        Returns at once for a kind that nobody defines, and after SERVED_WITHIN in any case: who uses it finds out.
        """
        wait, end = 0.05, time.monotonic() + SERVED_WITHIN
        while not self.serves(kind) and self._defined(kind) and time.monotonic() < end:
            await asyncio.sleep(wait)
            await self.refresh()
            wait = min(2 * wait, 1.0)

    def _defined(self, kind: Kind) -> bool:
        bodies = (live.body() for live in self.watches.of(DEFINITIONS))
        found = (b for b in bodies if (at(b, "spec.group"), at(b, "spec.names.kind")) == (kind.group, kind.kind))
        return any(_established(body) for body in found)

    async def get(self, ref: Ref) -> Manifest | None:
        """Return one object from the watch cache."""
        await self.watches.synced(Kind(group=ref.group, kind=ref.kind))
        live = self.watches.get(ref)
        return live.body() if live else None

    async def list(self, ref: Ref) -> Sequence[Manifest]:
        """Return the objects of a kind, in a namespace if one is given, with these labels."""
        kind = Kind(group=ref.group, kind=ref.kind)
        await self.watches.synced(kind)
        bodies = [live.body() for live in self.watches.of(kind, namespace=ref.namespace)]
        return [body for body in bodies if _labelled(body, ref.labels)]

    async def close(self) -> None:
        """End the watches and close the connections."""
        if self._watches is not None:
            await self._watches.aclose()
        if self._client is not None:
            await self._client.aclose()

    def _set(self, version: str, discovery: Discovery) -> None:
        self._discovery = discovery

        def namespaced(group: str, kind: str) -> bool | None:
            found = discovery.find(group, kind)
            return None if found is None else found.namespaced

        self._facts = ClusterFacts(version, discovery.api_versions(), namespaced)


def _established(definition: Manifest) -> bool:
    conditions = at(definition, "status.conditions", [])
    return any(c.get("type") == "Established" and c.get("status") == "True" for c in conditions)


class Fleet:
    """All clusters of a stack."""

    def __init__(self, specs: Iterable[ClusterSpec], watch: Callable[[Client], Watches]) -> None:
        self._watch = watch
        self._members: dict[str, Member] = {}
        for spec in specs:
            self.add(spec)

    def add(self, spec: ClusterSpec) -> None:
        """Add a cluster; one that is known by this name stays as it is."""
        self._members.setdefault(spec.name, Member(spec, self._watch))

    def members(self) -> tuple[Member, ...]:
        """Return all clusters, by name; one that nobody registered comes last."""
        return tuple(sorted(self._members.values(), key=lambda m: (not m.spec.declared, m.name)))

    def named(self, name: str) -> Member:
        """Return the cluster of this name, which is known to be there."""
        return self._members[name]

    def find(self, destination: Destination) -> Member:
        """Return the cluster of a destination.

        Raises UserError in the words of Argo CD's InvalidSpecError: both or neither of name and server, or unknown.
        """
        if bool(destination.server) == bool(destination.name):
            text = "application destination can't have both name and server defined"
            if not destination.server:
                text = "Destination server missing from app spec"
            raise UserError(text, where="spec.destination", remedy="give either server or name")
        if destination.name:
            return self._by_name(destination.name)
        return self._by_server(destination.server.rstrip("/"))

    async def close(self) -> None:
        """Close every cluster."""
        await asyncio.gather(*(member.close() for member in self._members.values()))

    def _by_name(self, name: str) -> Member:
        member = self._members.get(name)
        if member is None and name == IN_CLUSTER:
            member = next((m for m in self._members.values() if m.spec.in_cluster), None)
        if member is None:
            text = f"there are no clusters with this name: {name}"
            raise UserError(text, where="spec.destination.name", remedy=nearest(name, list(self._members)))
        return member

    def _by_server(self, server: str) -> Member:
        found = [m for m in self._members.values() if m.server.rstrip("/") == server]
        if not found:
            remedy = "register it under `clusters:` in plat.yaml"
            if server == IN_CLUSTER_SERVER:
                remedy = "mark the cluster that this address means with `inCluster: true` in plat.yaml"
            text = f"cluster {server} is not defined"
            raise UserError(text, where="spec.destination.server", remedy=remedy)
        return found[0]


def _labelled(manifest: Manifest, labels: Mapping[str, str]) -> bool:
    own = (manifest.get("metadata") or {}).get("labels") or {}
    return all(own.get(key) == value for key, value in labels.items())
