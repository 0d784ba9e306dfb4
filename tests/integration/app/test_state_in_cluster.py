"""`state: {use: kubernetes}`: the objects of a stack live in one of its clusters, and every command finds them there."""

from __future__ import annotations

import shutil

import pytest
from tests.e2e.objects import config

pytestmark = pytest.mark.cluster


def _begin(world):
    world.begin({"app/a.yaml": config("a", {"k": "1"})})
    world.stack(
        {"gitops/all.yaml": [world.application()]}, state={"use": "kubernetes", "cluster": next(iter(world.clusters))}
    )


def test_a_run_from_another_directory_finds_what_the_first_has_left(world):
    _begin(world)
    assert "1 object changed" in world.up().out
    shutil.rmtree(world.root / ".plat")
    assert world.states()[""]["sync"] == "Synced"
    assert "nothing to do" in world.up().out


def test_commands_that_look_read_the_cluster_and_change_nothing_there(world):
    _begin(world)
    world.up()
    before = world.kube.get("ConfigMap", "a")["metadata"]["resourceVersion"]
    assert "nothing to do" in world.plat("preview").out
    assert "Synced and Healthy" in world.plat("why", world.named("")).out
    assert world.kube.get("ConfigMap", "a")["metadata"]["resourceVersion"] == before


def test_a_state_cluster_that_is_not_declared_is_one_clear_error(world):
    world.begin({"app/a.yaml": config("a")})
    world.stack(state={"use": "kubernetes", "cluster": "nowhere"})
    ran = world.plat("up")
    assert ran.code == 1
    assert "plat.yaml:" in ran.err
    assert "state.cluster must name one of `clusters`" in ran.err
