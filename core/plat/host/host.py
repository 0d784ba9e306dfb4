"""The host: what is installed, one registry a hook, and the index that spares imports."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Final, TypeVar

import orjson

from plat.api import Event, Plugin, UserError
from plat.host.calls import Caller
from plat.host.discovery import CORE, Installed, Loaded, disabled_by, installed, load
from plat.host.registry import Entry, Registry, collect
from plat.host.telling import Listeners

P = TypeVar("P", bound=Plugin)

EVENT: Final = "plat_event"


@dataclass(frozen=True)
class PluginInfo:
    """One line of `plat plugins list`."""

    name: str
    distribution: str
    version: str
    status: str
    hooks: tuple[str, ...]
    kinds: tuple[str, ...]
    why: str


class Host:
    """All plug-ins of this installation. `one` imports only the owner of a kind; `registry` imports all."""

    def __init__(self, rows: tuple[Installed, ...], *, environ: Mapping[str, str], index: Path | None = None) -> None:
        self._rows = rows
        self._disabled = disabled_by(environ)
        self._core = version(CORE)
        self._loaded: dict[str, Loaded] = {}
        self._registries: dict[str, Registry[Plugin]] = {}
        self._owners: dict[type[Plugin], Installed] = {}
        self._index = _Index(index, rows, self._disabled) if index else None
        self.caller = Caller(self.owner_of)
        self._listeners: Listeners | None = None

    @classmethod
    def discover(cls, *, environ: Mapping[str, str] | None = None, cache: Path | None = None) -> Host:
        """Find what is installed. `cache` is the folder of the index of kinds."""
        environ = os.environ if environ is None else environ
        return cls(installed(), environ=environ, index=cache / "plugins.json" if cache else None)

    @property
    def versions(self) -> list[str]:
        """What is installed and not switched off: with other versions anything may be decided otherwise."""
        return sorted(row.label for row in self._rows if not {row.name, row.distribution} & self._disabled)

    def registry(self, hook: str, base: type[P]) -> Registry[P]:
        """Return all classes of one hook, importing every plug-in once."""
        if hook not in self._registries:
            registry = collect(hook, base, [self._load(row) for row in self._rows])
            self._remember(hook, registry)
            self._registries[hook] = registry  # type: ignore[assignment]  # one dictionary for all hooks
        return self._registries[hook]  # type: ignore[return-value]  # as above

    def one(self, hook: str, base: type[P], kind: str, *, where: str = "") -> type[P]:
        """Return the class of one kind; by the index, only its owner is imported.

        The index is a hint: where it leads nowhere (an editable install that changed), everything is asked.
        """
        owner = self._index.owner(hook, kind) if self._index and hook not in self._registries else None
        row = next((row for row in self._rows if _id(row) == owner), None)
        if row is not None:
            found = collect(hook, base, [self._load(row)]).find(kind)
            if found is not None:
                self._owners[found.cls] = found.owner
                return found.cls
        return self.registry(hook, base).get(kind, where=where).cls

    def owner_of(self, cls: type[Plugin]) -> str:
        """Return how errors name the distribution of a class."""
        owner = self._owners.get(cls)
        return owner.label if owner else cls.__module__

    def tell(self, event: Event) -> None:
        """Hand an event to every plug-in that implements `plat_event`, and return at once: nothing can break a run.

        Call it inside a running loop, and `settle` before the loop ends.
        """
        if self._listeners is None:
            loaded = [self._load(row) for row in self._rows]
            listening = {found.installed.label: found.module for found in loaded if EVENT in found.hooks}
            self._listeners = Listeners(
                self.caller, {name: getattr(module, EVENT) for name, module in listening.items()}
            )
        self._listeners.tell(event)

    async def settle(self, within: timedelta = timedelta(seconds=5)) -> None:
        """Wait until all events are delivered, but not longer than this."""
        if self._listeners is not None:
            await self._listeners.settle(within)

    def plugins(self, hooks: Mapping[str, type[Plugin]]) -> list[PluginInfo]:
        """Describe every plug-in: what it is, what it brings, and why it does not work if it does not."""
        asked = [self._asked(hook, base) for hook, base in hooks.items()]
        registries = [found for found in asked if isinstance(found, Registry)]
        disputes = [str(found) for found in asked if isinstance(found, UserError)]
        rows = []
        for row in self._rows:
            loaded = self._load(row)
            kinds = tuple(e.cls.kind for r in registries for e in r.entries() if e.owner == row)
            faults = [f for r in registries for f in r.faults if f.startswith(row.label)]
            faults += [dispute for dispute in disputes if row.label in dispute]
            why = loaded.why or "; ".join(faults) or self._trouble(row)
            status = "faulty" if loaded.status == "active" and why else loaded.status
            rows.append(PluginInfo(row.name, row.distribution, row.version, status, loaded.hooks, kinds, why))
        return rows

    def close(self) -> None:
        """Let go of the threads that plug-ins run in."""
        if self._listeners is not None:
            self._listeners.stop()
        self.caller.close()

    def _asked(self, hook: str, base: type[P]) -> Registry[P] | UserError:
        """Return a registry, or the dispute of two plug-ins over one kind."""
        try:
            return self.registry(hook, base)
        except UserError as error:
            return error

    def _trouble(self, row: Installed) -> str:
        """Say what went wrong in calls of this process."""
        hanging = ", ".join(sorted(self.caller.hanging().get(row.label, ())))
        told = self._listeners.faults.get(row.label, "") if self._listeners else ""
        return "; ".join(filter(None, [f"hangs: {hanging}" if hanging else "", told]))

    def _load(self, row: Installed) -> Loaded:
        key = _id(row)
        if key not in self._loaded:
            self._loaded[key] = load(row, core=self._core, disabled=self._disabled)
        return self._loaded[key]

    def _remember(self, hook: str, registry: Registry[P]) -> None:
        entries: tuple[Entry[P], ...] = registry.entries()
        self._owners.update({entry.cls: entry.owner for entry in entries})
        if self._index:
            self._index.write(hook, {entry.cls.kind: _id(entry.owner) for entry in entries})


def _id(row: Installed) -> str:
    return f"{row.distribution}:{row.name}"


class _Index:
    """Which entry point owns which kind, kept by the versions that are installed."""

    def __init__(self, path: Path, rows: tuple[Installed, ...], disabled: frozenset[str]) -> None:
        self._path = path
        facts = [[_id(row), row.version, row.entry_point.value] for row in rows]
        self._digest = hashlib.sha256(orjson.dumps([facts, sorted(disabled)])).hexdigest()
        self._hooks: dict[str, dict[str, str]] | None = None

    def owner(self, hook: str, kind: str) -> str | None:
        return self._read().get(hook, {}).get(kind)

    def write(self, hook: str, owners: dict[str, str]) -> None:
        hooks = {**self._read(), hook: owners}
        if hooks == self._hooks:
            return
        self._hooks = hooks
        temporary = self._path.with_suffix(f".{os.getpid()}")
        with suppress(OSError):  # a cache that cannot be written only costs imports
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(orjson.dumps({"installed": self._digest, "hooks": hooks}))
            temporary.replace(self._path)

    def _read(self) -> dict[str, dict[str, str]]:
        if self._hooks is None:
            try:
                stored = orjson.loads(self._path.read_bytes())
            except (OSError, orjson.JSONDecodeError):
                stored = {}
            valid = isinstance(stored, dict) and stored.get("installed") == self._digest
            self._hooks = stored.get("hooks") or {} if valid else {}
        return self._hooks
