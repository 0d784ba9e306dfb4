"""The custom resources that objects are kept in: one definition for each kind, installed when first written to.

Those that somebody else installed are never touched. Ours are labelled, so that leaving can find them.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from plat.api import JSON, Kind, Ref, RefusedError, UnavailableError, at
from plat.kube import Client, UnknownKindError

GROUP: Final = "plat.dev"
VERSION: Final = "v1"
MANAGER: Final = "plat"
MANAGED: Final[Mapping[str, str]] = {"app.kubernetes.io/managed-by": MANAGER}

_DEFINITION: Final = Kind(group="apiextensions.k8s.io", kind="CustomResourceDefinition")
_NAMESPACE: Final = Kind(kind="Namespace")
_PATIENCE: Final = 30.0  # seconds until a new kind must be served
_AGAIN: Final = 0.05


class Definitions:
    """Makes sure that a cluster serves our kinds, once for each, and that the namespace of the objects is there."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._client, self._namespace = client, namespace
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._ready: set[str] = set()
        """Kinds that are served; the empty name stands for the namespace."""

    def path(self, kind: str, name: str = "", *, status: bool = False) -> str:
        """Return where objects of a kind are served."""
        path = f"/apis/{GROUP}/{VERSION}/namespaces/{self._namespace}/{plural(kind)}"
        return path + (f"/{name}" if name else "") + ("/status" if status else "")

    async def ensure(self, kind: str) -> None:
        """Install a kind where it is absent. Raises RefusedError(code="foreign") for one of somebody else.

        A new kind takes the server a second or two; several that are asked for side by side take no longer.
        """
        if kind in self._ready:
            return
        async with self._locks[""]:
            if "" not in self._ready:
                await self._ensure(Ref(kind=_NAMESPACE.kind, name=self._namespace), _namespace(self._namespace))
                self._ready.add("")
        async with self._locks[kind]:
            if kind not in self._ready:
                await self._install(kind)
                self._ready.add(kind)

    async def _install(self, kind: str) -> None:
        wanted = definition(kind)
        ref = Ref(group=_DEFINITION.group, kind=_DEFINITION.kind, name=wanted["metadata"]["name"])
        _check_ours(await self._ensure(ref, wanted), kind)
        await self._served(kind)

    async def _ensure(self, ref: Ref, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        there = await self._client.get(ref)
        if there is not None:
            return there
        try:
            return await self._client.create(wanted, manager=MANAGER)
        except RefusedError as error:
            there = await self._client.get(ref) if error.code == "exists" else None
            if there is None:
                raise
            return there

    async def _served(self, kind: str) -> None:
        """Wait until a new definition is served: the server takes a moment after it has accepted it."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                await self._client.request("GET", f"{self.path(kind)}?limit=1")
            except UnknownKindError:
                if time.monotonic() > deadline:
                    raise UnavailableError(f"cluster {self._client.name} does not serve {kind} yet") from None
                await asyncio.sleep(_AGAIN)
            else:
                return


def plural(kind: str) -> str:
    """Return the name of a kind in paths."""
    return f"{kind.lower()}s"


def object_name(namespace: str, name: str) -> str:
    """Return a name that Kubernetes takes, readable at its front, and no other for the same namespace and name."""
    digest = hashlib.sha256(f"{namespace}\0{name}".encode()).hexdigest()[:20]
    plain = re.sub(r"[^a-z0-9]+", "-", f"{namespace}-{name}".lower())[:100].strip("-")
    return f"{plain}-{digest}" if plain else digest


def definition(kind: str) -> dict[str, Any]:
    """Return the custom resource definition of a kind: free `spec` and `status`, and `place`, what plat calls it."""
    free: JSON = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    text: JSON = {"type": "string"}
    place: JSON = {"type": "object", "properties": {"namespace": text, "name": text}}
    schema: JSON = {"type": "object", "properties": {"spec": free, "status": free, "place": place}}
    columns = [
        {"name": f"Plat {each}", "type": "string", "jsonPath": f".place.{each}"} for each in ("namespace", "name")
    ]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": _DEFINITION.kind,
        "metadata": {"name": f"{plural(kind)}.{GROUP}", "labels": dict(MANAGED)},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural(kind), "singular": kind.lower()},
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": columns,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


def _namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": _NAMESPACE.kind, "metadata": {"name": name, "labels": dict(MANAGED)}}


def _check_ours(there: Mapping[str, Any], kind: str) -> None:
    labels = at(there, "metadata.labels") or {}
    if any(labels.get(key) != value for key, value in MANAGED.items()) or at(there, "spec.names.kind") != kind:
        name = at(there, "metadata.name")
        message = f"the custom resource definition {name} was installed by somebody else, and plat does not touch it"
        raise RefusedError(f"{message}; keep the state of plat in another cluster, or in a file", code="foreign")
