from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from plat.api import JSON, RefusedError, UnavailableError
from plat.engine import (
    Backoff,
    Batch,
    CancelOperation,
    Decision,
    Engine,
    LostError,
    Memory,
    OperationView,
    Past,
    Progress,
    Reason,
    Result,
    RunReport,
    ScaledClock,
    Settings,
    Standing,
    StartOperation,
    SystemClock,
    Work,
)

SOON = timedelta(seconds=5)
START = StartOperation(id="op", kind="job", arguments={"n": 1}, exclusive="one")


@dataclass
class Target:
    """The place where jobs run, whoever watches them."""

    started: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    ends: dict[str, asyncio.Event] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    trouble: list[Exception] = field(default_factory=list)
    deaf: int = 0
    """How often it does not hear that a job is cancelled."""

    def end(self, name: str) -> asyncio.Event:
        return self.ends.setdefault(name, asyncio.Event())


@dataclass
class Jobs:
    """Runs jobs at the target."""

    target: Target

    async def run(self, work: Work, progress: Progress) -> JSON:
        self.target.started.append(work.name)
        await progress.found_by({"job": work.name})
        progress.say("running", {"percent": 1})
        return await self._watch(work, "run")

    async def attach(self, work: Work, progress: Progress) -> JSON:
        progress.beat()
        if work.name not in self.target.started:
            raise LostError("nobody knows it")
        assert work.handle == {"job": work.name}
        return await self._watch(work, "attach")

    async def cancel(self, work: Work) -> None:
        if self.target.deaf:
            self.target.deaf -= 1
            raise UnavailableError("not now")
        self.target.stopped.append(work.name)
        self.target.end(work.name).set()

    async def _watch(self, work: Work, how: str) -> JSON:
        self.target.seen.append(how)
        if self.target.trouble:
            raise self.target.trouble.pop(0)
        await self.target.end(work.name).wait()
        if work.name in self.target.stopped:
            raise InterruptedError("stopped")
        return {"done": work.arguments}


@dataclass
class Wanted:
    """Starts what is wanted, cancels what is not, and stands as its operation does."""

    start: list[StartOperation] = field(default_factory=lambda: [START])
    cancel: str = ""
    seen: list[dict[str, OperationView]] = field(default_factory=list)

    async def observe(self, key: str, past: Past) -> Past:
        self.seen.append(dict(past.operations))
        return past

    def decide(self, past: Past, now: datetime) -> Decision:
        missing = tuple(s for s in self.start if s.id not in past.operations and s.id not in past.outcomes)
        if missing:
            return Decision((Batch(missing),), because=Reason("starts"), standing=Standing.WAITING)
        running = [o.id for o in past.operations.values() if o.outcome is None]
        if self.cancel in running and not past.operations[self.cancel].cancelled:
            cancel = CancelOperation(id="cancel", operation=self.cancel, code="superseded")
            return Decision((Batch((cancel,)),), because=Reason("cancels"), standing=Standing.WAITING)
        return Decision(
            because=Reason("runs" if running else "ended"), standing=Standing.WAITING if running else Standing.SETTLED
        )


def engine_for(wanted: Wanted, target: Target, memory: Memory) -> Engine:
    settings = Settings(backoff=Backoff(first=0.01))
    clock = ScaledClock(SystemClock(), 100)
    engine = Engine(clock=clock, memory=memory, settings=settings, runners={"job": Jobs(target)})
    engine.register("toy", wanted)
    engine.enqueue("toy", "k")
    return engine


async def lived(wanted: Wanted, target: Target, memory: Memory | None = None) -> RunReport:
    return await engine_for(wanted, target, memory or Memory()).run(timeout=SOON)


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # it looks at what many write
            await asyncio.sleep(0.001)


async def test_it_outlives_its_effect_and_ends_as_a_fact() -> None:
    wanted, target = Wanted(), Target()
    run = asyncio.ensure_future(lived(wanted, target))
    await until(lambda: wanted.seen and wanted.seen[-1].get("op") and wanted.seen[-1]["op"].progress)
    view = wanted.seen[-1]["op"]
    assert (view.kind, view.state, view.progress, view.outcome) == ("job", {"percent": 1}, "running", None)
    assert view.heartbeat is not None
    target.end("toy/k:op").set()
    assert (await run).settled
    outcome = wanted.seen[-1]["op"].outcome
    assert outcome is not None
    assert (outcome.result, outcome.value) == (Result.DONE, {"done": {"n": 1}})
    assert target.started == ["toy/k:op"]


async def test_the_key_is_free_while_it_runs() -> None:
    wanted, target = Wanted(), Target()
    engine = engine_for(wanted, target, Memory())
    run = asyncio.ensure_future(engine.run(timeout=SOON))
    await until(lambda: target.seen)
    passes = len(wanted.seen)
    engine.enqueue("toy", "k")
    await until(lambda: len(wanted.seen) > passes)
    target.end("toy/k:op").set()
    assert (await run).settled


@pytest.mark.parametrize("deaf", [0, 3], ids=["heard at once", "heard the fourth time"])
async def test_cancelling_ends_it_with_the_reason(deaf: int) -> None:
    wanted, target = Wanted(), Target(deaf=deaf)
    engine = engine_for(wanted, target, Memory())
    run = asyncio.ensure_future(engine.run(timeout=SOON))
    await until(lambda: target.seen)
    wanted.cancel = "op"
    engine.enqueue("toy", "k")
    assert (await run).settled
    outcome = wanted.seen[-1]["op"].outcome
    assert outcome is not None
    assert (outcome.result, outcome.error, outcome.code) == (Result.FAILED, "Cancelled", "superseded")
    assert target.stopped == ["toy/k:op"]


async def test_a_restart_attaches_to_it() -> None:
    wanted, target, memory = Wanted(), Target(), Memory()
    run = asyncio.ensure_future(lived(wanted, target, memory))
    await until(lambda: target.seen)
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    again = asyncio.ensure_future(lived(wanted, target, memory))
    await until(lambda: target.seen == ["run", "attach"])
    target.end("toy/k:op").set()
    assert (await again).settled
    assert target.started == ["toy/k:op"]
    third = await lived(wanted, target, memory)
    assert third.settled
    assert wanted.seen[-1]["op"].outcome is not None
    assert target.seen == ["run", "attach"]


async def test_what_nobody_can_find_is_unknown() -> None:
    wanted, target, memory = Wanted(), Target(), Memory()
    run = asyncio.ensure_future(lived(wanted, target, memory))
    await until(lambda: target.seen)
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    target.started.clear()
    assert (await lived(wanted, target, memory)).settled
    outcome = wanted.seen[-1]["op"].outcome
    assert outcome is not None
    assert (outcome.result, outcome.code) == (Result.UNKNOWN, "lost")


@pytest.mark.parametrize("trouble", [UnavailableError("no network"), TimeoutError()])
async def test_out_of_reach_is_not_the_end(trouble: Exception) -> None:
    wanted, target = Wanted(), Target(trouble=[trouble])
    run = asyncio.ensure_future(lived(wanted, target))
    await until(lambda: target.seen == ["run", "attach"])
    target.end("toy/k:op").set()
    assert (await run).settled
    assert target.started == ["toy/k:op"]
    outcome = wanted.seen[-1]["op"].outcome
    assert outcome is not None
    assert outcome.result is Result.DONE


@pytest.mark.parametrize(
    ("trouble", "result", "error"),
    [(RefusedError("no", code="quota"), Result.REFUSED, "RefusedError"), (KeyError("x"), Result.FAILED, "PluginFault")],
)
async def test_what_a_runner_raises_is_the_outcome(trouble: Exception, result: Result, error: str) -> None:
    wanted, target = Wanted(), Target(trouble=[trouble])
    assert (await lived(wanted, target)).settled
    outcome = wanted.seen[-1]["op"].outcome
    assert outcome is not None
    assert (outcome.result, outcome.error) == (result, error)


async def test_only_one_of_a_kind_that_excludes_others() -> None:
    other = StartOperation(id="other", kind="job", exclusive="one")
    wanted, target = Wanted(start=[START, other]), Target()
    run = asyncio.ensure_future(lived(wanted, target))
    await until(lambda: target.seen)
    target.end("toy/k:op").set()
    await run
    assert target.started == ["toy/k:op"]


async def test_a_kind_that_nobody_runs_is_refused() -> None:
    wanted, target = Wanted(start=[StartOperation(id="op", kind="unheard-of")]), Target()
    report = await lived(wanted, target)
    assert report.settled
    assert target.started == []


async def test_it_is_cancelled_and_forgotten_with_its_key() -> None:
    @dataclass
    class Going(Wanted):
        gone: bool = False

        async def observe(self, key: str, past: Past) -> Any:
            return None if self.gone else await super().observe(key, past)

    wanted, target, memory = Going(), Target(), Memory()
    engine = engine_for(wanted, target, memory)
    run = asyncio.ensure_future(engine.run(timeout=SOON))
    await until(lambda: target.seen)
    wanted.gone = True
    engine.enqueue("toy", "k")
    assert (await run).settled
    assert target.stopped == ["toy/k:op"]
    assert await memory.operations.load() == []


async def test_forgetting_makes_room_for_the_same_again() -> None:
    class Again(Wanted):
        def decide(self, past: Past, now: datetime) -> Decision:
            ended = frozenset(o.id for o in past.operations.values() if o.outcome is not None)
            if ended and len(target.started) < 2:
                return Decision((Batch((START,)),), forget=ended, standing=Standing.WAITING)
            return super().decide(past, now)

    wanted, target = Again(), Target()
    target.end("toy/k:op").set()
    assert (await lived(wanted, target)).settled
    assert target.started == ["toy/k:op"] * 2
