from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from plat.engine import ScaledClock, SystemClock, VirtualClock


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


async def test_the_system_clock_tells_utc_and_calls_back() -> None:
    clock = SystemClock()
    assert abs(clock.now() - datetime.now(UTC)) < seconds(1)
    before = clock.monotonic()
    await clock.sleep(0.01)
    assert clock.monotonic() >= before + 0.009
    await clock.sleep_until(clock.now() - seconds(5))


async def test_a_cancelled_timer_does_not_call() -> None:
    clock, called = SystemClock(), asyncio.Event()
    clock.call_later(0.001, called.set).cancel()
    await asyncio.sleep(0.01)
    assert not called.is_set()


def test_a_scaled_clock_is_faster_from_its_start_on() -> None:
    inner = VirtualClock()
    inner.advance(seconds(100))
    clock = ScaledClock(inner, 60)
    start = inner.now()
    assert clock.now() == start
    rung: list[float] = []
    clock.call_later(600, lambda: rung.append(inner.monotonic()))
    inner.advance(seconds(30))
    assert clock.now() == start + timedelta(minutes=30)
    assert clock.monotonic() == 1800
    assert rung == [110]


def test_a_scaled_clock_jumps_with_the_wall_clock() -> None:
    inner = VirtualClock()
    clock = ScaledClock(inner, 10)
    inner.jump(seconds(-5))
    assert clock.now() == VirtualClock().now() - seconds(50)
    assert clock.monotonic() == 0


@pytest.mark.parametrize("factor", [0, -1])
def test_time_cannot_stand_still_or_go_back(factor: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        ScaledClock(VirtualClock(), factor)


def test_a_virtual_clock_calls_in_order_each_at_its_time() -> None:
    clock = VirtualClock()
    told: list[tuple[str, float]] = []

    def tell(name: str) -> None:
        told.append((name, clock.monotonic()))

    clock.call_later(2, lambda: tell("b"))
    clock.call_later(1, lambda: (tell("a"), clock.call_later(0.5, lambda: tell("between")))[0])  # type: ignore[func-returns-value]
    clock.call_later(9, lambda: tell("late"))
    clock.call_later(2, lambda: tell("never")).cancel()
    clock.advance(seconds(5))
    assert told == [("a", 1), ("between", 1.5), ("b", 2)]
    assert clock.monotonic() == 5


async def test_waiting_on_a_virtual_clock() -> None:
    clock = VirtualClock()
    waiting = asyncio.ensure_future(clock.sleep_until(clock.now() + seconds(60)))
    await asyncio.sleep(0)
    clock.advance(seconds(59))
    await asyncio.sleep(0)
    assert not waiting.done()
    clock.advance(seconds(1))
    await waiting


async def test_waiting_until_a_time_is_longer_when_the_clock_is_set_back() -> None:
    clock = VirtualClock()
    waiting = asyncio.ensure_future(clock.sleep_until(clock.now() + seconds(60)))
    await asyncio.sleep(0)
    clock.jump(seconds(-30))
    clock.advance(seconds(60))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not waiting.done()
    clock.advance(seconds(30))
    await waiting
