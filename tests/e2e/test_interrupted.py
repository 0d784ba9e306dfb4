"""A run that is killed, interrupted or begun twice: the next one goes on (issue: bad input; DESIGN §4)."""

from __future__ import annotations

import random
import signal
import time

import pytest
from tests.e2e.kube import until
from tests.e2e.objects import config, deployment, job, service

WAITS = {
    "app/a.yaml": config("first"),
    "app/b.yaml": deployment("web", bad=True, wave="1"),
    "app/c.yaml": service("late", wave="2"),
}


def _started(world):
    process = world.start("up", "--timeout=60s")
    until(lambda: world.kube.get("Deployment", "web"), what="the run to begin")
    return process


def test_two_runs_at_once_the_second_names_the_first(world):
    world.begin(WAITS)
    process = _started(world)
    try:
        ran = world.up(code=1)
        assert f"pid {process.pid}" in ran.err
        assert f"stack {world.name} is held by" in ran.err
        assert ran.out == ""
        assert str(process.pid) in world.plat("status").out
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_so_and_the_next_goes_on(world, sent):
    world.begin(WAITS)
    process = _started(world)
    process.send_signal(sent)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130, out + err
    assert "Interrupted" in err
    assert "Traceback" not in out + err
    assert "Error" not in err
    assert [lease for lease in world.kube.names("Lease", "default") if world.name in lease] == []
    world.repository().commit({"app/b.yaml": deployment("web", wave="1", tag="v2")})
    world.up()
    assert world.kube.names("Service") == {"late"}


def test_interrupted_twice_it_ends_at_once(world):
    world.begin(WAITS)
    process = _started(world)
    process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode in (130, -2), out + err
    assert "Traceback" not in out + err


def _version(number):
    """Return one state of git: of eight objects some come, some go, some change, hooks run each time."""
    some = random.Random(number)
    return {
        "app/pre.yaml": job("pre", hook="PreSync", tag=f"v{number}"),
        "app/post.yaml": job("post", hook="PostSync", policy="HookSucceeded"),
        "app/stays.yaml": config("stays", {"version": str(number)}, wave="-1"),
        "app/web.yaml": deployment("web", tag=f"v{number}", wave="1"),
        **{
            f"app/o{n}.yaml": config(f"o{n}", {"version": str(number)}, wave=str(n % 3))
            if some.random() < 0.6
            else "# nothing"
            for n in range(5)
        },
    }


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_killed_at_any_moment_the_next_run_reaches_what_git_says(world):
    chance = random.Random(7)
    world.begin(_version(0), world.application(finalizer=True))
    for number in range(1, 16):
        process = world.start("up", "--timeout=60s")
        time.sleep(chance.uniform(0.4, 3.0))
        process.kill()
        process.communicate()
        if number % 2:
            world.repository().commit(_version(number))
    ran = world.up()
    last = _version(15)
    wanted = {"stays"} | {f"o{n}" for n in range(5) if last[f"app/o{n}.yaml"] != "# nothing"}
    assert world.kube.names("ConfigMap") == wanted, ran
    assert {world.kube.get("ConfigMap", name)["data"]["version"] for name in wanted} == {"15"}
    assert world.kube.get("Deployment", "web")["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":v15")
    until(lambda: world.kube.names("Job") == {"pre"}, what="the PostSync hook to be deleted")
    assert "finalizers" not in world.kube.get("Job", "pre")["metadata"]
    assert "nothing to do" in world.up().out
    assert world.plat("history").code == 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_killed_at_any_moment_a_deletion_goes_on(world):
    chance = random.Random(11)
    app = world.application(finalizer=True)
    files = {
        "app/x.yaml": [config(f"c{n}", wave=str(n)) for n in range(6)],
        "app/bye.yaml": job("bye", hook="PreDelete"),
    }
    world.begin(files, app)
    for _ in range(4):
        world.declare(app)
        world.up()
        assert len(world.kube.names("ConfigMap")) == 6
        world.declare()
        for _ in range(3):
            process = world.start("up", "--timeout=60s")
            time.sleep(chance.uniform(0.4, 1.6))
            process.kill()
            process.communicate()
        world.up()
        assert world.kube.names("ConfigMap") == set()
        assert world.states() == {}
