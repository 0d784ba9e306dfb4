"""The binary of the Go libraries that plat calls; `plat.gobridge` is its typed client."""

from __future__ import annotations

from pathlib import Path

__all__ = ["binary"]


def binary() -> Path:
    """Return the path of the helper program.

    Raises:
        FileNotFoundError: The distribution was installed without it; the message says how to build it.
    """
    path = Path(__file__).parent / "_bin" / "gobridge"
    if not path.is_file():
        message = f"{path} is missing: build it with `uv sync --reinstall-package plat-gobridge`"
        raise FileNotFoundError(message)
    return path
