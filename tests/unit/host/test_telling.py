from __future__ import annotations

import asyncio
import sys
import time
from datetime import timedelta

import pytest

from plat.api import HealthCheck
from plat.host import Host, telling
from plat.testing import event

HOOKS = {"plat_health_checks": HealthCheck}
LISTENER = """
import sys, time
from plat.api import hookimpl
heard = []

@hookimpl
{signature}
    heard.append({noted})
    {then}
"""


def listener(then="pass", *, signature="def plat_event(event):", noted="event.type"):
    return LISTENER.format(then=then, signature=signature, noted=noted)


@pytest.fixture
def host(site):
    made = []

    def make():
        made.append(Host(site.rows(), environ={}))
        return made[-1]

    yield make
    for host in made:
        host.close()


async def tell(host, *types):
    for type_ in types:
        host.tell(event(type_))
    await host.settle(timedelta(seconds=2))


async def test_every_listener_hears_every_event_in_order(site, host):
    site.add("one-plugin", listener())
    site.add("two-plugin", listener(signature="async def plat_event(event):"))
    site.add("all-ears", listener(signature="def plat_event():", noted="'something'"))
    await tell(host(), "a", "b", "c")
    assert sys.modules["one_plugin"].heard == ["a", "b", "c"]
    assert sys.modules["two_plugin"].heard == ["a", "b", "c"]
    assert sys.modules["all_ears"].heard == ["something"] * 3


@pytest.mark.parametrize(
    ("then", "why"),
    [
        ("raise ValueError('no')", "plat_event raised ValueError: no"),
        ("sys.exit(3)", "plat_event raised SystemExit: 3"),
        ("event.type = 'other'", "plat_event raised FrozenInstanceError"),
        ("raise KeyError", "plat_event raised KeyError"),
    ],
)
@pytest.mark.parametrize("kind", ["def", "async def"])
async def test_what_a_listener_raises_reaches_nobody_and_is_shown(site, host, kind, then, why):
    site.add("bad-one", listener(then, signature=f"{kind} plat_event(event):"))
    site.add("good-one", listener())
    made = host()
    await tell(made, "a", "b")
    assert sys.modules["good_one"].heard == ["a", "b"]
    bad, good = made.plugins(HOOKS)
    assert (bad.status, good.status) == ("faulty", "active")
    assert why in bad.why


async def test_a_listener_that_hangs_holds_nobody_up(site, host, monkeypatch):
    monkeypatch.setattr(telling, "PATIENCE", timedelta(seconds=0.05))
    site.add("slow-one", listener("time.sleep(0.3)"))
    site.add("good-one", listener())
    made = host()
    began = time.monotonic()
    made.tell(event("a"))
    assert time.monotonic() - began < 0.2
    await asyncio.sleep(0.15)
    assert sys.modules["good_one"].heard == ["a"]
    assert "did not answer within 0.05 s" in made.plugins(HOOKS)[1].why


async def test_settling_does_not_wait_for_ever(site, host):
    site.add(
        "slow-one",
        listener("await asyncio.sleep(60)", signature="async def plat_event(event):").replace(
            "import sys,", "import asyncio, sys,"
        ),
    )
    made = host()
    made.tell(event("a"))
    made.tell(event("b"))
    began = time.monotonic()
    await made.settle(timedelta(seconds=0.1))
    assert time.monotonic() - began < 1
    assert "1 events were not told to it in time" in made.plugins(HOOKS)[0].why


async def test_a_backlog_is_limited(site, host, monkeypatch):
    monkeypatch.setattr(telling, "BACKLOG", 2)
    site.add("one-plugin", listener())
    made = host()
    for type_ in "abcd":
        made.tell(event(type_))
    await made.settle()
    assert sys.modules["one_plugin"].heard == ["a", "b"]
    assert "does not keep up" in made.plugins(HOOKS)[0].why


async def test_after_settling_one_may_go_on(site, host):
    site.add("one-plugin", listener())
    made = host()
    await tell(made, "a")
    await tell(made, "b")
    assert sys.modules["one_plugin"].heard == ["a", "b"]


def test_without_a_listener_nothing_is_needed(host):
    host().tell(event())
