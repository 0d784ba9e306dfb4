"""Why each key stands as it does: a short history of reasons, and who wants to be told. No behaviour of the loop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from plat.engine.decision import Reason, Standing

_LOG: Final = logging.getLogger("plat.engine")


class Transition(NamedTuple):
    """A key's reason or standing changed."""

    name: str
    """The name that the reconciler was registered under."""
    key: Hashable
    at: datetime
    because: Reason
    standing: Standing


class Told(NamedTuple):
    """One line of the answer to `why`."""

    at: datetime
    because: Reason
    standing: Standing


@dataclass(frozen=True, kw_only=True)
class KeyView:
    """One key as it stands now."""

    name: str
    key: Hashable
    standing: Standing
    because: Reason
    since: datetime | None = None
    """None: it was never looked at."""
    failures: int = 0
    """How often in a row it failed or did the same without effect; it backs off while this is not 0."""
    active: bool = False
    """Whether it is queued or in hand."""

    def __str__(self) -> str:
        """Return one line for people."""
        return f"{self.name}/{self.key}: {self.standing.value}: {self.because}"


class Listeners:
    """Whoever wants to hear of transitions."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[Transition], None]] = []

    def __bool__(self) -> bool:
        """Say whether anybody listens."""
        return bool(self._callbacks)

    def add(self, callback: Callable[[Transition], None]) -> Callable[[], None]:
        """Have it called with every transition; returns how to stop. One that raises is logged and goes on hearing."""
        self._callbacks.append(callback)

        def leave() -> None:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

        return leave

    def tell(self, transition: Transition) -> None:
        """Call everybody."""
        for callback in tuple(self._callbacks):
            try:
                callback(transition)
            except Exception:  # noqa: BLE001  # who listens must not stop who works
                _LOG.warning("a listener failed on %s/%s", transition.name, transition.key, exc_info=True)
