"""One run of a stack at a time, wherever it is started from: a lease in every cluster says who."""

from __future__ import annotations

import json
import re
import shutil
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.e2e.kube import Kube, until
from tests.e2e.objects import config
from tests.e2e.world import World, write
from tests.integration.app.doors import Door, behind

pytestmark = pytest.mark.cluster
NOWHERE = "https://127.0.0.1:1"


def lease(kube: Kube, stack: str) -> Any:
    return kube.get("Lease", f"plat-{stack}", "default")


def take(kube: Kube, stack: str, *, who: str = "ann@laptop (pid 4711, plat up, in /home/ann/shop)") -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {"holderIdentity": "elsewhere", "leaseDurationSeconds": 60, "acquireTime": now, "renewTime": now}
    metadata = {"name": f"plat-{stack}", "namespace": "default", "annotations": {"plat.dev/holder": who}}
    kube.create({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec})


def kubeconfig_to(world: World, server: str) -> str:
    """Return a kubeconfig of a cluster that does not answer."""
    parts = {
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "none"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    text = json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "c", **parts})
    write(world.folder, {"nowhere.json": text})
    return str(world.folder / "nowhere.json")


def test_a_run_leaves_no_lease(world: World) -> None:
    world.begin({"app/config.yaml": config("one")})
    world.up()
    assert world.kube.names("ConfigMap") == {"one"}
    assert lease(world.kube, world.name) is None


def test_a_stack_that_is_held_elsewhere_is_refused_before_anything_is_written(world: World) -> None:
    world.begin({"app/config.yaml": config("one")})
    take(world.kube, world.name)
    ran = world.up(code=1)
    assert re.search(
        rf"stack {world.name} is held in cluster one by ann@laptop \(pid 4711, plat up, in /home/ann/shop\)"
        r" since 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC; wait for it to end; if it is gone, the lock is free at 20",
        ran.err,
    ), ran
    assert world.kube.names("ConfigMap") == set()
    assert lease(world.kube, world.name)["spec"]["holderIdentity"] == "elsewhere"
    world.kube.delete("Lease", f"plat-{world.name}", "default")
    world.up()
    assert world.kube.names("ConfigMap") == {"one"}


def test_reading_and_previewing_need_no_lease(world: World) -> None:
    world.begin({"app/config.yaml": config("one")})
    take(world.kube, world.name)
    try:
        ran = world.plat("preview")
        assert (ran.code, "+ ConfigMap" in ran.out) == (0, True), ran
        assert world.plat("status").code == 0
    finally:
        world.kube.delete("Lease", f"plat-{world.name}", "default")


def test_a_lease_that_is_over_is_taken(world: World) -> None:
    world.begin({"app/config.yaml": config("one")})
    take(world.kube, world.name)
    past = (datetime.now(UTC) - timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    path = f"/apis/coordination.k8s.io/v1/namespaces/default/leases/plat-{world.name}"
    patch = {"spec": {"renewTime": past}}
    assert world.kube.request("PATCH", path, patch, kind="application/merge-patch+json")[0] == 200
    world.up()
    assert world.kube.names("ConfigMap") == {"one"}


def test_another_stack_is_not_hindered(world: World) -> None:
    world.begin({"app/config.yaml": config("one")})
    take(world.kube, f"{world.name}-other")
    try:
        world.up()
    finally:
        world.kube.delete("Lease", f"plat-{world.name}-other", "default")


@pytest.mark.parametrize("ends_by", [signal.SIGTERM, signal.SIGKILL], ids=["asked", "killed"])
def test_two_directories_see_each_other(world: World, ends_by: signal.Signals) -> None:
    """`plat serve` here, `plat up` from a copy of the directory: the second says who holds it, and gets it later."""
    world.begin({"app/config.yaml": config("one")})
    copy = world.folder / "copy"
    shutil.copytree(world.root, copy)
    server = world.start("serve")
    try:
        until(lambda: world.kube.names("ConfigMap") == {"one"}, what="the first")
        here, world.root = world.root, copy
        refused = world.run("up")
        assert (refused.code, f"pid {server.pid}, plat serve" in refused.err) == (1, True), refused
        server.send_signal(ends_by)
        server.communicate(timeout=20)
        assert (lease(world.kube, world.name) is None) == (ends_by is signal.SIGTERM)
        world.up()
        world.root = here
    finally:
        server.kill()
        server.communicate()
    assert lease(world.kube, world.name) is None


def test_a_cluster_that_does_not_answer_blocks_only_itself(world: World) -> None:
    world.clusters["two"] = {"use": "kubeconfig", "kubeconfig": kubeconfig_to(world, NOWHERE)}
    there = world.application("there", destination={"name": "two", "namespace": "default"})
    world.begin({"app/config.yaml": config("one")}, world.application(), there)
    ran = world.plat("up", "--timeout=5s")
    assert ran.code != 0, ran
    assert world.kube.names("ConfigMap") == {"one"}
    assert lease(world.kube, world.name) is None


def test_one_cluster_that_is_held_keeps_the_run_from_all(
    make_world: Callable[..., World], second_control_plane: Any
) -> None:
    """A stack is run as a whole: what another run does in one cluster may depend on what it finds in the other."""
    world = make_world()
    other = Kube(second_control_plane.kubeconfig, "default")
    world.clusters["two"] = {"use": "kubeconfig", "kubeconfig": str(second_control_plane.kubeconfig_path)}
    world.begin({"app/config.yaml": config("one")})
    take(other, world.name)
    try:
        ran = world.up(code=1)
    finally:
        other.delete("Lease", f"plat-{world.name}", "default")
    assert "is held in cluster two by ann@laptop" in ran.err, ran
    assert world.kube.names("ConfigMap") == set()
    assert lease(world.kube, world.name) is None


@pytest.mark.parametrize("held", [False, True], ids=["free", "held"])
def test_a_cluster_that_connects_later_is_asked_before_the_first_write(
    world: World, control_plane: Any, door: Door, *, held: bool
) -> None:
    world.clusters["one"] |= {"kubeconfig": behind(door, control_plane, world)}
    world.begin({"app/config.yaml": config("one")})
    if held:
        take(world.kube, world.name)
    run = world.start("up", "--time-scale=20", "--timeout=5m")
    try:
        assert run.stdout is not None
        assert world.name in run.stdout.readline()  # it waits for the cluster
        door.open()
        out, err = run.communicate(timeout=60)
    finally:
        run.kill()
        world.kube.delete("Lease", f"plat-{world.name}", "default") if held else None
    assert (run.returncode == 0) is not held, (out, err)
    assert ("is held in cluster one by ann@laptop" in out + err) is held, (out, err)
    assert world.kube.names("ConfigMap") == (set() if held else {"one"})
    assert lease(world.kube, world.name) is None
