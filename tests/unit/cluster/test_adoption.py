from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from plat.api import Camp, Kind, PlatError, UnavailableError
from plat.cluster.adoption import RECORD, Adoption, tracked_kinds
from plat.cluster.tracking import TRACKING_ID, ownership
from plat.kube import Discovery, ForbiddenError, Resource
from plat.store import Database, SqliteStore

EXTRACT = ownership([Camp()])
LABELS = ownership([Camp(tracking="label")])
MAP, SERVICE = Kind(kind="ConfigMap"), Kind(kind="Service")


def resource(kind: str, group: str = "", *, verbs: tuple[str, ...] = ("list", "watch")) -> Resource:
    return Resource(
        group=group,
        kind=kind,
        version="v1",
        plural=f"{kind.lower()}s",
        namespaced=True,
        verbs=frozenset(verbs),
        root=f"/apis/{group}/v1" if group else "/api/v1",
    )


def tracked(kind: str, app: str = "shop", *, name: str = "a", **metadata: Any) -> dict[str, Any]:
    annotations = {TRACKING_ID: f"{app}:/{kind}:prod/{name}"}
    metadata = {"name": "a", "namespace": "prod", "annotations": annotations, **metadata}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata}


class Cluster:
    """A cluster and its client: what each kind holds, or how asking for it fails."""

    name = "prod"

    def __init__(self, holds: Mapping[str, list[dict[str, Any]] | PlatError], *resources: Resource) -> None:
        self.holds, self.asked = dict(holds), list[str]()
        self._resources = resources or tuple(resource(kind) for kind in holds)

    @property
    def client(self) -> Any:
        return self

    async def resources(self) -> Discovery:
        return Discovery(self._resources)

    async def metadata(self, kind: Resource) -> list[dict[str, Any]]:
        self.asked.append(kind.kind)
        found = self.holds.get(kind.kind, [])
        if isinstance(found, PlatError):
            raise found
        return found


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    database = await Database.open(tmp_path / "state.db")
    opened = await SqliteStore.over(database)
    yield opened
    await opened.aclose()
    await database.aclose()


@pytest.mark.parametrize(
    ("item", "extract", "found"),
    [
        (tracked("Service"), EXTRACT, {"shop": {SERVICE}}),
        (tracked("Service", "team_shop"), EXTRACT, {"team_shop": {SERVICE}}),
        (tracked("Service", name="copied-from-here"), EXTRACT, {}),
        (tracked("Service", ownerReferences=[{"uid": "1"}]), EXTRACT, {}),
        (tracked("Service", annotations={}), EXTRACT, {}),
        (tracked("Service", labels={"app.kubernetes.io/instance": "web"}), LABELS, {"web": {SERVICE}}),
    ],
)
async def test_whose_an_object_is(item: Any, extract: Any, found: Any) -> None:
    cluster = Cluster({"Service": [item], "ConfigMap": []})
    assert await tracked_kinds(cluster.client, extract) == ({k: frozenset(v) for k, v in found.items()}, True)


async def test_only_what_can_be_declared_is_listed() -> None:
    kinds = [
        resource("Service"),
        resource("Event"),
        resource("Event", "events.k8s.io"),
        resource("Lease", "coordination.k8s.io"),
        resource("Endpoints"),
        resource("PodMetrics", "metrics.k8s.io", verbs=("list",)),
        resource("TokenReview", "authentication.k8s.io", verbs=("create",)),
    ]
    cluster = Cluster({}, *kinds)
    await tracked_kinds(cluster.client, EXTRACT)
    assert cluster.asked == ["Service"]


@pytest.mark.parametrize(
    ("error", "again"), [(ForbiddenError("no"), False), (UnavailableError("not now"), True)], ids=["forbidden", "down"]
)
async def test_a_kind_that_cannot_be_listed_hides_no_other(
    store: SqliteStore, error: PlatError, *, again: bool
) -> None:
    """What is forbidden stays so; what did not answer is looked at again by the next run."""
    cluster: Any = Cluster({"ConfigMap": error, "Service": [tracked("Service")]})
    assert await Adoption(store, EXTRACT).kinds(cluster, "shop") == {SERVICE}
    assert (await store.get(RECORD, "prod") is None) is again
    cluster.holds["ConfigMap"] = [tracked("ConfigMap")]
    expected = {SERVICE, MAP} if again else {SERVICE}
    assert await Adoption(store, EXTRACT).kinds(cluster, "shop") == expected


async def test_a_cluster_that_does_not_answer_is_no_empty_one(store: SqliteStore) -> None:
    cluster: Any = Cluster({"ConfigMap": UnavailableError("not now"), "Service": UnavailableError("not now")})
    with pytest.raises(UnavailableError, match="prod cannot be looked through"):
        await Adoption(store, EXTRACT).kinds(cluster, "shop")
    cluster.holds = {"Service": [tracked("Service")]}
    assert await Adoption(store, EXTRACT).kinds(cluster, "shop") == {SERVICE}


async def test_each_stack_looks_once_at_each_cluster(store: SqliteStore) -> None:
    cluster: Any = Cluster({"Service": [tracked("Service")], "ConfigMap": [tracked("ConfigMap", "web")]})
    first = Adoption(store, EXTRACT)
    assert await first.kinds(cluster, "shop") == {SERVICE}
    assert await first.kinds(cluster, "web") == {MAP}
    assert await first.kinds(cluster, "nobody") == frozenset()
    assert sorted(cluster.asked) == ["ConfigMap", "Service"]
    assert await Adoption(store, EXTRACT).kinds(cluster, "web") == {MAP}
    assert len(cluster.asked) == 2, "the second run has asked the store"


async def test_an_application_that_came_later_has_it_looked_at_again_once(store: SqliteStore) -> None:
    cluster: Any = Cluster({"Service": []})
    assert await Adoption(store, EXTRACT).kinds(cluster, "shop") == frozenset()
    cluster.holds = {"Service": [tracked("Service")]}
    later = Adoption(store, EXTRACT)
    assert await later.kinds(cluster, "shop") == frozenset()
    for _ in range(3):
        assert await later.kinds(cluster, "shop", anew=True) == {SERVICE}
    assert cluster.asked == ["Service"] * 2
    assert await Adoption(store, EXTRACT).kinds(cluster, "shop") == {SERVICE}
