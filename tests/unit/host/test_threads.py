from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time

import pytest

from plat.host.threads import Threads


@pytest.fixture
def threads():
    made = Threads(2, "acme")
    yield made
    made.close()


async def test_it_answers_from_a_thread_of_its_own_and_uses_it_again(threads):
    names = {await threads.run(lambda: threading.current_thread().name) for _ in range(20)}
    assert names <= {"acme_1", "acme_2"}


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), StopIteration()])
async def test_what_is_raised_is_raised_here(threads, error):
    def fail():
        raise error

    with pytest.raises((type(error), RuntimeError)):
        await threads.run(fail)
    assert await threads.run(lambda: 1) == 1


async def test_no_more_at_once_than_the_limit(threads):
    running, most = [], []

    def work():
        running.append(1)
        most.append(len(running))
        time.sleep(0.02)
        running.pop()

    await asyncio.gather(*(threads.run(work) for _ in range(10)))
    assert max(most) == 2


async def test_one_that_hangs_keeps_no_other_from_running(threads):
    end = threading.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await threads.run(end.wait)
    assert await asyncio.wait_for(threads.run(lambda: "other"), 5) == "other"
    end.set()


def test_one_that_hangs_keeps_no_process_from_ending():
    code = """
import asyncio, time
from plat.host.threads import Threads

async def main():
    try:
        async with asyncio.timeout(0.05):
            await Threads(1, "x").run(lambda: time.sleep(60))
    except TimeoutError:
        print("cut off")

asyncio.run(main())
"""
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "cut off\n"
    assert time.monotonic() - began < 20
