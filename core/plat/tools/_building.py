"""Build a batch of programs with Go into the cache, with progress; whole or not at all."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from plat.api import UserError
from plat.tools._golang import go_environ
from plat.tools._lock import exclusive
from plat.tools._process import Ended, run
from plat.tools._recipe import Batch, Recipe
from plat.tools._trouble import explain, full

GO_CACHES: Final = 6
"""What Go's own caches take with nothing cached, in sizes of the finished programs; measured for Kubernetes."""
_EVERY: Final = 3.0
"""Seconds between two lines of progress."""


def announce(todo: Sequence[Batch], cache: Path) -> str:
    """Return what is said before the first build: what, about how long, how much disk."""
    programs = ", ".join(batch.programs for batch in todo)
    minutes = sum(batch.minutes for batch in todo)
    size = sum(batch.megabytes for batch in todo)
    return (
        f"building {programs} from source, once: about {minutes} min on 2 cores with nothing cached, less otherwise;"
        f" {size} MB in {cache} and up to {_gigabytes(size * GO_CACHES)} in Go's own caches"
    )


async def build(batch: Batch, go: Path, *, cache: Path, environ: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Build those programs of a batch that are not in the cache. Raises UserError; a second call goes on.

    Go keeps what it has compiled, so an interrupted build loses only the package in hand.
    """
    lock = cache / "locks" / f"build-{batch.digest}.lock"
    async with exclusive(lock, doing=f"building {batch.programs}", say=say) as held:
        outputs = {name: recipe for name, recipe in batch.outputs().items() if not (cache / recipe.place).exists()}
        if not outputs:
            return
        _require_space(batch, cache)
        fresh = cache / "bin" / f".new-{batch.digest}"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        try:
            work = _Work(batch, go, environ=_environ(batch, environ), held=held, log=_log(cache, batch))
            await work.compile(list(outputs.values()), fresh, say)
            _publish(outputs, fresh, cache)
        except asyncio.CancelledError:
            say("build interrupted; what is compiled is kept, and the next run goes on from there")
            raise
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


class _Work:
    """One batch's calls of Go. They inherit the lock: a build orphaned by SIGKILL still keeps a second one waiting."""

    def __init__(self, batch: Batch, go: Path, *, environ: Mapping[str, str], held: int, log: Path) -> None:
        self._batch, self._go, self._environ, self._held, self._log = batch, go, environ, held, log

    async def compile(self, recipes: Sequence[Recipe], into: Path, say: Callable[[str], None]) -> None:
        """Compile and link into a folder. Raises UserError."""
        packages = [recipe.build.package for recipe in recipes if recipe.build]
        names = ", ".join(recipe.program for recipe in recipes)
        tags = [f"-tags={self._batch.tags}"] if self._batch.tags else []
        known = await self._call(["list", "-deps", *tags, *packages], _Progress(names, say))
        total = sum(1 for line in known.text.splitlines() if not line.startswith("go: "))
        flags = ["-v", "-trimpath", "-buildvcs=false", "-mod=readonly", f"-ldflags={self._batch.ldflags}", *tags]
        await self._call(["build", *flags, "-o", f"{into}/", *packages], _Progress(names, say, total=total))

    async def _call(self, arguments: Sequence[str], progress: _Progress) -> Ended:
        ended = await run(
            [self._go, *arguments],
            environ=self._environ,
            cwd=self._batch.module,
            on_line=progress,
            keep=[self._held],
        )
        if ended.code != 0:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            self._log.write_text(ended.text, encoding="utf-8")
            raise explain(f"building {self._batch.programs}", ended, log=str(self._log))
        return ended


class _Progress:
    """Counts what Go prints and says it now and then."""

    def __init__(self, names: str, say: Callable[[str], None], *, total: int = 0) -> None:
        self._names, self._say, self._total = names, say, total
        self._start = self._last = time.monotonic()
        self._downloads = self._packages = 0

    def __call__(self, line: str) -> None:
        """Take one line of Go's output."""
        if line.startswith("go: downloading"):
            self._downloads += 1
        elif self._total:
            self._packages += 1
        else:
            return
        now = time.monotonic()
        if now - self._last >= _EVERY:
            self._last = now
            self._say(self._sentence(now - self._start))

    def _sentence(self, seconds: float) -> str:
        if self._total and self._packages:
            share = min(99, 100 * self._packages // self._total)
            return f"{self._names}: {self._packages} of at most {self._total} packages ({share}%), {seconds:.0f} s"
        return f"{self._names}: {self._downloads} modules fetched, {seconds:.0f} s"


def _environ(batch: Batch, environ: Mapping[str, str]) -> dict[str, str]:
    return {**go_environ(environ), "CGO_ENABLED": "1" if batch.cgo else "0"}


def _log(cache: Path, batch: Batch) -> Path:
    return cache / "logs" / f"build-{batch.digest}.log"


def _require_space(batch: Batch, cache: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache).free // 1_000_000
    if free < batch.megabytes:
        raise full(f"building {batch.programs}", f": {free} MB free in {cache}, {batch.megabytes} MB needed")


def _publish(outputs: Mapping[str, Recipe], fresh: Path, cache: Path) -> None:
    """Give each program its final name by one rename of a whole folder, so that nobody ever sees half of one."""
    for name, recipe in outputs.items():
        made = fresh / name
        if not made.is_file():
            raise UserError(
                f"go build made no {name} for {recipe.program}",
                remedy=f"name a main package in the tool's build: {recipe.build}",
            )
        whole = fresh / f"{recipe.program}.whole"
        whole.mkdir()
        made.rename(whole / recipe.program)
        target = (cache / recipe.place).parent
        shutil.rmtree(target, ignore_errors=True)
        whole.rename(target)


def _gigabytes(megabytes: int) -> str:
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes} MB"  # noqa: PLR2004  # 1000 MB = 1 GB
