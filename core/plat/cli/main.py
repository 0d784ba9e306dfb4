"""Entry point of the command `plat`."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
