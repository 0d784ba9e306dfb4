"""One client of one Kubernetes API: objects in and out. It knows no tier, keeps no object, decides nothing.

Errors: `plat.kube.errors` (the server's own message); UnavailableError where a later try may succeed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import urlencode

import orjson

from plat.api import JSON, Connection, Kind, Manifest, PlatError, Ref, RefusedError, UserError, group_of, ref_of
from plat.kube.access import Access, from_kubeconfig
from plat.kube.discovery import Discoverer, Discovery, Resource
from plat.kube.errors import UnknownKindError, masked
from plat.kube.openapi import OpenApi
from plat.kube.transport import JSON_TYPE, Limits, Request, Response, Transport

APPLY_TYPE: Final = "application/apply-patch+yaml"
METADATA_TYPE: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""What a list that wants no more than metadata accepts."""
PAGE: Final = 500
"""Objects that a list asks for at a time."""

Propagation = Literal["background", "foreground", "orphan"]


class PatchType(StrEnum):
    """The content types of patches other than apply."""

    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    JSON = "application/json-patch+json"


class Client:
    """A client of one API server. `async with` it, or call `aclose`."""

    def __init__(
        self,
        access: Access,
        *,
        name: str,
        limits: Limits = Limits(),  # noqa: B008  # frozen, so safe to share
        cache: Path | None = None,
    ) -> None:
        self.name, self.server = name, access.server
        self.transport = Transport(access, name=name, limits=limits)
        self.discoverer = Discoverer(self.transport)
        self._openapi = OpenApi(self.transport, cache=cache)

    @classmethod
    def from_kubeconfig(
        cls,
        config: Mapping[str, JSON],
        context: str = "",
        *,
        name: str,
        limits: Limits = Limits(),  # noqa: B008  # frozen, so safe to share
        cache: Path | None = None,
    ) -> Self:
        """Make a client of a context of a kubeconfig; nothing is read or asked before the first request."""
        return cls(from_kubeconfig(config, context), name=name, limits=limits, cache=cache)

    @classmethod
    def from_connection(cls, connection: Connection, *, name: str, cache: Path | None = None) -> Self:
        """Make a client of what a cluster provider returned."""
        return cls.from_kubeconfig(connection.kubeconfig, connection.context, name=name, cache=cache)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        await self.transport.aclose()

    async def version(self) -> str:
        """Return the server's version, as `v1.35.4`."""
        return str((await self.request("GET", "/version"))["gitVersion"])

    async def resources(self, *, newer_than: Discovery | None = None) -> Discovery:
        """Return what the cluster serves; `newer_than` what was returned before: ask again."""
        return await self.discoverer.read(newer_than=newer_than)

    async def resource(self, kind: Kind, *, api_version: str = "") -> Resource:
        """Return where a kind is served, asking again if it is unknown. Raises UnknownKindError, UnavailableError."""
        return await self.discoverer.resource(kind.group, kind.kind, api_version=api_version)

    async def openapi(self, group_versions: Iterable[str] | None = None) -> Mapping[str, JSON]:
        """Return the OpenAPI v3 documents by path (`apis/apps/v1`), of these group versions (`apps/v1`) or all."""
        return await self._openapi.documents(group_versions)

    async def openapi_hashes(self) -> Mapping[str, str]:
        """Return the server's hash of every document by path, which changes with its content."""
        return await self._openapi.hashes()

    async def get(self, ref: Ref, *, api_version: str = "") -> Manifest | None:
        """Return one object in the preferred version unless one is given; None if it, or its kind, is not there."""
        try:
            resource = await self.resource(ref, api_version=api_version)
        except UnknownKindError:
            return None
        request = Request("GET", resource.path(namespace=ref.namespace, name=ref.name), repeatable=True)
        try:
            return _manifest(await self.transport.ask(request))
        except RefusedError as error:
            if error.code == "not-found":
                return None
            raise

    async def metadata(self, resource: Resource) -> list[Manifest]:
        """Return the metadata of all objects of a kind, which says what they are and nothing else of them."""
        return [item async for item in self._pages(resource, "", "", accept=METADATA_TYPE)]

    async def list(self, kind: Kind, *, namespace: str = "", labels: str = "", api_version: str = "") -> list[Manifest]:
        """Return all objects of a kind, of one namespace if given; `labels` is a label selector as kubectl takes it."""
        resource = await self.resource(kind, api_version=api_version)
        return [item async for item in self._pages(resource, namespace, labels)]

    async def apply(
        self,
        manifest: Manifest,
        *,
        manager: str,
        force: bool = True,
        dry_run: bool = False,
        validate: bool = True,
        subresource: str = "",
    ) -> Manifest:
        """Apply on the server's side as a field manager; returns the object as it is then.

        A conflict (not forced) is RefusedError(code="conflict") with its causes; `dry_run` changes nothing.
        """
        path = await self._address(manifest, subresource)
        query = _apply_query(manager, force, dry_run, validate)
        request = Request("PATCH", f"{path}?{query}", dump(manifest), content_type=APPLY_TYPE, repeatable=True)
        return await self._write(request, manifest)

    async def create(self, manifest: Manifest, *, manager: str, dry_run: bool = False) -> Manifest:
        """Create an object; RefusedError(code="exists") if it is there. `metadata.generateName` works."""
        resource = await self._served(manifest)
        path = resource.path(namespace=_namespace(manifest, resource))
        return await self._write(Request("POST", f"{path}?{_query(manager, dry_run)}", dump(manifest)), manifest)

    async def replace(
        self, manifest: Manifest, *, manager: str, dry_run: bool = False, subresource: str = ""
    ) -> Manifest:
        """Put a whole object; with a resourceVersion in it, RefusedError(code="conflict") if that is old."""
        path = await self._address(manifest, subresource)
        return await self._write(Request("PUT", f"{path}?{_query(manager, dry_run)}", dump(manifest)), manifest)

    async def patch(
        self,
        ref: Ref,
        patch: JSON,
        *,
        manager: str,
        patch_type: PatchType = PatchType.MERGE,
        subresource: str = "",
        dry_run: bool = False,
    ) -> Manifest:
        """Patch one object. Put `metadata.resourceVersion` (or uid) into a merge patch to make it conditional."""
        resource = await self.resource(ref)
        path = resource.path(namespace=ref.namespace, name=ref.name, subresource=subresource)
        request = Request("PATCH", f"{path}?{_query(manager, dry_run)}", dump(patch), content_type=patch_type.value)
        return await self._write(request, patch if isinstance(patch, Mapping) else {})

    async def delete(
        self,
        ref: Ref,
        *,
        propagation: Propagation = "background",
        uid: str = "",
        resource_version: str = "",
        grace: int | None = None,
        dry_run: bool = False,
    ) -> bool:
        """Delete one object; False if it, or its kind, is not there. A finalizer may keep it for longer.

        Not the one of `uid` and `resource_version` any more: RefusedError(code="conflict"). `grace` is in seconds.
        """
        try:
            resource = await self.resource(ref)
        except UnknownKindError:
            return False
        preconditions = {k: v for k, v in (("uid", uid), ("resourceVersion", resource_version)) if v}
        options: dict[str, JSON] = {"propagationPolicy": propagation.capitalize()}
        if preconditions:
            options["preconditions"] = preconditions
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        if dry_run:
            options["dryRun"] = ["All"]
        path = resource.path(namespace=ref.namespace, name=ref.name)
        try:
            await self.transport.ask(Request("DELETE", path, dump(options), repeatable=bool(uid)))
        except RefusedError as error:
            if error.code == "not-found":
                return False
            raise
        return True

    async def request(self, method: str, path: str, *, body: JSON = None, content_type: str = "") -> JSON:
        """Send any request; `path` is quoted already, with its query. JSON in, JSON out; None for an empty answer."""
        encoded = None if body is None else dump(body)
        request = Request(
            method, path, encoded, content_type=content_type or "application/json", repeatable=method == "GET"
        )
        answer = await self.transport.ask(request)
        return orjson.loads(answer) if answer else None

    async def send(self, request: Request) -> Response:
        """Send any request and return its answer whatever the status."""
        return await self.transport.send(request)

    async def _pages(
        self, resource: Resource, namespace: str, labels: str, *, accept: str = JSON_TYPE
    ) -> AsyncIterator[Manifest]:
        path = resource.path(namespace=namespace)
        query = {"limit": str(PAGE), **({"labelSelector": labels} if labels else {})}
        kind = {"apiVersion": resource.api_version, "kind": resource.kind}
        token = ""
        while True:
            page = query if not token else {**query, "continue": token}
            request = Request("GET", f"{path}?{urlencode(page)}", accept=accept, repeatable=True)
            answer = orjson.loads(await self.transport.ask(request))
            for item in answer.get("items") or ():
                yield {**item, **kind}  # items of built-in kinds come without their kind, metadata with one of its own
            token = (answer.get("metadata") or {}).get("continue") or ""
            if not token:
                return

    async def _served(self, manifest: Manifest) -> Resource:
        api_version, kind = str(manifest.get("apiVersion") or ""), str(manifest.get("kind") or "")
        known = self.discoverer.known
        resource = known.exact(api_version, kind) if known else None
        if resource is None:
            resource = await self.discoverer.resource(group_of(manifest), kind, api_version=api_version)
        return resource

    async def _address(self, manifest: Manifest, subresource: str) -> str:
        resource = await self._served(manifest)
        name = str((manifest.get("metadata") or {}).get("name") or "")
        if not name:
            raise UserError(f"this {resource.kind} has no name", where="metadata.name")
        return resource.path(namespace=_namespace(manifest, resource), name=name, subresource=subresource)

    async def _write(self, request: Request, manifest: Manifest) -> Manifest:
        try:
            return _manifest(await self.transport.ask(request))
        except PlatError as error:
            raise masked(error, manifest) from None


def dump(value: JSON) -> bytes:
    """Return JSON bytes. Any mapping is an object; a value that is not JSON, or not known yet, is a UserError."""
    try:
        return orjson.dumps(value, default=_plain)
    except TypeError as error:
        raise UserError(f"this cannot be sent to a cluster: {error}") from None


def _plain(value: object) -> JSON:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    message = f"a value of type {type(value).__name__}"
    raise TypeError(message)


def _manifest(body: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = orjson.loads(body)
    return answer


def _namespace(manifest: Manifest, resource: Resource) -> str:
    namespace = str((manifest.get("metadata") or {}).get("namespace") or "")
    if resource.namespaced and not namespace:
        raise UserError(f"{ref_of(manifest)} is a namespaced object and names no namespace", where="metadata.namespace")
    return namespace


@lru_cache(maxsize=64)  # the same few for thousands of applies
def _apply_query(manager: str, force: bool, dry_run: bool, validate: bool) -> str:  # noqa: FBT001  # cached by place
    query = {"fieldManager": manager, "force": str(force).lower()}
    query["fieldValidation"] = "Strict" if validate else "Ignore"
    if dry_run:
        query["dryRun"] = "All"
    return urlencode(query)


def _query(manager: str, dry_run: bool) -> str:  # noqa: FBT001  # a query has no keyword
    return urlencode({"fieldManager": manager, **({"dryRun": "All"} if dry_run else {})})
