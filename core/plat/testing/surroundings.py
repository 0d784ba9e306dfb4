"""What every context has: a log that can be asked, and a clock that goes on when it is told to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from plat.api import JSON

NOW: Final = datetime(2026, 11, 25, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Line:
    """One thing that was logged, or said as progress."""

    level: str
    text: str
    facts: dict[str, JSON] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return text and facts, as a log shows them."""
        return " ".join([self.text, *(f"{key}={value}" for key, value in self.facts.items())])


class FakeLog:
    """Keeps what is logged, in `lines`."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def debug(self, text: str, /, **facts: JSON) -> None:
        """Keep a line for developers."""
        self.lines.append(Line("debug", text, facts))

    def info(self, text: str, /, **facts: JSON) -> None:
        """Keep a line for operators."""
        self.lines.append(Line("info", text, facts))

    def warning(self, text: str, /, **facts: JSON) -> None:
        """Keep a line that an operator should look at."""
        self.lines.append(Line("warning", text, facts))

    def progress(self, text: str) -> None:
        """Keep what a plug-in says that it does; a context's `progress`."""
        self.lines.append(Line("progress", text))


class FakeClock:
    """Stands still until `advance`."""

    def __init__(self, now: datetime = NOW) -> None:
        self._now = now

    def now(self) -> datetime:
        """Return the time."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self._now += by
