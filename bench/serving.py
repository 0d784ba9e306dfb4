"""`plat serve` that says when it sees a push: `python -m bench.serving DIR` prints `seen SECONDS` (monotonic clock)."""

from __future__ import annotations

import sys
import time

from plat.cli.main import main
from plat.git import Repositories

_poll = Repositories.poll


async def _noted(self: Repositories, url: str) -> bool:
    moved = await _poll(self, url)
    if moved:
        print("seen", time.monotonic(), flush=True)
    return moved


if __name__ == "__main__":
    Repositories.poll = _noted  # type: ignore[method-assign]  # this program exists for it
    main(["-C", sys.argv[1], "serve"])
