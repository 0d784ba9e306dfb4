"""Which kinds a cluster serves, and where: aggregated discovery (Kubernetes 1.27 or newer), read in two requests.

An aggregated API whose server is down is remembered as unavailable; it never hides the others.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import orjson

from plat.api import Kind, UnavailableError, UserError
from plat.kube.errors import UnknownKindError
from plat.kube.transport import Request, Transport

_ACCEPT: Final = ",".join(
    f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList" for version in ("v2", "v2beta1")
)
_NOT_MODIFIED: Final = 304
_PAUSE: Final = 1.0
"""Seconds between two refreshes that were asked for because a kind was not found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource(Kind):
    """One kind in one version, and where it is served."""

    version: str
    plural: str
    namespaced: bool
    verbs: frozenset[str] = frozenset()
    subresources: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    root: str

    @property
    def api_version(self) -> str:
        """`apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def watchable(self) -> bool:
        """Whether it can be listed and watched."""
        return {"list", "watch"} <= self.verbs

    def path(self, *, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the path of one object, or with no name of its collection, quoted."""
        parts = [self.root]
        if namespace and self.namespaced:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name:
            parts.append(quote(name, safe=":"))
        if subresource:
            parts.append(subresource)
        return "/".join(parts)


@dataclass(frozen=True)
class Discovery:
    """Everything that one cluster serves at one time."""

    resources: tuple[Resource, ...]
    unavailable: frozenset[str] = frozenset()
    """Groups whose own API server did not answer (`metrics.k8s.io`): what they serve may be unknown."""
    _preferred: Mapping[tuple[str, str], Resource] = field(init=False, repr=False, compare=False)
    _exact: Mapping[tuple[str, str], Resource] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index by kind; what the server names first is preferred."""
        preferred: dict[tuple[str, str], Resource] = {}
        exact: dict[tuple[str, str], Resource] = {}
        for resource in self.resources:
            preferred.setdefault((resource.group, resource.kind), resource)
            exact.setdefault((resource.api_version, resource.kind), resource)
        object.__setattr__(self, "_preferred", preferred)
        object.__setattr__(self, "_exact", exact)

    def find(self, group: str, kind: str) -> Resource | None:
        """Return a kind in the version that the server prefers; None if it is not served."""
        return self._preferred.get((group, kind))

    def exact(self, api_version: str, kind: str) -> Resource | None:
        """Return a kind in the given version (`apps/v1`); None if it is not served."""
        return self._exact.get((api_version, kind))

    def kinds(self) -> Iterator[Resource]:
        """Give every kind once, in its preferred version."""
        return iter(self._preferred.values())

    def api_versions(self) -> tuple[str, ...]:
        """Return what Helm calls capabilities: `apps/v1` and `apps/v1/Deployment`, sorted."""
        groups = {resource.api_version for resource in self.resources}
        return tuple(sorted(groups | {f"{r.api_version}/{r.kind}" for r in self.resources}))


class Discoverer:
    """Reads and keeps the discovery of one server; refreshes when asked for something unknown."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lock = asyncio.Lock()
        self._found: Discovery | None = None
        self._read_at = 0.0
        self._documents: dict[str, tuple[str, Discovery]] = {}

    @property
    def known(self) -> Discovery | None:
        """What was read last, without asking."""
        return self._found

    async def read(self, *, newer_than: Discovery | None = None) -> Discovery:
        """Return the discovery; read it if nothing is known, or if what is known is `newer_than` itself."""
        found = self._found
        if found is not None and found is not newer_than:
            return found
        async with self._lock:
            if self._found is None or self._found is newer_than:
                self._found = await self._fetch()
                self._read_at = time.monotonic()
            return self._found

    async def resource(self, group: str, kind: str, *, api_version: str = "") -> Resource:
        """Return a kind, in the preferred version unless one is given; read again once if it is not known.

        Raises UnknownKindError, and UnavailableError if the group's own API server is down.
        """
        found = await self.read()
        resource = _pick(found, group, kind, api_version)
        if resource is None and time.monotonic() - self._read_at > _PAUSE:
            found = await self.read(newer_than=found)
            resource = _pick(found, group, kind, api_version)
        if resource is not None:
            return resource
        if group in found.unavailable:
            raise UnavailableError(
                f"cluster {self._transport.name}: the API {group} does not answer", code="group-down"
            )
        what = f"{api_version} {kind}" if api_version else str(Kind(group=group, kind=kind))
        raise UnknownKindError(f"cluster {self._transport.name} serves no {what}", remedy=_advice(found, group, kind))

    async def _fetch(self) -> Discovery:
        core, groups = await asyncio.gather(self._document("/api"), self._document("/apis"))
        return Discovery(core.resources + groups.resources, core.unavailable | groups.unavailable)

    async def _document(self, path: str) -> Discovery:
        tag, before = self._documents.get(path, ("", None))
        headers = {"If-None-Match": tag} if tag else {}
        request = Request("GET", path, accept=_ACCEPT, headers=headers, repeatable=True)
        response = await self._transport.send(request)
        if response.status == _NOT_MODIFIED and before is not None:
            return before
        if response.status != 200:  # noqa: PLR2004  # HTTP statuses are known by number
            raise self._transport.error(response, request)
        answer = _parsed(response.body)
        if answer.get("kind") != "APIGroupDiscoveryList":
            raise UserError(
                f"cluster {self._transport.name} does not speak aggregated discovery",
                remedy="plat needs Kubernetes 1.27 or newer",
            )
        found = _read(answer.get("items") or ())
        self._documents[path] = (response.headers.get("ETag", ""), found)
        return found


def _parsed(body: bytes) -> Mapping[str, Any]:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    return answer if isinstance(answer, dict) else {}


def _pick(found: Discovery, group: str, kind: str, api_version: str) -> Resource | None:
    return found.exact(api_version, kind) if api_version else found.find(group, kind)


def _read(groups: Iterable[Any]) -> Discovery:
    versions = list(_versions(groups))
    return Discovery(
        tuple(resource for group, version in versions for resource in _resources(group, version)),
        frozenset(group for group, version in versions if version.get("freshness") == "Stale"),
    )


def _versions(groups: Iterable[Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for group in groups:
        for version in group.get("versions") or ():
            yield (group.get("metadata") or {}).get("name") or "", version


def _resources(group: str, version: Mapping[str, Any]) -> Iterator[Resource]:
    name = version["version"]
    for entry in version.get("resources") or ():
        # An aggregated server may name itself nothing but a plural; such an entry serves no object of its own.
        kind = (entry.get("responseKind") or {}).get("kind")
        if not kind:
            continue
        yield Resource(
            group=group,
            kind=kind,
            version=name,
            plural=entry["resource"],
            namespaced=entry.get("scope") == "Namespaced",
            verbs=frozenset(entry.get("verbs") or ()),
            subresources=frozenset(sub["subresource"] for sub in entry.get("subresources") or ()),
            categories=frozenset(entry.get("categories") or ()),
            root=f"/apis/{group}/{name}" if group else f"/api/{name}",
        )


def _advice(found: Discovery, group: str, kind: str) -> str:
    versions = sorted({r.api_version for r in found.resources if (r.group, r.kind) == (group, kind)})
    if versions:
        return f"it serves {kind} as {', '.join(versions)}"
    groups = sorted({r.group or "core" for r in found.resources if r.kind == kind})
    if groups:
        return f"a {kind} of group {', '.join(groups)} is served"
    return "install its CustomResourceDefinition first"
