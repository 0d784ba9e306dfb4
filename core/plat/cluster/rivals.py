"""Finding a live controller of somebody else in a cluster, before the first write there (DESIGN §10). It only reads.

What says that a controller runs is its leader's lease, its workload that is not scaled to zero or, where it has no
workload in this cluster, that it has just written what it writes all the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote

import orjson

from plat.api import Kind, Manifest, Rival, StatusWrites, at
from plat.kube import METADATA_TYPE, Client, Discovery, ForbiddenError, Request, UnknownKindError, foreign_leader

_SAMPLE: Final = 200
"""Objects among which a write is looked for: a controller that runs writes to each of them."""
_WORKLOADS: Final = ("statefulsets", "deployments")


@dataclass(frozen=True)
class Sighting:
    """A controller that runs, and what gives it away."""

    rival: Rival
    sign: str
    """`StatefulSet argocd/argocd-application-controller (1 of 1 replicas ready, there since 2026-11-25 14:03 UTC)`."""
    remedy: str
    """What ends it, as an imperative without a full stop."""


async def sighted(client: Client, rivals: Sequence[Rival]) -> Sighting | None:
    """Return the first controller that runs in a cluster. It takes no request where none can run, else a handful.

    What the user may not read counts as not there: whoever may see nothing of a controller cannot tell it either.
    """
    discovery = await client.resources()
    for rival in rivals:
        if rival.requires is None or _serves(discovery, rival.requires):
            found = await _look(client, rival)
            if found is not None:
                return found
    return None


async def _look(client: Client, rival: Rival) -> Sighting | None:
    leader, workloads = await asyncio.gather(_leader(client, rival), _workloads(client, rival))
    if leader is not None:
        return leader
    alive = next((found for found in workloads if _runs(found)), None)
    if alive is not None:
        return _of_workload(rival, alive)
    if workloads or rival.writes is None:
        return None  # it is installed here and scaled to zero: what it wrote before is no sign
    return await _writer(client, rival, rival.writes)


async def _leader(client: Client, rival: Rival) -> Sighting | None:
    if not rival.leases:
        return None
    held = await foreign_leader(client, rival.leases, now=datetime.now(UTC))
    if held is None:
        return None
    since = f" since {_time(held.since)}" if held.since else ""
    sign = f"Lease {held.namespace}/{held.name} is held by {held.identity}{since}"
    return Sighting(rival, sign, f"scale its Deployment in namespace {held.namespace} to 0")


async def _workloads(client: Client, rival: Rival) -> list[Manifest]:
    queries = [f"fieldSelector={quote(f'metadata.name={name}')}" for name in sorted(rival.workloads)]
    queries += [f"labelSelector={quote(rival.labels)}"] if rival.labels else []
    asked = [(plural, query) for plural in _WORKLOADS for query in queries]
    answers = await asyncio.gather(*(_list(client, f"/apis/apps/v1/{plural}?{query}") for plural, query in asked))
    found: dict[str, Manifest] = {}
    for (plural, _), items in zip(asked, answers, strict=True):
        kind = "StatefulSet" if plural == "statefulsets" else "Deployment"
        found |= {item["metadata"]["uid"]: {**item, "kind": kind} for item in items}
    return list(found.values())


async def _list(client: Client, path: str) -> Sequence[Manifest]:
    try:
        answer = await client.request("GET", path)
    except (ForbiddenError, UnknownKindError):
        return ()
    items: Sequence[Manifest] = answer.get("items") or ()
    return items


def _runs(workload: Manifest) -> bool:
    """Whether it has pods, or will have some in a moment: one that restarts right now is not gone."""
    wanted, status = at(workload, "spec.replicas"), at(workload, "status") or {}
    return wanted != 0 or any(status.get(name) for name in ("replicas", "terminatingReplicas"))


def _of_workload(rival: Rival, workload: Manifest) -> Sighting:
    kind, metadata = workload["kind"], workload["metadata"]
    ready, wanted = at(workload, "status.readyReplicas") or 0, at(workload, "spec.replicas") or 0
    since = _time(datetime.fromisoformat(metadata["creationTimestamp"]))
    place = f"{metadata['namespace']}/{metadata['name']}"
    state = f"{ready} of {wanted} replicas ready" if wanted else "its last pods are still there"
    scale = f"kubectl -n {metadata['namespace']} scale {kind.lower()} {metadata['name']} --replicas=0"
    remedy = f"scale it to 0 (`{scale}`)" if wanted else "wait until its pods have ended"
    return Sighting(rival, f"{kind} {place} ({state}, there since {since})", remedy)


async def _writer(client: Client, rival: Rival, writes: StatusWrites) -> Sighting | None:
    """Find its last write in a sample of what it writes to, by the server's own clock."""
    try:
        resource = await client.resource(writes.kind)
    except UnknownKindError:
        return None
    request = Request("GET", f"{resource.path()}?limit={_SAMPLE}", accept=METADATA_TYPE, repeatable=True)
    response = await client.send(request)
    if response.status != 200:  # noqa: PLR2004  # HTTP statuses are known by number
        return None
    stamp = response.headers.get("Date", "")
    now = parsedate_to_datetime(stamp).astimezone(UTC) if stamp else datetime.now(UTC)
    items = orjson.loads(response.body).get("items") or ()
    last = max(_written(items, writes.manager), key=lambda found: found[0], default=None)
    if last is None or now - last[0] > writes.within:
        return None
    moment, place = last
    sign = f"{writes.kind.kind} {place} was written by {writes.manager} at {_time(moment)}"
    return Sighting(rival, sign, "find where it runs and scale it to 0; its last write must be 10 minutes old")


def _written(items: Sequence[Mapping[str, Any]], manager: str) -> Iterator[tuple[datetime, str]]:
    for item in items:
        metadata = item.get("metadata") or {}
        times = [e.get("time") for e in metadata.get("managedFields") or () if e.get("manager") == manager]
        for time in filter(None, times):
            yield datetime.fromisoformat(time), f"{metadata.get('namespace')}/{metadata.get('name')}"


def _serves(discovery: Discovery, kind: Kind) -> bool:
    return discovery.find(kind.group, kind.kind) is not None


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
