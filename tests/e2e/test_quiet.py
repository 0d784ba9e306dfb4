"""What a run asks of a cluster: nothing that it knows, and no write that changes nothing (DESIGN §9)."""

from __future__ import annotations

import pytest
from tests.e2e.objects import config, deployment, service
from tests.e2e.wire import Wire

KINDS = ("ConfigMap", "Deployment", "Service")


@pytest.fixture
def wire(world, control_plane):
    made = Wire(control_plane)
    world.clusters["one"]["kubeconfig"] = str(made.kubeconfig(world.folder.parent / f"{world.name}.json"))
    yield made
    made.close()


def test_a_second_run_writes_nothing_and_asks_little(world, wire):
    count = 12
    world.begin(
        {f"app{n}/x.yaml": [config(f"c{n}"), deployment(f"d{n}"), service(f"s{n}")] for n in range(count)},
        *(world.application(f"a{n}", f"app{n}") for n in range(count)),
    )
    world.up()
    before = world.kube.versions(*KINDS)
    wire.take()
    ran = world.up()
    asked = wire.take()
    assert f"Done: {count} applications in order, nothing to do" in ran.out
    assert [each for each in asked if each.writes] == []
    assert [each for each in asked if "dryRun" in each.path] == []
    assert world.kube.versions(*KINDS) == before
    plain = [each for each in asked if "watch=" not in each.path and "/leases" not in each.path]
    kinds = len(KINDS) + 1
    assert len(plain) <= 10 + kinds, plain


def test_a_first_run_applies_each_object_once(world, wire):
    world.begin({"app/x.yaml": [config("c"), deployment("d"), service("s")]})
    world.up()
    writes = [each for each in wire.take() if each.writes]
    assert len(writes) == len(KINDS), writes


def test_one_changed_object_of_many_is_the_only_one_that_is_written(world, wire):
    files = {f"app/{n}.yaml": config(f"c{n}") for n in range(20)}
    world.begin(files, world.application(options=["ApplyOutOfSyncOnly=true"]))
    world.up()
    world.repository().commit({"app/7.yaml": config("c7", {"a": "2"})})
    wire.take()
    ran = world.up()
    writes = {each.path.partition("?")[0].rpartition("/")[2] for each in wire.take() if each.writes}
    assert writes == {"c7"}
    assert "1 object changed" in ran.out


def test_a_heal_writes_the_object_that_differs_once(world, wire):
    world.begin({"app/x.yaml": [config("c"), deployment("d", replicas=2)]})
    world.up()
    world.kube.patch("Deployment", "d", {"spec": {"replicas": 4}})
    wire.take()
    ran = world.up()
    assert [each.path.partition("?")[0].rpartition("/")[2] for each in wire.take() if each.writes] == ["d"]
    assert "1 object changed" in ran.out


@pytest.mark.parametrize("command", [["preview"], ["status"], ["drift"], ["history"], ["why", "NAME"], ["render"]])
def test_what_only_looks_writes_nothing(world, wire, command):
    world.begin({"app/x.yaml": config("c")})
    world.up()
    world.repository().commit({"app/x.yaml": config("c", {"a": "2"})})
    wire.take()
    ran = world.plat(*(world.name if word == "NAME" else word for word in command))
    assert "Traceback" not in ran.all
    assert [each for each in wire.take() if each.writes] == []
    assert world.kube.get("ConfigMap", "c")["data"] == {"a": "1"}


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_fails_for_a_while_is_asked_again(world, wire, status):
    world.begin({"app/x.yaml": [config("c"), deployment("d")]})
    failures = iter([status] * 4)
    wire.before = lambda asked: next(failures, 0) if asked.method == "PATCH" else 0
    world.up()
    assert world.kube.names("ConfigMap") == {"c"}
    assert world.kube.names("Deployment") == {"d"}


def test_a_server_that_forbids_is_told_by_its_own_words(world, wire):
    world.begin({"app/x.yaml": [config("c")]})
    wire.before = lambda asked: 403 if asked.method == "PATCH" else 0
    ran = world.up(code=1)
    assert "by the test" in ran.out
