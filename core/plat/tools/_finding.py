"""Look for a program that is here already: on PATH, in KUBEBUILDER_ASSETS, in our cache. Changes nothing."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from plat.api import Tool
from plat.tools._process import run
from plat.tools._recipe import Recipe
from plat.tools._report import Found, Where

_PATIENCE: Final = 10.0
"""Seconds that a program has to print its version."""
_VERSION: Final = re.compile(r"v?\d+\.\d+[\w.+-]*")


class Finder:
    """Finds programs; `looked` tells in words where, for the error of a program that is nowhere."""

    def __init__(self, cache: Path, environ: Mapping[str, str]) -> None:
        self._cache, self._environ = cache, environ

    async def find(self, tool: type[Tool], recipe: Recipe) -> tuple[Found | None, list[str]]:
        """Return a program and its place, or None; and each place looked at, with what was wrong there."""
        on_path = await self._on_path(tool)
        if isinstance(on_path, Found):
            return on_path, []
        in_assets = await self._in_assets(tool)
        if isinstance(in_assets, Found):
            return in_assets, [on_path]
        in_cache = self._in_cache(recipe)
        if isinstance(in_cache, Found):
            return in_cache, [on_path, in_assets]
        return None, [on_path, in_assets, in_cache]

    async def _on_path(self, tool: type[Tool]) -> Found | str:
        wrong: list[str] = []
        for folder in self._environ.get("PATH", "").split(os.pathsep):
            candidate = shutil.which(tool.program, path=folder) if folder else None
            if candidate is None:
                continue
            text = await self._version(Path(candidate), tool)
            if text is not None and accepted(text, tool.accepts):
                return Found(where=Where.PATH, path=Path(candidate), version=short_version(text))
            wrong.append(f"{candidate} is {_described(text)}, wanted {tool.accepts or 'one that runs'}")
        return f"PATH ({'; '.join(wrong)})" if wrong else "PATH (not there)"

    async def _in_assets(self, tool: type[Tool]) -> Found | str:
        folder = self._environ.get("KUBEBUILDER_ASSETS", "")
        if not folder:
            return "KUBEBUILDER_ASSETS (not set)"
        candidate = Path(folder) / tool.program
        if not os.access(candidate, os.X_OK):
            return f"KUBEBUILDER_ASSETS ({candidate} is not there)"
        text = await self._version(candidate, tool)
        return Found(where=Where.ASSETS, path=candidate, version=short_version(text or "unknown"))

    def _in_cache(self, recipe: Recipe) -> Found | str:
        candidate = self._cache / recipe.place
        if not os.access(candidate, os.X_OK):
            return f"the cache ({candidate} is not there)"
        return Found(where=Where.CACHE, path=candidate, version=recipe.version)

    async def _version(self, program: Path, tool: type[Tool]) -> str | None:
        """Return what a program prints for its version; None where it does not run, or hangs."""
        try:
            ended = await asyncio.wait_for(run([program, *tool.version_argv], environ=self._environ), _PATIENCE)
        except (OSError, TimeoutError):
            return None
        return ended.text if ended.code == 0 else None


def accepted(text: str, prefix: str) -> bool:
    """Tell whether a version's text has a word that starts with a prefix; an empty one accepts all.

    >>> accepted("Kubernetes v1.35.4", "v1.35.")
    True
    >>> accepted("tool v21.35.4", "1.35.")
    False
    """
    return re.search(rf"(?<![\w.]){re.escape(prefix)}", text) is not None


def short_version(text: str) -> str:
    """Return the first word of a text that looks like a version, or its first line."""
    found = _VERSION.search(text)
    return found[0] if found else text.strip().partition("\n")[0][:40]


def _described(text: str | None) -> str:
    return "not willing to tell its version" if text is None else short_version(text)
