"""Where plat keeps what it can make again. Imports next to nothing, so that `plat --help` may ask."""

from __future__ import annotations

import os
from collections.abc import Mapping


def cache_path(environ: Mapping[str, str]) -> str:
    """Return the user's cache: $PLAT_CACHE, else $XDG_CACHE_HOME/plat, else ~/.cache/plat."""
    join = os.path.join
    if own := environ.get("PLAT_CACHE"):
        return os.path.expanduser(own)  # noqa: PTH111  # pathlib costs start-up time
    shared = environ.get("XDG_CACHE_HOME") or join(environ.get("HOME") or "~", ".cache")
    return join(os.path.expanduser(shared), "plat")  # noqa: PTH111  # as above
