"""The engine alone: 100,000 keys with a trivial `decide`, against an asyncio queue that does nothing."""

from __future__ import annotations

import asyncio
import gc
import resource
import time
from datetime import datetime
from typing import Any

from plat.engine import Decision, Engine, Past, Reason

KEYS = 100_000
WORKERS = 32
ROUNDS = 5
NOTHING = Decision(because=Reason("nothing-to-do"))


class Trivial:
    async def observe(self, key: int, past: Past) -> int:  # noqa: ARG002  # the protocol's signature
        return key

    def decide(self, observed: int, now: datetime) -> Decision:  # noqa: ARG002  # the protocol's signature
        return NOTHING


async def floor() -> float:
    """Return the seconds that an asyncio queue takes to hand 100,000 items to 32 workers that do nothing."""
    queue: asyncio.Queue[int] = asyncio.Queue()

    async def work() -> None:
        while True:
            await queue.get()
            queue.task_done()

    began = time.perf_counter()
    for key in range(KEYS):
        queue.put_nowait(key)
    workers = [asyncio.create_task(work()) for _ in range(WORKERS)]
    await queue.join()
    took = time.perf_counter() - began
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    return took


async def once(engine: Engine) -> float:
    """Return the seconds that the engine takes for one pass over every key."""
    began = time.perf_counter()
    for key in range(KEYS):
        engine.enqueue("trivial", key)
    report = await engine.run()
    assert report.settled
    assert report.passes == KEYS
    return time.perf_counter() - began


def resident() -> float:
    """Return the resident memory of this process in megabytes."""
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


async def measure() -> list[dict[str, Any]]:
    firsts = []
    for _ in range(ROUNDS):
        engine = Engine()
        engine.register("trivial", Trivial())
        gc.collect()
        firsts.append(await once(engine))
    first = min(firsts)
    await once(engine)
    await floor()
    gc.collect()
    before = resident()
    floors, rounds = [], []
    for _ in range(ROUNDS):
        floors.append(await floor())
        rounds.append(await once(engine))
    gc.collect()
    grown = resident() - before
    low = min(floors)
    print(f"floor {low:.3f} s, first {first:.3f} s, again {min(rounds):.3f} s, memory {before:.0f} MB {grown:+.1f} MB")
    return [
        _row("engine: 100,000 new keys", first / low, 10, "x asyncio.Queue"),
        _row("engine: 100,000 known keys", min(rounds) / low, 10, "x asyncio.Queue"),
        _row("engine: memory after 500,000 more passes", grown, 5, "MB more"),
    ]


def _row(workload: str, value: float, goal: float, unit: str) -> dict[str, Any]:
    return {"workload": workload, "value": round(value, 2), "goal": goal, "unit": unit, "ok": value <= goal}


def run() -> list[dict[str, Any]]:
    """Measure; each row is a ratio to a floor measured in the same run."""
    return asyncio.run(measure())


if __name__ == "__main__":
    for row in run():
        print(row)
