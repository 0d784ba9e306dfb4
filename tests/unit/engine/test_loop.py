from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from plat.api import RefusedError, UnavailableError, UserError
from plat.engine import (
    Backoff,
    Batch,
    Decision,
    Effect,
    Engine,
    Handler,
    Lane,
    Memory,
    Mode,
    Outcome,
    Past,
    Reach,
    Reason,
    Repeat,
    Result,
    Settings,
    Standing,
)

FAST = Settings(backoff=Backoff(first=0.01, limit=0.05))
DONE = Decision(because=Reason("done"))
WAIT = Decision(because=Reason("wait"), standing=Standing.WAITING)


@dataclass(frozen=True, kw_only=True)
class Put(Effect):
    """Set one name to a value in the world."""

    name: str
    value: Any = True


@dataclass(frozen=True, kw_only=True)
class Post(Put):
    repeat: ClassVar[Repeat] = Repeat.ONCE
    deadline: ClassVar[timedelta] = timedelta(milliseconds=50)


@dataclass(frozen=True, kw_only=True)
class Make(Put):
    repeat: ClassVar[Repeat] = Repeat.KEYED
    deadline: ClassVar[timedelta] = timedelta(milliseconds=50)


@dataclass(frozen=True, kw_only=True)
class Look(Put):
    reach: ClassVar[Reach] = Reach.READ


@dataclass
class World:
    """What effects change: a mapping, and how often each name was set."""

    things: dict[str, Any] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    before: Callable[[Put], Awaitable[Any]] | None = None
    after: Callable[[Put], Awaitable[Any]] | None = None

    async def put(self, effect: Put) -> Any:
        if self.before:
            await self.before(effect)
        self.things[effect.name] = effect.value
        self.times[effect.name] = self.times.get(effect.name, 0) + 1
        self.order.append(effect.name)
        if self.after:
            await self.after(effect)
        return {"put": effect.name}

    async def find(self, effect: Put) -> Any:
        return {"found": effect.name} if effect.name in self.things else None


@dataclass
class Wanted:
    """A reconciler made of a function of (key, past, world)."""

    world: World
    judge: Callable[[Any, Past, World], Decision]
    seen: list[Past] = field(default_factory=list)

    async def observe(self, key: Any, past: Past) -> tuple[Any, Past] | None:
        self.seen.append(past)
        await asyncio.sleep(0)
        return key, past

    def decide(self, observed: tuple[Any, Past], now: datetime) -> Decision:
        decision = self.judge(*observed, self.world)
        assert decision is not None
        return decision


def engine_for(
    judge: Callable[[Any, Past, World], Decision], *, world: World | None = None, **options: Any
) -> tuple[Engine, World, Wanted]:
    world = world or World()
    options.setdefault("settings", FAST)
    engine = Engine(**options)
    reconciler = Wanted(world, judge)
    engine.register("toy", reconciler, {Put: world.put, Make: Handler(world.put, find=world.find), Post: world.put})
    return engine, world, reconciler


def put_all(*batches: Batch) -> Callable[[Any, Past, World], Decision]:
    """Want everything that the batches put; settle when it is there, FAILED when something was refused."""

    def judge(key: Any, past: Past, world: World) -> Decision:
        if any(o.result is not Result.DONE for o in past.outcomes.values()):
            return Decision(because=Reason("bad"), standing=Standing.FAILED)
        left = tuple(
            replace(b, effects=tuple(e for e in b.effects if isinstance(e, Put) and e.name not in world.things))
            for b in batches
        )
        left = tuple(b for b in left if b.effects)
        return Decision(left, because=Reason("putting"), standing=Standing.WAITING) if left else DONE

    return judge


def puts(*names: str) -> tuple[Put, ...]:
    return tuple(Put(id=name, name=name) for name in names)


async def test_batches_are_carried_out_in_order_and_the_run_ends_settled() -> None:
    engine, world, _ = engine_for(put_all(Batch(puts("a", "b")), Batch(puts("c"))))
    engine.enqueue("toy", "k")
    report = await engine.run(timeout=timedelta(seconds=5))
    assert report.settled
    assert world.order == ["a", "b", "c"]
    assert [t.because.code for t in engine.why("toy", "k")] == ["putting", "done"]
    assert report.effects == 3


@pytest.mark.parametrize(
    ("go_on", "expected"), [(False, ["good"]), (True, ["good", "later"])], ids=["ends later batches", "goes on"]
)
async def test_a_failed_effect(*, go_on: bool, expected: list[str]) -> None:
    async def refuse(effect: Put) -> None:
        if effect.name == "bad":
            raise RefusedError("no", code="policy")

    world = World(before=refuse)
    engine, world, reconciler = engine_for(
        put_all(Batch(puts("bad", "good"), go_on=go_on), Batch(puts("later"))), world=world
    )
    engine.enqueue("toy", "k")
    report = await engine.run(timeout=timedelta(seconds=5))
    assert world.order == expected
    assert [v.because.code for v in report.failed] == ["bad"]
    outcome = reconciler.seen[-1].outcomes["bad"]
    assert (outcome.result, outcome.error, outcome.code, outcome.message) == (
        Result.REFUSED,
        "RefusedError",
        "policy",
        "no",
    )


@pytest.mark.parametrize(
    ("error", "result", "name"),
    [
        (UserError("bad", where="f:1"), Result.FAILED, "UserError"),
        (UnavailableError("later", code="busy", after=timedelta(seconds=9)), Result.FAILED, "UnavailableError"),
        (KeyError("x"), Result.FAILED, "PluginFault"),
        (TimeoutError(), Result.FAILED, "TimeoutError"),
    ],
)
async def test_what_a_performer_raises_is_an_outcome(error: Exception, result: Result, name: str) -> None:
    async def fail(effect: Put) -> None:
        raise error

    engine, _, reconciler = engine_for(put_all(Batch(puts("a"))), world=World(before=fail))
    engine.enqueue("toy", "k")
    await engine.run(timeout=timedelta(seconds=5))
    outcome = reconciler.seen[-1].outcomes["a"]
    assert (outcome.result, outcome.error) == (result, name)
    assert outcome.message
    assert (outcome.retry_at is not None) == (name == "UnavailableError")


async def test_a_key_that_raises_fails_alone_and_backs_off() -> None:
    def judge(key: Any, past: Past, world: World) -> Decision:
        if key == "bad":
            raise ZeroDivisionError("oops")
        return put_all(Batch(puts(f"{key}")))(key, past, world)

    engine, world, _ = engine_for(judge)
    for key in ["bad", *map(str, range(50))]:
        engine.enqueue("toy", key)
    report = await engine.run(timeout=timedelta(seconds=5))
    assert report.settled
    assert len(world.things) == 50
    (bad,) = report.failed
    assert bad.key == "bad"
    assert str(bad.because) == "ZeroDivisionError: oops"
    assert bad.because.facts["error"] == "PluginFault"


async def test_something_unavailable_is_waited_for() -> None:
    tries = []

    def judge(key: Any, past: Past, world: World) -> Decision:
        tries.append(key)
        if len(tries) < 4:
            raise UnavailableError("not yet")
        return DONE

    engine, _, _ = engine_for(judge)
    engine.enqueue("toy", "k")
    report = await engine.run(timeout=timedelta(seconds=5))
    assert report.settled
    assert not report.failed
    assert len(tries) == 4
    assert [t.standing for t in engine.why("toy", "k")][-1] is Standing.SETTLED


async def test_the_same_again_and_again_backs_off_and_says_so() -> None:
    def judge(key: Any, past: Past, world: World) -> Decision:
        return Decision((Batch(puts("a")),), because=Reason("again"), standing=Standing.WAITING)

    engine, world, _ = engine_for(judge, settings=Settings(backoff=Backoff(first=60)))
    engine.enqueue("toy", "k")
    report = await engine.run(timeout=timedelta(milliseconds=300))
    assert world.times["a"] == 3
    assert not report.settled
    (view,) = report.waiting
    assert view.because.code == "no-progress"
    assert "3 times" in str(view.because)


async def test_effects_that_take_turns_for_ever_are_slowed_down_too() -> None:
    count = iter(range(10**9))

    def judge(key: Any, past: Past, world: World) -> Decision:
        return Decision((Batch(puts(f"a{next(count)}")),), because=Reason("again"), standing=Standing.WAITING)

    engine, world, _reconciler = engine_for(judge, settings=Settings(backoff=Backoff(first=60), streak=50))
    engine.enqueue("toy", "k")
    await engine.run(timeout=timedelta(milliseconds=300))
    assert len(world.things) == 50


async def test_outcomes_of_a_long_unsettled_key_do_not_pile_up() -> None:
    def judge(key: Any, past: Past, world: World) -> Decision:
        number = len(world.things)
        if number == 3000:
            return WAIT
        return Decision((Batch(puts(*(f"{number + n}" for n in range(3)))),), because=Reason("on"))

    engine, world, reconciler = engine_for(judge, settings=Settings(streak=10**6))
    engine.enqueue("toy", "k")
    await engine.run(timeout=timedelta(milliseconds=3000))
    assert len(world.things) == 3000
    assert len(reconciler.seen[-1].outcomes) <= 1000


@pytest.mark.parametrize(
    ("lane", "interrupts", "stops"),
    [(Lane.PEOPLE, None, True), (Lane.CHANGE, True, True), (Lane.CHANGE, None, False)],
    ids=["a person's verb", "a new specification", "any change"],
)
async def test_what_stops_a_large_batch(*, lane: Lane, interrupts: bool | None, stops: bool) -> None:
    world = World()
    names = [f"i{n}" for n in range(500)]

    def judge(key: Any, past: Past, world: World) -> Decision:
        if "stop" in world.things:
            return DONE
        return put_all(Batch(puts(*names)))(key, past, world)

    engine, world, _ = engine_for(judge, world=world)

    async def slowly(effect: Put) -> None:
        await asyncio.sleep(0.001)
        if len(world.things) == 64 and "stop" not in world.things:
            world.things["stop"] = True
            engine.enqueue("toy", "k", lane=lane, interrupts=interrupts, because=Reason("said", text="Stop."))

    world.before = slowly
    engine.enqueue("toy", "k")
    report = await engine.run(timeout=timedelta(seconds=10))
    assert report.settled
    assert (len(world.order) < 150) == stops
    assert "Stop." in [str(t.because) for t in engine.why("toy", "k")]


async def test_a_key_wakes_when_it_said() -> None:
    start = datetime.now(UTC)

    def judge(key: Any, past: Past, world: World) -> Decision:
        if datetime.now(UTC) < start + timedelta(milliseconds=100):
            return replace(WAIT, wake_at=start + timedelta(milliseconds=100))
        return DONE

    engine, _, reconciler = engine_for(judge)
    engine.enqueue("toy", "k")
    report = await engine.run(timeout=timedelta(seconds=5))
    assert report.settled
    assert timedelta(milliseconds=90) < report.took < timedelta(seconds=2)
    assert len(reconciler.seen) <= 3


async def test_a_timer_of_a_settled_key_does_not_keep_the_run() -> None:
    engine, _, _ = engine_for(lambda *_: replace(DONE, wake_at=datetime.now(UTC) + timedelta(hours=1)))
    engine.enqueue("toy", "k")
    assert (await engine.run(timeout=timedelta(seconds=5))).settled


async def test_an_alarm_in_the_past_does_not_loop() -> None:
    engine, _, reconciler = engine_for(
        lambda *_: replace(WAIT, wake_at=datetime(2020, 1, 1, tzinfo=UTC)), settings=Settings()
    )
    engine.enqueue("toy", "k")
    await engine.run(timeout=timedelta(milliseconds=200))
    assert len(reconciler.seen) == 1


async def test_a_time_out_names_who_waits() -> None:
    engine, _, _ = engine_for(lambda *_: WAIT)
    engine.enqueue("toy", "k")
    report = await engine.run(timeout=timedelta(milliseconds=50))
    assert not report.settled
    assert [str(v) for v in report.waiting] == ["toy/k: waiting: wait"]


async def test_a_second_run_goes_on() -> None:
    engine, _world, _ = engine_for(put_all(Batch(puts("a"))))
    engine.enqueue("toy", "k")
    assert (await engine.run()).effects == 1
    engine.enqueue("toy", "k", lane=Lane.RESYNC)
    again = await engine.run()
    assert again.settled
    assert (again.passes, again.effects) == (1, 0)


async def test_an_observation_that_hangs_fails_and_the_rest_goes_on() -> None:
    class Hangs(Wanted):
        async def observe(self, key: Any, past: Past) -> tuple[Any, Past] | None:
            if key == "hangs":
                await asyncio.Event().wait()
            return await super().observe(key, past)

    settings = Settings(observe=timedelta(milliseconds=100), patience=0, keys=1, backoff=Backoff(first=60))
    engine = Engine(settings=settings)
    world = World()
    engine.register("toy", Hangs(world, put_all(Batch(puts("a")))), {Put: world.put})
    engine.enqueue("toy", "hangs", lane=Lane.PEOPLE)
    engine.enqueue("toy", "k")
    report = await engine.run(timeout=timedelta(seconds=5))
    assert report.settled
    assert world.things == {"a": True}
    assert [v.key for v in report.failed] == ["hangs"]
    assert "longer than" in str(report.failed[0].because)


async def test_stop_finishes_what_is_in_flight_and_launches_nothing() -> None:
    names = [f"i{n}" for n in range(500)]
    engine, world, _ = engine_for(put_all(Batch(puts(*names))))

    async def slowly(effect: Put) -> None:
        await asyncio.sleep(0.005)
        engine.stop()

    world.before = slowly
    engine.enqueue("toy", "k")
    report = await engine.run()
    assert not report.settled
    assert len(world.order) == 32
    assert [v.key for v in report.waiting] == ["k"]
    world.before = None
    assert (await engine.run()).settled
    assert len(world.things) == 500
    assert max(world.times.values()) == 1


async def test_a_key_that_is_gone_is_forgotten() -> None:
    class Gone(Wanted):
        async def observe(self, key: Any, past: Past) -> None:
            return None

    engine = Engine()
    engine.register("toy", Gone(World(), put_all()))
    engine.enqueue("toy", "k")
    assert (await engine.run()).settled
    assert engine.snapshot() == []
    assert engine.why("toy", "k") == []


class TestOnce:
    """An effect that must not happen twice."""

    @staticmethod
    def judge(key: Any, past: Past, world: World) -> Decision:
        outcome = past.outcomes.get("post")
        if outcome is None:
            return Decision((Batch((Post(id="post", name="post"),)),), because=Reason("posting"))
        if outcome.result is Result.UNKNOWN:
            return Decision(because=Reason("unknown", text=outcome.message), standing=Standing.BLOCKED)
        return DONE

    async def run(self, world: World, memory: Memory) -> tuple[Any, Wanted]:
        engine, _, reconciler = engine_for(self.judge, world=world, memory=memory)
        engine.enqueue("toy", "k")
        return await engine.run(timeout=timedelta(seconds=5)), reconciler

    async def test_its_outcome_survives_a_restart(self) -> None:
        world, memory = World(), Memory()
        for _ in range(3):
            report, reconciler = await self.run(world, memory)
            assert report.settled
        assert world.times == {"post": 1}
        assert reconciler.seen[0].outcomes["post"].value == {"put": "post"}

    @pytest.mark.parametrize("when", ["before", "after"])
    async def test_after_a_crash_it_is_unknown(self, when: str) -> None:
        world, memory = World(), Memory()

        async def hang(effect: Put) -> None:
            crashed.set()
            await asyncio.Event().wait()

        crashed = asyncio.Event()
        setattr(world, when, hang)
        run = asyncio.ensure_future(self.run(world, memory))
        await crashed.wait()
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        world.before = world.after = None
        report, _ = await self.run(world, memory)
        assert [v.because.code for v in report.blocked] == ["unknown"]
        assert world.times.get("post", 0) == (0 if when == "before" else 1)

    @pytest.mark.parametrize(
        ("error", "code"), [(ConnectionError("reset"), "unknown"), (None, "unknown"), (RefusedError("no"), "done")]
    )
    async def test_a_lost_answer_is_unknown_and_a_refusal_is_not(self, error: Exception | None, code: str) -> None:
        async def lose(effect: Put) -> None:
            if error is None:
                await asyncio.sleep(10)  # longer than its deadline
            else:
                raise error

        world, memory = World(after=lose), Memory()
        _, reconciler = await self.run(world, memory)
        assert reconciler.judge(None, reconciler.seen[-1], world).because.code == code
        await self.run(world, memory)
        assert world.times["post"] == 1

    async def test_deciding_it_again_does_not_do_it_again(self) -> None:
        def stubborn(key: Any, past: Past, world: World) -> Decision:
            return Decision((Batch((Post(id="post", name="post"),)),), because=Reason("posting"))

        engine, world, _ = engine_for(stubborn)
        engine.enqueue("toy", "k")
        await engine.run(timeout=timedelta(milliseconds=200))
        assert world.times == {"post": 1}

    async def test_forgetting_it_repeats_it_on_purpose(self) -> None:
        world, memory = World(), Memory()
        await self.run(world, memory)

        def again(key: Any, past: Past, world: World) -> Decision:
            if world.times["post"] < 2:
                return Decision((Batch((Post(id="post", name="post"),)),), forget=frozenset({"post"}))
            return DONE

        engine, _, _ = engine_for(again, world=world, memory=memory)
        engine.enqueue("toy", "k")
        assert (await engine.run(timeout=timedelta(seconds=5))).settled
        assert world.times["post"] == 2


class TestKeyed:
    """An effect that is looked up before it is repeated."""

    @staticmethod
    def judge(key: Any, past: Past, world: World) -> Decision:
        outcome: Outcome | None = past.outcomes.get("make")
        if outcome is None or outcome.result is not Result.DONE:
            return Decision((Batch((Make(id="make", name="made"),)),), because=Reason("making"))
        return DONE

    async def test_a_lost_answer_is_found_again(self) -> None:
        async def lose(effect: Put) -> None:
            raise ConnectionError("reset")

        engine, world, reconciler = engine_for(self.judge, world=World(after=lose))
        engine.enqueue("toy", "k")
        assert (await engine.run(timeout=timedelta(seconds=5))).settled
        assert world.times == {"made": 1}
        assert reconciler.seen[-1].outcomes["make"].value == {"found": "made"}

    async def test_it_needs_find(self) -> None:
        with pytest.raises(ValueError, match="needs a Handler with `find`"):
            Engine().register("toy", Wanted(World(), self.judge), {Make: World().put})


class TestPreview:
    """Remote effects are collected; the rest is the code of every run."""

    async def run(self, *, predict: bool) -> tuple[Any, World]:
        world = World()
        judge = put_all(
            Batch((Look(id="look", name="look"),)), Batch((Put(id="a", name="a"),)), Batch((Put(id="b", name="b"),))
        )

        async def foresee(effect: Put) -> Any:
            if effect.name == "b":
                raise RefusedError("quota", code="quota")
            return {"would": effect.name}

        engine = Engine(mode=Mode.PREVIEW)
        handler = Handler(world.put, predict=foresee if predict else None)
        engine.register("toy", Wanted(world, judge), {Put: handler, Look: world.put})
        engine.enqueue("toy", "k")
        return await engine.run(timeout=timedelta(seconds=5)), world

    async def test_without_a_prediction_it_ends_at_the_first_remote_effect(self) -> None:
        report, world = await self.run(predict=False)
        assert report.settled
        assert world.order == ["look"]
        assert [(p.address, p.effect.id, p.outcome) for p in report.planned] == [("toy/k", "a", None)]

    async def test_with_predictions_it_goes_on_and_shows_what_would_be_refused(self) -> None:
        report, world = await self.run(predict=True)
        assert world.order == ["look"]
        assert [(p.effect.id, p.outcome and p.outcome.result) for p in report.planned] == [
            ("a", Result.DONE),
            ("b", Result.REFUSED),
        ]


async def test_listeners_hear_every_transition_and_cannot_break_the_run() -> None:
    engine, _, _ = engine_for(put_all(Batch(puts("a"))))
    heard: list[str] = []

    def broken(transition: Any) -> None:
        raise ValueError("listener")

    engine.subscribe(broken)
    leave = engine.subscribe(lambda t: heard.append(f"{t.name}/{t.key} {t.because.code}"))
    engine.enqueue("toy", "k")
    await engine.run()
    assert heard == ["toy/k putting", "toy/k done"]
    leave()
    engine.enqueue("toy", "other")
    await engine.run()
    assert len(heard) == 2


async def test_two_reconcilers_of_one_name_are_refused() -> None:
    engine, _world, reconciler = engine_for(put_all())
    with pytest.raises(ValueError, match="two reconcilers are called 'toy'"):
        engine.register("toy", reconciler)


async def test_an_effect_that_nobody_performs_is_an_outcome() -> None:
    engine = Engine(settings=FAST)
    reconciler = Wanted(World(), put_all(Batch(puts("a"))))
    engine.register("toy", reconciler)
    engine.enqueue("toy", "k")
    await engine.run(timeout=timedelta(seconds=5))
    assert "nothing was registered that performs Put" in reconciler.seen[-1].outcomes["a"].message


async def test_one_run_at_a_time() -> None:
    engine, _, _ = engine_for(lambda *_: WAIT)
    first = asyncio.ensure_future(engine.run(until_settled=False))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="runs already"):
        await engine.run()
    engine.stop()
    await first
    engine.enqueue("toy", "k")
    assert not (await engine.run(timeout=timedelta(milliseconds=10))).settled


async def test_a_failing_key_that_is_asked_for_all_the_time_starves_nobody() -> None:
    tries: list[str] = []

    def judge(key: Any, past: Past, world: World) -> Decision:
        if key == "bad":
            tries.append(key)
            raise UnavailableError("never")
        return put_all(Batch(puts(key)))(key, past, world)

    engine, world, _ = engine_for(judge, settings=Settings(keys=1, backoff=Backoff(first=0.05), patience=0))

    async def pester() -> None:
        for number in range(100):
            engine.enqueue("toy", "bad")
            engine.enqueue("toy", f"k{number}", lane=Lane.RESYNC)
            await asyncio.sleep(0.001)

    run = asyncio.ensure_future(engine.run(until_settled=False, timeout=timedelta(milliseconds=500)))
    await pester()
    await run
    assert len(world.things) == 100
    assert len(tries) < 12


async def test_the_story_of_a_key_is_bounded() -> None:
    count = iter(range(10**9))
    engine, _, _ = engine_for(
        lambda *_: Decision(because=Reason("turn", {"n": next(count)})), settings=Settings(reasons=5)
    )
    for _ in range(20):
        engine.enqueue("toy", "k", because=Reason("asked"))
        await engine.run()
    story = engine.why("toy", "k")
    assert [t.because.code for t in story] == ["turn", "asked", "turn", "asked", "turn"]
    assert [t.at for t in story] == sorted(t.at for t in story)
    assert story[-1].because.facts == {"n": 19}
    engine.enqueue("toy", "k", because=Reason("asked again"))
    assert [t.because.code for t in engine.why("toy", "k")][-2:] == ["turn", "asked again"]
    (view,) = engine.snapshot()
    assert (view.standing, view.active, view.failures) == (Standing.SETTLED, True, 0)
