"""`plat serve`: the same loop for ever, woken by pushes and by what happens in the cluster."""

from __future__ import annotations

import signal

import pytest
from tests.e2e.kube import until
from tests.e2e.objects import config, deployment


@pytest.fixture
def served(world):
    world.begin({"app/web.yaml": [deployment("web", replicas=2), config("web", {"k": "1"})], "other/x.txt": "1"})
    process = world.start("serve")
    until(lambda: "web" in world.kube.names("Deployment"), what="the first sync")
    yield process
    if process.poll() is None:
        process.kill()
        process.communicate()


def _replicas(world):
    return world.kube.get("Deployment", "web")["spec"]["replicas"]


def test_pushes_are_applied_edits_are_healed_and_a_signal_ends_it_in_order(world, served):
    world.kube.patch("Deployment", "web", {"spec": {"replicas": 7}}, manager="kubectl-edit")
    until(lambda: _replicas(world) == 2, what="the edit to be healed")
    world.repository().commit({"app/web.yaml": [deployment("web", replicas=3), config("web", {"k": "2"})]})
    until(lambda: _replicas(world) == 3, what="the push to be applied")
    refused = world.run("up")
    assert refused.code == 1
    assert "is held by" in refused.err
    served.send_signal(signal.SIGTERM)
    out, err = served.communicate(timeout=30)
    assert served.returncode == 0, out + err
    assert "Stopped" in out
    drift = world.plat("drift", "-o", "json").json
    assert [(row["class"], bool(row["healed"])) for row in drift] == [("live-changed", True)]
    assert "nothing to do" in world.up().out


def test_a_push_that_changes_nothing_that_is_read_moves_no_revision(world, served):
    until(lambda: world.states()[""]["sync"] == "Synced", what="the status")
    before = world.states()[""]["revision"]
    world.repository().commit({"other/x.txt": "2"})
    world.repository().commit({"app/web.yaml": [deployment("web", replicas=4), config("web", {"k": "1"})]})
    until(lambda: _replicas(world) == 4, what="the push to be applied")
    until(lambda: world.states()[""]["revision"] != before, what="the new revision")
    after = world.states()[""]["revision"]
    world.repository().commit({"other/x.txt": "3"})
    served.send_signal(signal.SIGINT)
    served.communicate(timeout=30)
    assert "nothing to do" in world.up().out
    assert world.states()[""]["revision"] == after
