"""Looking whether repositories have moved, one question for each, and waking only what reads a changed path."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from plat.api import PlatError
from plat.app.running import APPLICATIONS, SETS, Running
from plat.engine import Lane, Reason
from plat.git import same_repository

LOCAL: Final = 1.0
"""Seconds between two looks at a repository on this machine, which costs no process."""
REMOTE: Final = 120.0
JITTER: Final = 60.0
"""spec/cluster §1.3: 120 s and up to 60 s more, by repository, never by application."""


class Poller:
    """Polls the repositories of a run until it is cancelled."""

    def __init__(self, run: Running) -> None:
        self._run = run
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def forever(self) -> None:
        """Poll every repository that is in use, also those that come into use later."""
        try:
            while True:
                for url in self._urls():
                    if url not in self._tasks:
                        self._tasks[url] = asyncio.create_task(self._poll(url))
                await asyncio.sleep(LOCAL)
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _poll(self, url: str) -> None:
        repositories = self._run.opened.repositories
        local = repositories.addresses.effective(url).local is not None
        while True:
            await asyncio.sleep(LOCAL if local else REMOTE + random.random() * JITTER)  # noqa: S311  # spreads load, no secret
            try:
                if await repositories.poll(url):
                    await self._moved(url)
            except PlatError:
                continue  # the applications that read it say so themselves when they are looked at

    async def _moved(self, url: str) -> None:
        """Wake what reads a path that differs between the old and the new commit of any ref."""
        fetched = await self._run.opened.repositories.fetch(url, refresh=True)
        because = Reason("git-moved", {"repository": url}, f"{url} has moved")
        changed: set[str] = set()
        for old, new in fetched.moved.values():
            if old and new:
                changed |= self._run.opened.repositories.changed_paths(url, old, new)
        engine = self._run.engine
        for app in self._run.observer.reads.affected(url, changed):
            engine.enqueue(APPLICATIONS, app, lane=Lane.CHANGE, because=because)
        for key, declared in self._run.opened.inventory.sets.items():
            if any(same_repository(url, other) for other in _repositories(declared.object.generators)):
                engine.enqueue(SETS, key, because=because)

    def _urls(self) -> list[str]:
        found = [source.url for entry in self._run.kept.catalog.entries() for source in entry.application.sources]
        for declared in self._run.opened.inventory.sets.values():
            found += _repositories(declared.object.generators)
        return list(dict.fromkeys(found))


def _repositories(node: Any) -> Iterator[str]:
    """Return every repository address in generators, nested ones too."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key == "repoURL" and isinstance(value, str):
                yield value
            else:
                yield from _repositories(value)
    elif isinstance(node, Iterable) and not isinstance(node, str):
        for value in node:
            yield from _repositories(value)
