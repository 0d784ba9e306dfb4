"""What is true of every event hook."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

import pytest

from plat.api import JSON, Event
from plat.testing.suites.plugin import loaded_beside

FACTS: Final[tuple[Mapping[str, JSON], ...]] = (
    {},
    {"revision": "c0ffee", "objects": 3},
    {"nested": {"list": [1, None, True], "text": "Grüße"}},
)
SUBJECTS: Final = ("application/argocd/web", "cluster/in-cluster", "", "something-new/x")
TYPES: Final = ("sync.succeeded", "sync.failed", "drift.seen", "something.new")


def event(type_: str = "sync.succeeded", subject: str = "application/argocd/web", **facts: JSON) -> Event:
    """Return an event for a test."""
    return Event(
        id="01", at=datetime(2026, 11, 25, 12, tzinfo=UTC), type=type_, subject=subject, by="ann", because="a commit",
        facts=facts,
    )  # fmt: skip


class EventSuite:
    """Inherit it with `listener = staticmethod(plat_event)`."""

    listener: ClassVar[Callable[..., Any]]
    """The function of your module."""
    entry_point: ClassVar[bool] = True
    """False: the function is not registered by an installed distribution, so nobody looks for it."""
    hook: ClassVar[str] = "plat_event"

    def test_an_installed_distribution_registers_it(self) -> None:
        """Plat finds it by an entry point of group `plat`. Name the module with the hook there, and install again."""
        if not self.entry_point:
            pytest.skip("the suite says that nobody registers it")
        function = type(self).listener
        assert function in registered_events(function.__module__), "no entry point of group `plat` leads to it"

    def test_it_takes_an_event_and_nothing_else(self) -> None:
        """The core gives it one event by name. Write `def plat_event(event: Event) -> None`."""
        assert list(inspect.signature(type(self).listener).parameters) in (["event"], [])

    @pytest.mark.parametrize("facts", FACTS, ids=("none", "some", "nested"))
    @pytest.mark.parametrize("subject", SUBJECTS)
    @pytest.mark.parametrize("type_", TYPES)
    def test_it_survives_every_event(self, type_: str, subject: str, facts: Mapping[str, JSON]) -> None:
        """Types and facts are added over time. Ignore those that you do not know; return nothing."""
        assert self.tell(event(type_, subject, **facts)) is None

    def test_it_may_hear_an_event_twice(self) -> None:
        """After a crash the core may tell it again. Let a second time do no harm."""
        told = event()
        assert self.tell(told) is self.tell(told) is None
        with pytest.raises(FrozenInstanceError):
            told.type = "other"  # type: ignore[misc]  # that it cannot be set is the point

    def tell(self, told: Event) -> object:
        """Call the function as the core does, `def` or `async def`. Overwrite it to give it a faked world."""
        function = type(self).listener
        answer = function(event=told) if inspect.signature(function).parameters else function()
        return asyncio.run(answer) if inspect.iscoroutine(answer) else answer


def registered_events(module: str) -> list[Any]:
    """Return the event functions that the installed plug-ins of a package register."""
    found = [loaded.module for loaded in loaded_beside(module) if "plat_event" in loaded.hooks]
    return [module.plat_event for module in found if module is not None]
