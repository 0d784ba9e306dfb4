from __future__ import annotations

import asyncio
import threading
import time
from datetime import timedelta

import pytest

from plat.api import Plugin, RefusedError, UnavailableError, UserError, acting, reading
from plat.host import Caller, PluginError


class Answering(Plugin):
    kind = "answering"

    @reading
    def in_thread(self, ctx):
        return threading.current_thread().name, ctx

    @reading
    async def in_loop(self, ctx):
        return threading.current_thread().name, ctx


class Failing(Plugin):
    kind = "failing"

    @acting
    def user(self, ctx):
        raise UserError("change it")

    @acting
    def refused(self, ctx):
        raise RefusedError("no", code="stale")

    @acting
    async def bug(self, ctx):
        raise KeyError("x")


class Slow(Plugin):
    kind = "slow"

    def deadline(self, method):
        return timedelta(seconds=0.05)

    async def forever(self, ctx):
        await asyncio.sleep(60)

    def blocking(self, ctx):
        time.sleep(0.3)


@pytest.fixture
def caller():
    caller = Caller(lambda cls: f"{cls.kind} (acme 1.0)")
    yield caller
    caller.close()


async def test_def_runs_in_a_thread_of_its_distribution_and_async_in_the_loop(caller):
    thread, given = await caller.call(Answering(), "in_thread", 7)
    assert thread.startswith("answering (acme 1.0)")
    assert given == 7
    assert (await caller.call(Answering(), "in_loop", 7))[0] == threading.current_thread().name


@pytest.mark.parametrize(("method", "error"), [("user", UserError), ("refused", RefusedError)])
async def test_errors_that_say_whose_fault_pass_through(caller, method, error):
    with pytest.raises(error):
        await caller.call(Failing(), method, None)


async def test_anything_else_is_the_plugins_fault_by_name(caller):
    with pytest.raises(PluginError, match=r"plug-in failing \(acme 1.0\): failing.bug raised KeyError: 'x'"):
        await caller.call(Failing(), "bug", None)


@pytest.mark.parametrize("method", ["forever", "blocking"])
async def test_what_hangs_is_cut_off_and_remembered(caller, method):
    with pytest.raises(PluginError, match=r"did not answer within 0\.05 s"):
        await caller.call(Slow(), method, None)
    assert caller.hanging() == {"slow (acme 1.0)": frozenset({f"slow.{method}"})}


async def test_too_many_faults_open_the_circuit_of_that_distribution_only(caller):
    for _ in range(5):
        with pytest.raises(PluginError):
            await caller.call(Failing(), "bug", None)
    with pytest.raises(UnavailableError, match="failed 5 times in a row"):
        await caller.call(Failing(), "bug", None)
    assert (await caller.call(Answering(), "in_loop", 1))[1] == 1
