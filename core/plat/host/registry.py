"""One generic registry for every registration hook: classes by `kind`, and who brought each."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Generic, TypeVar

from plat.api import PlatError, Plugin, UserError
from plat.host.discovery import Installed, Loaded, implementations

P = TypeVar("P", bound=Plugin)


class PluginError(PlatError):
    """A plug-in did what it must not: it raised something unforeseen, hung, or answered nonsense."""

    def __init__(self, message: str, *, plugin: str) -> None:
        super().__init__(f"plug-in {plugin}: {message}")
        self.plugin = plugin


@dataclass(frozen=True)
class Entry(Generic[P]):
    """One class and where it comes from."""

    cls: type[P]
    owner: Installed


class Registry(Generic[P]):
    """The classes of one hook. Two plug-ins that claim one kind are an error naming both."""

    def __init__(
        self, noun: str, entries: Mapping[str, Entry[P]], faults: Iterable[str] = (), absent: Iterable[str] = ()
    ) -> None:
        self._noun, self._entries, self.faults, self._absent = noun, dict(entries), tuple(faults), tuple(absent)

    def kinds(self) -> tuple[str, ...]:
        """Return all kinds, sorted."""
        return tuple(sorted(self._entries))

    def entries(self) -> tuple[Entry[P], ...]:
        """Return all entries in order of kind."""
        return tuple(self._entries[kind] for kind in self.kinds())

    def find(self, kind: str) -> Entry[P] | None:
        """Return the entry of exactly this kind, or of the first glob that matches it, or None."""
        if kind in self._entries:
            return self._entries[kind]
        return next((self._entries[glob] for glob in self.kinds() if "*" in glob and fnmatchcase(kind, glob)), None)

    def get(self, kind: str, *, where: str = "") -> Entry[P]:
        """Return the entry of this kind; UserError names the nearest known one and what could not be loaded."""
        if (entry := self.find(kind)) is not None:
            return entry
        near = difflib.get_close_matches(kind, self._entries, n=1, cutoff=0.5)
        remedy = f"did you mean {near[0]!r}?" if near else f"installed: {', '.join(self.kinds()) or 'none'}"
        if trouble := (*self._absent, *self.faults):
            remedy = f"{remedy}; not loaded: {'; '.join(trouble)}"
        elif not near:
            remedy = f"{remedy}; `plat plugins list` shows all plug-ins"
        raise UserError(f"no plug-in provides {self._noun} {kind!r}", where=where, remedy=remedy)


def collect(hook: str, base: type[P], plugins: Iterable[Loaded]) -> Registry[P]:
    """Ask every active plug-in for its classes of one hook; what one raises is recorded and stops no other."""
    entries: dict[str, Entry[P]] = {}
    faults: list[str] = []
    plugins = list(plugins)
    for plugin in plugins:
        try:
            classes = implementations(plugin, hook)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # a plug-in may raise anything
            faults.append(f"{plugin.installed.label}: {hook} raised {type(error).__name__}: {error}")
            continue
        for cls in classes:
            if fault := _fault(cls, base):
                faults.append(f"{plugin.installed.label}: {hook} returned {cls!r}, {fault}")
                continue
            _add(entries, cls, plugin.installed, noun=hook.removeprefix("plat_"))
    absent = [f"{plugin.installed.label} is {plugin.status}: {plugin.why}" for plugin in plugins if plugin.why]
    return Registry(_singular(hook), entries, faults, absent)


def _add(entries: dict[str, Entry[P]], cls: type[P], owner: Installed, *, noun: str) -> None:
    other = entries.get(cls.kind)
    if other is not None and other.cls is not cls:
        raise UserError(
            f"{other.owner.label} and {owner.label} both provide {cls.kind!r} ({noun})",
            remedy=f"uninstall one, or name it in PLAT_DISABLE_PLUGINS: {owner.name}",
        )
    entries[cls.kind] = Entry(cls, owner)


def _fault(cls: Any, base: type[Plugin]) -> str:
    if not (isinstance(cls, type) and issubclass(cls, base)):
        return f"which is not a class derived from {base.__name__}"
    if not isinstance(getattr(cls, "kind", None), str):
        return "which has no `kind`"
    abstract: frozenset[str] = getattr(cls, "__abstractmethods__", frozenset())
    if abstract:
        return f"which lacks {', '.join(sorted(abstract))}"
    return ""


def _singular(hook: str) -> str:
    return hook.removeprefix("plat_").removesuffix("s").replace("_", " ")
