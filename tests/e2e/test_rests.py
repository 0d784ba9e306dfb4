"""What is in order and unchanged is not looked at again; whatever changes is seen all the same."""

from __future__ import annotations

import sqlite3

import pytest
from tests.e2e.objects import config, kustomization
from tests.e2e.world import World

BASE = {
    "app/kustomization.yaml": kustomization(["../base", "own.yaml"]),
    "app/own.yaml": config("own"),
    "base/kustomization.yaml": kustomization(["shared.yaml"]),
    "base/shared.yaml": config("shared"),
    "elsewhere/other.yaml": config("other"),
}


def rests(world: World) -> dict[str, bytes]:
    with sqlite3.connect(world.root / ".plat" / "rests.db") as db:
        return dict(db.execute("select app, row from rows"))


@pytest.fixture
def resting(world):
    """An application that two runs have found in order."""
    world.begin(BASE)
    world.up()
    world.up()
    assert set(rests(world)) == {f"argocd/{world.name}"}
    return world


def edited(world):
    world.kube.patch("ConfigMap", "own", {"data": {"a": "edited"}})


def deleted(world):
    world.kube.delete("ConfigMap", "own")


def left_behind(world):
    extra = config("extra", {"a": "1"})
    extra["metadata"]["namespace"] = world.name
    note = f"{world.name}:/ConfigMap:{world.name}/extra"
    extra["metadata"]["annotations"] = {"argocd.argoproj.io/tracking-id": note}
    world.kube.create(extra)


def committed(world):
    world.repository().commit({"app/own.yaml": config("own", {"a": "2"})})


def committed_in_the_base(world):
    world.repository().commit({"base/shared.yaml": config("shared", {"a": "2"})})


def overridden(world):
    world.repository().commit({"app/.argocd-source.yaml": {"kustomize": {"namePrefix": "my-"}}})


def respecified(world):
    app = world.application()
    app["spec"]["source"]["kustomize"] = {"commonAnnotations": {"by": "ann"}}
    world.declare(app)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (edited, {"own": {"a": "1"}, "shared": {"a": "1"}}),
        (deleted, {"own": {"a": "1"}, "shared": {"a": "1"}}),
        (left_behind, {"own": {"a": "1"}, "shared": {"a": "1"}}),
        (committed, {"own": {"a": "2"}, "shared": {"a": "1"}}),
        (committed_in_the_base, {"own": {"a": "1"}, "shared": {"a": "2"}}),
        (overridden, {"my-own": {"a": "1"}, "my-shared": {"a": "1"}}),
        (respecified, {"own": {"a": "1"}, "shared": {"a": "1"}}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_changes_is_seen(resting, change, expected):
    change(resting)
    ran = resting.up()
    assert "nothing to do" not in ran.out
    names = resting.kube.names("ConfigMap")
    assert {name: resting.kube.get("ConfigMap", name)["data"] for name in names} == expected
    if change is respecified:
        assert resting.kube.get("ConfigMap", "own")["metadata"]["annotations"]["by"] == "ann"


def test_a_commit_elsewhere_wakes_nothing(resting):
    before, versions = rests(resting), resting.kube.versions("ConfigMap")
    resting.repository().commit({"elsewhere/other.yaml": config("other", {"a": "2"})})
    assert "nothing to do" in resting.up().out
    assert rests(resting) == before
    assert resting.kube.versions("ConfigMap") == versions


def test_a_project_that_forbids_what_is_there_is_obeyed_at_once(resting):
    project = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "default", "namespace": "argocd"},
        "spec": {"sourceRepos": ["https://nowhere.example/*"], "destinations": [{"server": "*", "namespace": "*"}]},
    }
    resting.declare(resting.application(), project)
    assert "not permitted" in resting.up(code=1).all


def test_one_that_is_out_of_order_does_not_rest(world):
    world.begin({"app/own.yaml": config("own")}, world.application(automated={"selfHeal": False}))
    world.up()
    world.up()
    edited(world)
    world.up(code=3)
    assert rests(world) == {}


def test_one_that_is_gone_is_deleted(world):
    world.begin({"app/own.yaml": config("own")}, world.application(finalizer=True))
    world.up()
    world.up()
    world.declare()
    world.up()
    assert world.kube.names("ConfigMap") == set()
    assert rests(world) == {}
