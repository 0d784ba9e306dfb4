"""While another controller does the same work in a cluster, plat looks and writes nothing (DESIGN §10)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.e2e.kube import Kube
from tests.e2e.objects import config
from tests.e2e.world import World
from tests.integration.app.conftest import LABELS, ArgoCD
from tests.integration.app.doors import Door, behind

from plat.api import Kind, Rival, StatusWrites
from plat.cluster.rivals import sighted
from plat.kube import Client
from plat_argocd.rivals import APPLICATION_CONTROLLER

pytestmark = pytest.mark.cluster
FLUX = Rival(
    name="Flux's kustomize-controller",
    leases=frozenset({"kustomize-controller-leader-election", "helm-controller-leader-election"}),
)


def renewed(kube: Kube, name: str, *, ago: timedelta = timedelta()) -> None:
    """Let a leader renew its lease; a minute is how long it lasts."""
    now = (datetime.now(UTC) - ago).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {"holderIdentity": f"{name}-7d", "leaseDurationSeconds": 60, "acquireTime": now, "renewTime": now}
    metadata = {"name": name, "namespace": kube.namespace}
    kube.create({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec})


def untouched(world: World) -> bool:
    """Whether nothing of the stack is in the cluster, its lease included."""
    lease = world.kube.get("Lease", f"plat-{world.name}", "default")
    return world.kube.names("ConfigMap") == set() and lease is None


@pytest.fixture
def leader(world: World) -> Iterator[Callable[..., str]]:
    """Let leaders renew their leases; they are gone afterwards."""
    made: list[str] = []

    def renew(name: str, *, ago: timedelta = timedelta()) -> str:
        renewed(world.kube, name, ago=ago)
        made.append(name)
        return f"{world.name}/{name}"

    yield renew
    for name in made:
        world.kube.delete("Lease", name)


@pytest.fixture
async def client(control_plane: Any) -> AsyncIterator[Client]:
    async with Client.from_kubeconfig(control_plane.kubeconfig, name="real") as made:
        yield made


# -- a whole run


@pytest.mark.parametrize(
    ("kind", "name", "labels"),
    [
        ("StatefulSet", "argocd-application-controller", LABELS),
        ("Deployment", "argocd-application-controller", LABELS),
        ("StatefulSet", "my-release-application-controller", LABELS),
        ("StatefulSet", "argocd-application-controller", {"app": "somebody-relabelled-it"}),
    ],
    ids=["as installed", "dynamic shards", "a chart's name", "other labels"],
)
def test_a_run_beside_argo_cd_is_refused_until_it_is_scaled_to_zero(
    world: World, argocd: ArgoCD, kind: str, name: str, labels: dict[str, str]
) -> None:
    world.begin({"app/config.yaml": config("one")})
    argocd.run(kind, name=name, **labels)
    for command in (("up", "--timeout=20s"), ("serve",), ("apps", "sync", world.name)):
        ran = world.run(*command)
        assert (ran.code, ran.out) == (1, ""), ran
        assert f"Argo CD's application controller runs in cluster one: {kind} {argocd.namespace}/{name} " in ran.err
        assert "(1 of 1 replicas ready, there since 20" in ran.err, ran
        assert f"kubectl -n {argocd.namespace} scale {kind.lower()} {name} --replicas=0" in ran.err, ran
        assert "`plat preview` is always allowed" in ran.err, ran
        assert untouched(world)
    preview = world.plat("preview")
    assert (preview.code, "+ ConfigMap" in preview.out) == (0, True), preview
    assert untouched(world)
    argocd.scale(0, kind, name)
    world.up()
    assert world.kube.names("ConfigMap") == {"one"}


def test_one_that_is_on_its_way_counts_as_running(world: World, argocd: ArgoCD) -> None:
    """Its pod is rescheduled right now: in a moment two controllers would be there."""
    world.begin({"app/config.yaml": config("one")})
    argocd.run()
    argocd.fail()
    ran = world.up(code=1)
    assert "(0 of 1 replicas ready" in ran.err, ran
    assert untouched(world)


def test_kinds_without_a_controller_hinder_nobody(world: World, argocd: ArgoCD) -> None:
    argocd.application("left-behind", manager="somebody")
    world.begin({"app/config.yaml": config("one")})
    world.up()


def test_a_controller_of_another_camp_hinders_nobody(world: World, leader: Callable[..., str]) -> None:
    """Flux works on other objects than what Argo CD's Applications name."""
    leader("kustomize-controller-leader-election")
    world.begin({"app/config.yaml": config("one")})
    world.up()
    assert world.kube.names("ConfigMap") == {"one"}


def test_one_that_runs_elsewhere_is_known_by_what_it_writes(world: World, argocd: ArgoCD) -> None:
    argocd.application("theirs", manager="argocd-application-controller")
    world.begin({"app/config.yaml": config("one")})
    ran = world.up(code=1)
    assert f"Application {argocd.namespace}/theirs was written by argocd-application-controller at 20" in ran.err, ran
    assert untouched(world)


def test_what_it_wrote_before_it_was_scaled_to_zero_does_not_count(world: World, argocd: ArgoCD) -> None:
    argocd.run()
    argocd.application("theirs", manager="argocd-application-controller")
    argocd.scale(0)
    world.begin({"app/config.yaml": config("one")})
    world.up()


def test_a_stack_that_declares_nothing_of_it_is_not_hindered(world: World, argocd: ArgoCD) -> None:
    argocd.run()
    world.stack()
    world.up()


def test_one_in_any_cluster_of_the_stack_is_enough(
    make_world: Callable[..., World], argocd: ArgoCD, second_control_plane: Any, world: World
) -> None:
    """An Argo CD writes to other clusters than its own, too."""
    argocd.run()
    second = make_world(second_control_plane)
    second.clusters["hub"] = world.clusters["one"] | {"inCluster": False}
    second.begin({"app/config.yaml": config("one")})
    ran = second.up(code=1)
    assert "runs in cluster hub" in ran.err, ran
    assert untouched(second)


def test_a_cluster_that_connects_later_is_looked_at_before_the_first_write(
    world: World, argocd: ArgoCD, control_plane: Any, door: Door
) -> None:
    argocd.run()
    world.clusters["one"] |= {"kubeconfig": behind(door, control_plane, world)}
    world.begin({"app/config.yaml": config("one")})
    run = world.start("up", "--time-scale=20", "--timeout=5m")
    try:
        assert run.stdout is not None
        assert world.name in run.stdout.readline()  # it waits for the cluster
        door.open()
        out, err = run.communicate(timeout=60)
    finally:
        run.kill()
    assert run.returncode != 0, (out, err)
    assert "Argo CD's application controller runs in cluster one" in out + err, (out, err)
    assert untouched(world)


# -- what is seen, and at what price


async def test_nothing_is_asked_where_the_controller_cannot_run(client: Client) -> None:
    await client.resources()
    asked = _count(client)
    missing = Rival(name="it", requires=Kind(group="nobody.example", kind="Thing"), workloads=frozenset({"it"}))
    assert await sighted(client, [missing]) is None
    assert asked == []


async def test_a_look_costs_a_handful_of_requests(client: Client, argocd: ArgoCD) -> None:
    await client.resources(newer_than=await client.resources())
    asked = _count(client)
    assert await sighted(client, [APPLICATION_CONTROLLER]) is None
    assert len(asked) <= 5, asked


@pytest.mark.parametrize(
    ("ago", "seen"), [(timedelta(), True), (timedelta(minutes=10), False)], ids=["renewed", "over"]
)
async def test_a_leader_is_known_by_its_lease(
    client: Client, leader: Callable[..., str], ago: timedelta, *, seen: bool
) -> None:
    lease = leader("helm-controller-leader-election", ago=ago)
    found = await sighted(client, [FLUX])
    assert (found is not None) is seen
    if found is not None:
        assert found.sign.startswith(f"Lease {lease} is held by helm-controller-leader-election-7d since 20")
        assert lease.partition("/")[0] in found.remedy


@pytest.mark.parametrize(
    ("within", "seen"), [(timedelta(minutes=10), True), (timedelta(seconds=-60), False)], ids=["recent", "old"]
)
async def test_writes_tell_for_a_while(
    client: Client, world: World, argocd: ArgoCD, within: timedelta, *, seen: bool
) -> None:
    await client.resources(newer_than=await client.resources())
    argocd.application("theirs", manager="controller")
    kind = Kind(group="argoproj.io", kind="Application")
    rival = Rival(name="it", writes=StatusWrites(kind=kind, manager="controller", within=within))
    assert (await sighted(client, [rival]) is not None) is seen
    other = Rival(name="it", writes=StatusWrites(kind=kind, manager="somebody-else"))
    assert await sighted(client, [other]) is None


def _count(client: Client) -> list[str]:
    """Note every request from now on."""
    asked: list[str] = []
    send = client.transport.send

    async def noted(request: Any) -> Any:
        asked.append(request.path)
        return await send(request)

    client.transport.send = noted  # type: ignore[method-assign]
    return asked
