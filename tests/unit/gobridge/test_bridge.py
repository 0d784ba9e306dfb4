from __future__ import annotations

import asyncio
import os
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from plat.api import PlatError, RefusedError, UnavailableError, UserError
from plat.gobridge import Bridge, HelperFaultError, Limits, Operation, versions, yaml

SLOW = [("", b"a: [" + b"{b: c}," * 60_000 + b"]")] * 12


async def test_nothing_starts_before_the_first_request_and_nothing_stays():
    bridge = Bridge()
    assert not bridge.pids
    await yaml.documents(bridge, b"a: 1")
    (pid,) = bridge.pids
    await bridge.aclose()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(UnavailableError, match="closed"):
        await yaml.documents(bridge, b"a: 1")


async def test_versions_name_the_pinned_libraries(bridge):
    found = await versions(bridge)
    assert found["sigs.k8s.io/yaml"].startswith("v1.")
    assert found["go"].startswith("go1.27")


async def test_requests_run_side_by_side_and_answers_find_their_askers(bridge):
    slow = asyncio.create_task(yaml.many(bridge, SLOW))
    await asyncio.sleep(0.05)
    quick = await asyncio.gather(*(yaml.documents(bridge, f"a: {i}".encode()) for i in range(200)))
    assert [found[0].value["a"] for found in quick] == list(range(200))
    assert not slow.done()
    await slow


async def kill_soon(bridge: Bridge, *, but: int = 0) -> int:
    """Kill the process that works, but not `but`, and return its id."""
    await asyncio.sleep(0.2)
    (pid,) = [pid for pid in bridge.pids if pid != but]
    os.kill(pid, signal.SIGKILL)
    return pid


async def test_work_of_a_process_that_is_killed_is_done_by_another(bridge):
    await yaml.documents(bridge, b"a: 1")
    tasks = [asyncio.create_task(yaml.many(bridge, SLOW[: 8 + i])) for i in range(2)]
    pid = await kill_soon(bridge)
    first, second = await asyncio.gather(*tasks)
    assert (len(first), len(second)) == (8, 9)
    (document,) = await yaml.documents(bridge, b"a: 2")
    assert document.value == {"a": 2}
    assert pid not in bridge.pids


async def test_a_process_that_was_killed_when_idle_is_replaced_unseen(bridge):
    await yaml.documents(bridge, b"a: 1")
    os.kill(bridge.pids[0], signal.SIGKILL)
    assert await yaml.documents(bridge, b"a: 1")


async def test_a_request_that_is_lost_twice_fails_by_name_and_then_is_refused(bridge):
    for _ in range(2):
        task = asyncio.create_task(yaml.many(bridge, SLOW))
        pid = await kill_soon(bridge)
        await kill_soon(bridge, but=pid)
        with pytest.raises(UnavailableError, match=r"yaml\.documents: the helper ended with code -9"):
            await task
    with pytest.raises(RefusedError, match="before") as caught:
        await yaml.many(bridge, SLOW)
    assert caught.value.code == "poisoned"
    assert await yaml.documents(bridge, b"a: 1")


async def test_a_deadline_ends_the_request_but_not_the_process(bridge):
    await yaml.documents(bridge, b"a: 1")
    pids = bridge.pids
    texts = [{"where": "", "text": text.decode()} for _, text in SLOW * 3]
    request = {"texts": texts, "loose": False, "expand": True}
    call = bridge.call(Operation.YAML_DOCUMENTS, request, deadline=timedelta(milliseconds=100))
    answer: Any = (await asyncio.gather(call, return_exceptions=True))[0]
    # On a busy machine the deadline passes before the first item, and the whole request is refused.
    code = answer.code if isinstance(answer, RefusedError) else answer[-1]["error"]["code"]
    assert code == "deadline"
    assert bridge.pids == pids


async def test_memory_is_bounded_and_the_error_says_so():
    async with Bridge(size=1, limits=Limits(memory=60 << 20)) as bridge:
        for _ in range(2):
            with pytest.raises(UnavailableError, match=r"yaml\.documents: the helper used more than 60 MB"):
                await yaml.many(bridge, SLOW)
        with pytest.raises(RefusedError):
            await yaml.many(bridge, SLOW)
        assert await yaml.documents(bridge, b"a: 1")


async def test_a_process_is_replaced_after_its_share_of_requests():
    async with Bridge(size=1, limits=Limits(recycle_requests=5)) as bridge:
        pids: set[int] = set()
        for i in range(12):
            await yaml.documents(bridge, f"a: {i}".encode())
            pids.update(bridge.pids)
    assert len(pids) == 3


async def test_another_process_starts_only_under_load():
    async with Bridge(size=2, limits=Limits(crowd=2)) as bridge:
        await yaml.documents(bridge, b"a: 1")
        assert len(bridge.pids) == 1
        await asyncio.gather(*(yaml.many(bridge, SLOW[:2]) for _ in range(6)))
        assert len(bridge.pids) == 2


async def test_a_cancelled_caller_leaves_the_process_usable(bridge):
    task = asyncio.create_task(yaml.many(bridge, SLOW))
    await asyncio.sleep(0.1)
    pids = bridge.pids
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await yaml.documents(bridge, b"a: 1")
    assert bridge.pids == pids


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"texts": 5}, HelperFaultError),
        ({"texts": [{"text": {1, 2}}]}, UserError),
        ({"texts": [{"text": 2**70}]}, UserError),
    ],
)
async def test_a_request_that_does_not_fit_is_an_error_of_its_own(bridge, request_, error):
    with pytest.raises(error):
        await bridge.call(Operation.YAML_DOCUMENTS, request_)
    assert await yaml.documents(bridge, b"a: 1")


async def test_a_request_over_the_limit_is_not_sent():
    async with Bridge(size=1, limits=Limits(request=1000)) as bridge:
        with pytest.raises(RefusedError, match="too large"):
            await yaml.documents(bridge, b"a" * 2000)


async def test_an_answer_over_the_limit_is_an_error_not_a_hang():
    async with Bridge(size=1, limits=Limits(request=2000)) as bridge:
        with pytest.raises(RefusedError, match="larger than the limit"):
            await yaml.documents(bridge, b"a: &a " + b"x" * 300 + b"\nb: [" + b"*a," * 50 + b"]")


async def test_a_missing_program_is_unavailable():
    async with Bridge(binary=Path("/nonexistent/gobridge")) as bridge:
        with pytest.raises(UnavailableError, match="does not start"):
            await yaml.documents(bridge, b"a: 1")


async def test_a_program_that_is_no_helper_fails_its_request():
    async with Bridge(binary=Path("/bin/true")) as bridge:
        with pytest.raises(PlatError):
            await yaml.documents(bridge, b"a: 1")


async def test_closing_while_a_process_starts_leaves_nothing_behind():
    async with Bridge(size=1) as bridge:
        started = asyncio.create_task(yaml.documents(bridge, b"a: 1"))
        await asyncio.sleep(0)
    with pytest.raises(UnavailableError):
        await started
    assert bridge.pids == []
