"""What somebody does to a cluster by hand, and what plat makes of it (spec/cluster §3, §6, §7)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.e2e.objects import PREFIX, config, deployment, service

NO_HEAL = {"prune": True}


def test_a_field_that_somebody_changed_is_healed_and_told(world):
    world.begin({"app/web.yaml": deployment("web", replicas=2)})
    world.up()
    world.kube.patch("Deployment", "web", {"spec": {"replicas": 5}}, manager="kubectl-edit")
    ran = world.up()
    assert world.kube.get("Deployment", "web")["spec"]["replicas"] == 2
    assert "1 object changed" in ran.out
    drift = world.plat("drift", "-o", "json").json
    text = str(drift)
    assert "spec.replicas" in text
    assert "kubectl-edit" in text


def test_an_object_that_somebody_deleted_comes_back(world):
    world.begin({"app/web.yaml": [config("web"), service("web")]})
    world.up()
    world.kube.delete("ConfigMap", "web")
    ran = world.up()
    assert world.kube.names("ConfigMap") == {"web"}
    assert "1 object changed" in ran.out


def test_a_field_that_somebody_added_is_theirs(world):
    world.begin({"app/web.yaml": config("web", {"a": "1"})})
    world.up()
    world.kube.apply(config("web", {"b": "2"}), manager="somebody")
    ran = world.up()
    assert world.kube.get("ConfigMap", "web")["data"] == {"a": "1", "b": "2"}
    assert "nothing to do" in ran.out


def test_without_selfheal_drift_is_told_and_left(world):
    world.begin({"app/web.yaml": deployment("web", replicas=2)}, world.application(automated=NO_HEAL))
    world.up()
    world.kube.patch("Deployment", "web", {"spec": {"replicas": 5}})
    ran = world.up(code=3)
    assert world.kube.get("Deployment", "web")["spec"]["replicas"] == 5
    assert "selfHeal is off" in ran.out
    assert world.states()[""]["sync"] == "OutOfSync"


@pytest.mark.parametrize(
    "rule",
    [
        {"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]},
        {"group": "*", "kind": "*", "jqPathExpressions": [".spec.replicas"]},
        {"group": "apps", "kind": "Deployment", "managedFieldsManagers": ["autoscaler"]},
        {"group": "apps", "kind": "Deployment", "name": "web", "jsonPointers": ["/not/there", "/spec/replicas"]},
    ],
    ids=["pointer", "jq", "manager", "name"],
)
def test_an_autoscaler_may_keep_the_field_that_is_ignored(world, rule):
    world.begin({"app/web.yaml": deployment("web", replicas=2)}, world.application(ignoreDifferences=[rule]))
    world.up()
    world.kube.patch("Deployment", "web", {"spec": {"replicas": 5}}, manager="autoscaler")
    ran = world.up()
    assert world.kube.get("Deployment", "web")["spec"]["replicas"] == 5
    assert "nothing to do" in ran.out


def test_an_ignored_field_takes_gits_value_when_the_object_is_applied_unless_it_is_to_be_respected(world):
    rule = {"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}
    option = "RespectIgnoreDifferences=true"
    world.stack()
    world.repository(
        files={"a/web.yaml": deployment("plain", replicas=2), "b/web.yaml": deployment("respected", replicas=2)}
    )
    world.declare(
        world.application("a", "a", ignoreDifferences=[rule]),
        world.application("b", "b", options=[option], ignoreDifferences=[rule]),
    )
    world.up()
    for name in ("plain", "respected"):
        world.kube.patch("Deployment", name, {"spec": {"replicas": 5}}, manager="autoscaler")
    world.repository().commit(
        {
            "a/web.yaml": deployment("plain", replicas=2, tag="v2"),
            "b/web.yaml": deployment("respected", replicas=2, tag="v2"),
        }
    )
    world.up()
    found = {name: world.kube.get("Deployment", name)["spec"]["replicas"] for name in ("plain", "respected")}
    assert found == {"plain": 2, "respected": 5}


# -- whose an object is


def _id(app, world, name):
    return {f"{PREFIX}/tracking-id": f"{app}:/ConfigMap:{world.name}/{name}"}


def test_what_argo_cd_has_applied_is_taken_over_without_a_write(world):
    found = config("web")
    found["metadata"] = {"name": "web", "namespace": world.name, "annotations": _id(world.name, world, "web")}
    world.kube.apply(found, manager="argocd-controller")
    before = world.kube.versions("ConfigMap")
    world.begin({"app/web.yaml": config("web")})
    ran = world.up()
    assert "nothing to do" in ran.out
    assert world.kube.versions("ConfigMap") == before


def test_an_object_of_ours_that_git_never_had_is_pruned_and_one_that_was_copied_is_not(world):
    for name, ids in (
        ("ours", _id(world.name, world, "ours")),
        ("copy", _id(world.name, world, "other")),
        ("nobodys", {}),
    ):
        found = config(name)
        found["metadata"] = {"name": name, "namespace": world.name, "annotations": ids}
        world.kube.apply(found)
    world.begin({"app/web.yaml": config("web")})
    world.up()
    assert world.kube.names("ConfigMap") == {"web", "copy", "nobodys"}


def test_an_object_of_two_applications_is_said_to_be(world):
    world.stack()
    world.repository(files={"a/x.yaml": config("shared"), "b/x.yaml": config("shared")})
    world.declare(
        world.application("a", "a", automated={"prune": True}), world.application("b", "b", automated={"prune": True})
    )
    ran = world.plat("up", "--timeout=20s")
    assert "Traceback" not in ran.all
    assert world.kube.names("ConfigMap") == {"shared"}
    status = str(world.plat("status", "-o", "json").json)
    assert "ConfigMap/shared is part of applications" in status, ran


def test_failonsharedresource_leaves_the_object_to_its_owner(world):
    world.stack()
    world.repository(
        files={
            "a/x.yaml": config("shared", {"from": "a"}),
            "b/x.yaml": [config("shared", {"from": "b"}), config("own")],
        }
    )
    world.declare(world.application("a", "a"))
    world.up()
    world.declare(world.application("a", "a"), world.application("b", "b", options=["FailOnSharedResource=true"]))
    ran = world.up(code=1)
    assert world.kube.get("ConfigMap", "shared")["data"] == {"from": "a"}
    assert world.kube.names("ConfigMap") == {"shared"}
    assert "shared" in ran.out


# -- secrets


def test_the_value_of_a_secret_is_nowhere_in_what_is_printed_or_kept(world):
    secret: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "stringData": {"password": "open-sesame"},
    }
    world.begin({"app/s.yaml": secret})
    world.up()
    assert "nothing to do" in world.up().out
    secret["stringData"]["password"] = "tell-nobody"
    world.repository().commit({"app/s.yaml": secret})
    shown = [world.plat("preview"), world.plat("preview", "-o", "json"), world.plat("why", world.name), world.up()]
    shown += [world.plat("drift"), world.plat("history"), world.plat("status")]
    for ran in shown:
        for word in ("open-sesame", "tell-nobody", "b3Blbi1zZXNhbWU", "dGVsbC1ub2JvZHk"):
            assert word not in ran.all, ran
    kept = b"".join(path.read_bytes() for path in (world.root / ".plat").rglob("*") if path.is_file())
    assert b"open-sesame" not in kept
    assert b"b3Blbi1zZXNhbWU" not in kept
    assert b"dGVsbC1ub2JvZHk" not in kept
