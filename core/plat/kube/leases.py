"""Leases of `coordination.k8s.io`: our own locks, and the leaders of other controllers. It renews nothing by itself.

A lease reduces contention; it is no fence. Whoever holds one still writes under preconditions (DESIGN §4).
Times are those of the API server, as its answers tell, so that two laptops with wrong clocks agree.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote

import orjson

from plat.api import JSON, Clock, Kind, Manifest, PlatError, Ref, RefusedError, at
from plat.kube.client import Client, dump
from plat.kube.errors import ForbiddenError, UnknownKindError
from plat.kube.transport import Request, Response

LEASE: Final = Kind(group="coordination.k8s.io", kind="Lease")
_ROOT: Final = "/apis/coordination.k8s.io/v1/namespaces"
_SKEW: Final = timedelta(seconds=30)
"""How far the clock of another controller's node may be off before we take its leader for dead."""
_WHO: Final = "plat.dev/holder"
"""Annotation: who that is, for people (`ann@laptop pid 4711`)."""


@dataclass(frozen=True)
class Holder:
    """Who holds a lease, and until when unless renewed."""

    namespace: str
    name: str
    identity: str
    who: str
    """For people; the identity, if nothing better is known."""
    since: datetime | None
    renewed: datetime | None
    duration: timedelta
    version: str
    uid: str

    def alive(self, now: datetime, *, grace: timedelta = timedelta()) -> bool:
        """Return whether it is held at `now`."""
        if not self.identity or self.renewed is None:
            return False
        return now < self.renewed + self.duration + grace


class Leases:
    """Gets, takes, renews and gives back leases of one cluster."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._skew = timedelta()

    async def get(self, namespace: str, name: str) -> Holder | None:
        """Return a lease, held or not; None if there is none."""
        request = Request("GET", f"{_ROOT}/{quote(namespace)}/leases/{quote(name)}", repeatable=True)
        response = await self._client.send(request)
        self._heed(response)
        if response.status == 404:  # noqa: PLR2004  # HTTP statuses are known by number
            return None
        return _holder(self._answer(response, request))

    async def acquire(
        self, namespace: str, name: str, *, identity: str, who: str, duration: timedelta = timedelta(seconds=60)
    ) -> Holder:
        """Take a lease that is free, over, or ours already; RefusedError(code="held") names the living holder."""
        held = await self.get(namespace, name)
        if held is not None and held.identity != identity and held.alive(self._now()):
            raise _held(held)
        wanted = self._wanted(namespace, name, identity=identity, who=who, duration=duration)
        try:
            if held is None:
                return await self._write("POST", f"{_ROOT}/{quote(namespace)}/leases", wanted)
            return await self._put(held, wanted)
        except RefusedError as error:
            if error.code not in {"conflict", "exists"}:
                raise
        winner = await self.get(namespace, name)
        raise _held(winner) if winner else RefusedError(f"lease {namespace}/{name} is being taken", code="held")

    async def renew(self, held: Holder) -> Holder:
        """Say that we are still there; RefusedError(code="held") if somebody else has taken it since."""
        wanted = self._wanted(
            held.namespace, held.name, identity=held.identity, who=held.who, duration=held.duration, since=held.since
        )
        try:
            return await self._put(held, wanted)
        except RefusedError as error:
            if error.code not in {"conflict", "not-found"}:
                raise
        now = await self.get(held.namespace, held.name)
        if now is not None and now.identity == held.identity:
            return await self._put(now, wanted)  # our own last renewal arrived though its answer did not
        raise _held(now) if now else RefusedError(f"lease {held.namespace}/{held.name} is gone", code="held")

    async def release(self, held: Holder) -> bool:
        """Give it back by deleting it; False if it is not ours any more."""
        ref = Ref(group=LEASE.group, kind=LEASE.kind, namespace=held.namespace, name=held.name)
        try:
            return await self._client.delete(ref, uid=held.uid, resource_version=held.version)
        except RefusedError:
            return False

    def _now(self) -> datetime:
        return self._clock.now() + self._skew

    def _heed(self, response: Response) -> None:
        """Learn how far our clock is from the server's; its answers tell whole seconds only."""
        stamp = response.headers.get("Date", "")
        if stamp:
            off = parsedate_to_datetime(stamp).astimezone(UTC) - self._clock.now()
            self._skew = off if abs(off) > timedelta(seconds=2) else timedelta()

    def _wanted(
        self,
        namespace: str,
        name: str,
        *,
        identity: str,
        who: str,
        duration: timedelta,
        since: datetime | None = None,
    ) -> dict[str, Any]:
        now = self._now()
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name, "namespace": namespace, "annotations": {_WHO: who}},
            "spec": {
                "holderIdentity": identity,
                "leaseDurationSeconds": max(1, round(duration.total_seconds())),
                "acquireTime": _micro(since or now),
                "renewTime": _micro(now),
            },
        }

    async def _put(self, held: Holder, wanted: dict[str, Any]) -> Holder:
        wanted["metadata"] |= {"resourceVersion": held.version, "uid": held.uid}
        return await self._write("PUT", f"{_ROOT}/{quote(held.namespace)}/leases/{quote(held.name)}", wanted)

    async def _write(self, method: str, path: str, wanted: Mapping[str, JSON]) -> Holder:
        request = Request(method, f"{path}?fieldManager=plat", dump(wanted))
        return _holder(self._answer(await self._client.send(request), request))

    def _answer(self, response: Response, request: Request) -> Manifest:
        if response.status >= 300:  # noqa: PLR2004  # HTTP statuses are known by number
            raise self._client.transport.error(response, request)
        answer: Manifest = orjson.loads(response.body)
        return answer


async def foreign_leader(
    client: Client, names: Collection[str], *, now: datetime, namespace: str = ""
) -> Holder | None:
    """Return the living holder of a lease that has one of these names, in any namespace unless one is given.

    Whoever may not list leases gets None: that is no proof that nobody is there, other signs must be looked at.
    """
    root = f"{_ROOT}/{quote(namespace)}/leases" if namespace else "/apis/coordination.k8s.io/v1/leases"
    # By name, as a large cluster has a lease for each of its nodes.
    paths = [f"{root}?fieldSelector={quote(f'metadata.name={name}')}" for name in sorted(names)]
    try:
        answers = await asyncio.gather(*(client.request("GET", path) for path in paths))
    except (ForbiddenError, UnknownKindError):
        return None
    holders = (_holder(lease) for answer in answers for lease in answer.get("items") or ())
    return next((holder for holder in holders if holder.alive(now, grace=_SKEW)), None)


def _holder(lease: Manifest) -> Holder:
    identity = str(at(lease, "spec.holderIdentity") or "")
    annotations = at(lease, "metadata.annotations") or {}
    return Holder(
        namespace=str(at(lease, "metadata.namespace") or ""),
        name=str(at(lease, "metadata.name") or ""),
        identity=identity,
        who=str(annotations.get(_WHO) or identity),
        since=_time(at(lease, "spec.acquireTime")),
        renewed=_time(at(lease, "spec.renewTime")),
        duration=max(timedelta(seconds=at(lease, "spec.leaseDurationSeconds") or 0), timedelta(seconds=1)),
        version=str(at(lease, "metadata.resourceVersion") or ""),
        uid=str(at(lease, "metadata.uid") or ""),
    )


def _held(holder: Holder) -> PlatError:
    since = f" since {holder.since:%Y-%m-%d %H:%M:%S} UTC" if holder.since else ""
    return RefusedError(
        f"lease {holder.namespace}/{holder.name} is held by {holder.who}{since}",
        code="held",
        output={"identity": holder.identity, "who": holder.who},
    )


def _time(value: JSON) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _micro(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
