"""Waiting for code of a plug-in's that nobody can cancel: its import, and its registration hooks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

PATIENCE: Final = 10.0
"""Seconds for one import or one registration hook. Both only define things; what takes longer hangs."""


def bounded(call: Callable[[], T], seconds: float) -> T:
    """Return what a call returns, or raise what it raises, SystemExit included.

    Raises TimeoutError after so many seconds; the call then goes on in a thread that does not keep the process alive.
    """
    answers: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            answers.append(call())
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is raised below, where somebody waits
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True, name="plat-plugin-import")
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not answers:
        raise TimeoutError(f"did not end within {seconds:g} s")
    return answers[0]
