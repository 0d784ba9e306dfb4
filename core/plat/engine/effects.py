"""Carrying effects out: one attempt with its deadline, its intent and its outcome; or, in a preview, its prediction.

It knows no key but by address, and nothing of what an effect does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeAlias

from plat.api import JSON, RefusedError, UnavailableError, UserError
from plat.engine.clock import Clock
from plat.engine.decision import Batch, Effect, Outcome, Reach, Repeat, Result
from plat.engine.intents import Intent, IntentBook

_LOG: Final = logging.getLogger("plat.engine")

Performer: TypeAlias = Callable[[Any], Awaitable[JSON]]
"""Carries one effect out and returns what is worth knowing about it.

RefusedError, UserError, and UnavailableError with the code `not-sent` say that it did not happen. Of a ONCE effect that
ends by its deadline or by any other exception nobody knows, and its outcome is UNKNOWN.
"""
NOT_SENT: Final = "not-sent"
"""The code of an UnavailableError that says so: the target was not reached, or has answered that it did nothing."""


class Mode(StrEnum):
    """Whether remote effects are carried out or only predicted."""

    PERFORM = "perform"
    PREVIEW = "preview"


@dataclass(frozen=True)
class Handler:
    """All that can be done about one type of effect."""

    perform: Performer
    find: Performer | None = None
    """For KEYED effects: return what an earlier, interrupted attempt made at the target, None if nothing is there."""
    predict: Performer | None = None
    """For previews: return what the effect would return, or raise what it would raise; must not change the world."""


@dataclass(frozen=True)
class Planned:
    """One remote effect that a preview collected; `outcome` is None where nothing predicts this type."""

    address: str
    effect: Effect
    outcome: Outcome | None


@dataclass
class Acted:
    """What a pass carried out."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    failed: bool = False
    attempted: int = 0
    fresh: bool = False
    """Whether anything was attempted that may have changed the world, or a preview of it."""


class Stage:
    """Where effects are carried out: side by side within a batch, batch after batch."""

    def __init__(
        self,
        clock: Clock,
        book: IntentBook,
        *,
        mode: Mode = Mode.PERFORM,
        in_flight: int = 32,
        own: Callable[[str], Mapping[type[Effect], Handler]] = lambda _: {},
    ) -> None:
        self._clock, self._book, self._mode, self._in_flight = clock, book, mode, in_flight
        self._own = own
        self._planned: dict[tuple[str, str], Planned] = {}

    @property
    def planned(self) -> tuple[Planned, ...]:
        """What a preview collected, in order."""
        return tuple(self._planned.values())

    async def act(
        self,
        address: str,
        batches: Sequence[Batch],
        handlers: Mapping[type[Effect], Handler],
        *,
        stop: Callable[[], bool],
    ) -> Acted:
        """Carry batches out in order, asking `stop` before each effect. A failed one ends what follows its batch."""
        acted = Acted()
        for batch in batches:
            run = _Run(self, address, handlers, acted)
            await run.all(iter(batch.effects), stop, min(self._in_flight, len(batch.effects)))
            if stop() or (acted.failed and not batch.go_on):
                break
            acted.failed = False
        return acted

    def handler(self, address: str, kind: type[Effect], handlers: Mapping[type[Effect], Handler]) -> Handler:
        """Return who handles a type of effect or the nearest type above it; the engine's own come last."""
        for known in (handlers, self._own(address)):
            for each in kind.__mro__:
                if each in known:
                    return known[each]
        return Handler(_nobody)

    async def attempt(self, address: str, effect: Effect, handler: Handler) -> Outcome | None:
        """Carry one effect out, or predict it; None: a preview can say nothing about it."""
        if self._mode is Mode.PREVIEW and effect.reach is Reach.REMOTE:
            return await self._foresee(address, effect, handler)
        if effect.repeat is Repeat.CONVERGING or self._mode is Mode.PREVIEW:
            return await self._try(effect, handler.perform)
        return await self._carefully(address, effect, handler)

    def foreseen(self, address: str, effect: Effect) -> bool:
        """Say whether a preview has this very effect already."""
        planned = self._planned.get((address, effect.id))
        return planned is not None and planned.effect == effect

    async def _foresee(self, address: str, effect: Effect, handler: Handler) -> Outcome | None:
        outcome = None if handler.predict is None else await self._try(effect, handler.predict)
        self._planned[address, effect.id] = Planned(address, effect, outcome)
        return outcome

    async def _carefully(self, address: str, effect: Effect, handler: Handler) -> Outcome:
        """Write the intent first. What is known to have happened, or may have, is not done a second time."""
        before = self._book.get(address, effect.id)
        intent = Intent(address=address, id=effect.id, repeat=effect.repeat, at=self._clock.now())
        if before is not None:
            ended = self._book.outcomes(address).get(effect.id)
            if ended is not None and ended.result in (Result.DONE, Result.UNKNOWN):
                return ended
            if ended is None and handler.find is not None:
                found = await self._try(effect, handler.find)
                if found.result is not Result.DONE or found.value is not None:
                    return await self._finish(intent, found, known=found.result is Result.DONE)
        if before is None or before.outcome is not None:
            try:
                await self._book.begin(intent)
            except Exception as error:  # noqa: BLE001  # nothing happened yet, whatever ails the store
                excuse = UnavailableError(f"its intent could not be written down: {error}", code=NOT_SENT)
                return failure(effect.id, excuse, self._clock)
        outcome = await self._try(effect, handler.perform)
        doubt = effect.repeat is Repeat.KEYED and outcome.result is Result.FAILED and not _definite(outcome)
        return await self._finish(intent, outcome, known=not doubt)

    async def _finish(self, intent: Intent, outcome: Outcome, *, known: bool) -> Outcome:
        """Write an outcome down, unless it is not `known` for sure: then the next attempt looks for it first."""
        if known:
            try:
                await self._book.finish(intent, outcome)
            except Exception as error:  # noqa: BLE001  # this process knows it; the next one will ask
                _LOG.warning("the outcome of %s of %s could not be written down: %s", intent.id, intent.address, error)
        return outcome

    async def _try(self, effect: Effect, perform: Performer) -> Outcome:
        try:
            async with asyncio.timeout(effect.deadline.total_seconds()):
                value = await perform(effect)
        except Exception as error:  # noqa: BLE001  # whatever a performer raises is an outcome, judged by `decide`
            outcome = failure(effect.id, error, self._clock)
            if effect.repeat is Repeat.ONCE and not _definite(outcome):
                return _doubtful(outcome)
            return outcome
        return Outcome(id=effect.id, result=Result.DONE, at=self._clock.now(), value=value)


class _Run:
    """The effects of one batch, launched by a few workers."""

    def __init__(self, stage: Stage, address: str, handlers: Mapping[type[Effect], Handler], acted: Acted) -> None:
        self._stage, self._address, self._handlers, self._acted = stage, address, handlers, acted

    async def all(self, effects: Iterator[Effect], stop: Callable[[], bool], width: int) -> None:
        if width <= 1:
            await self._launch(effects, stop)
            return
        async with asyncio.TaskGroup() as group:
            for _ in range(width):
                group.create_task(self._launch(effects, stop))

    async def _launch(self, effects: Iterator[Effect], stop: Callable[[], bool]) -> None:
        while not stop():
            effect = next(effects, None)
            if effect is None:
                return
            fresh = not self._stage.foreseen(self._address, effect)
            handler = self._handlers.get(type(effect)) or self._stage.handler(
                self._address, type(effect), self._handlers
            )
            outcome = await self._stage.attempt(self._address, effect, handler)
            acted = self._acted
            acted.attempted += 1
            if outcome is None:
                acted.failed = True  # what follows would stand on something unknown
                continue
            acted.fresh = acted.fresh or fresh
            acted.outcomes[effect.id] = outcome
            if outcome.result is not Result.DONE:
                acted.failed = True


def failure(effect: str, error: BaseException, clock: Clock) -> Outcome:
    """Return the outcome that an exception stands for."""
    now = clock.now()
    after = error.after if isinstance(error, UnavailableError) else None
    return Outcome(
        id=effect,
        result=Result.REFUSED if isinstance(error, RefusedError) else Result.FAILED,
        at=now,
        value=dict(error.output) if isinstance(error, RefusedError) and error.output else None,
        error=blame(error),
        code=str(getattr(error, "code", "") or ""),
        message=say(error),
        retry_at=None if after is None else now + after,
    )


def blame(error: BaseException) -> str:
    """Return whose fault an exception is, as the class that `Outcome.error` names."""
    for kind in (UserError, RefusedError, UnavailableError, TimeoutError):
        if isinstance(error, kind):
            return kind.__name__
    return "PluginFault"


def say(error: BaseException) -> str:
    """Return an exception's message; a bug is named with its class, since its text alone rarely says anything."""
    text = str(error)
    if isinstance(error, TimeoutError):
        return text or "it did not end within its deadline"
    if blame(error) == "PluginFault":
        return f"{type(error).__name__}: {text}" if text else type(error).__name__
    return text


def _definite(outcome: Outcome) -> bool:
    """Say whether an outcome that is not DONE means that it did not happen."""
    return outcome.error in ("UserError", "RefusedError") or outcome.code == NOT_SENT


def _doubtful(outcome: Outcome) -> Outcome:
    return Outcome(
        id=outcome.id,
        result=Result.UNKNOWN,
        at=outcome.at,
        error=outcome.error,
        code=outcome.code,
        message=outcome.message,
    )


async def _nobody(effect: Effect) -> JSON:
    raise LookupError(f"nothing was registered that performs {type(effect).__name__}")
