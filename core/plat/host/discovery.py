"""Finding plug-ins: each entry point is loaded alone, so a broken one is reported by name and stops no other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, distributions
from types import ModuleType
from typing import Any, Final

import pluggy

from plat.api import Hooks
from plat.api._plugin import PROJECT
from plat.host.bounded import PATIENCE, bounded

CORE = "plat-core"
_VERSIONS: Final = r"(?:==|>=|<=|~=|!=|<|>)[0-9][0-9.]*"
_PLAIN: Final = re.compile(rf"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*?)(?P<versions>{_VERSIONS}(?:,{_VERSIONS})*)?")
DISABLE = "PLAT_DISABLE_PLUGINS"
"""Environment variable: names of entry points or distributions that are not loaded, separated by commas."""


@dataclass(frozen=True)
class Installed:
    """One entry point of the group `plat`, not loaded yet."""

    name: str
    distribution: str
    version: str
    entry_point: EntryPoint
    requires: tuple[str, ...]

    @property
    def label(self) -> str:
        """How errors name it: `argocd (plat-argocd 0.1.0)`."""
        return f"{self.name} ({self.distribution} {self.version})"


@dataclass(frozen=True)
class Loaded:
    """One plug-in after the attempt to load it. `why` says why it is not `active`."""

    installed: Installed
    status: str
    why: str = ""
    module: ModuleType | None = None
    hooks: tuple[str, ...] = ()


def installed(found: Iterable[Distribution] | None = None) -> tuple[Installed, ...]:
    """List the entry points of all installed distributions, by name, without importing anything."""
    rows: dict[tuple[str, str], Installed] = {}
    for distribution in distributions() if found is None else found:
        points = [point for point in distribution.entry_points if point.group == PROJECT]
        if not points:
            continue
        name, requires = distribution.metadata["Name"], tuple(distribution.requires or ())
        for point in points:
            rows.setdefault((name, point.name), Installed(point.name, name, distribution.version, point, requires))
    return tuple(sorted(rows.values(), key=lambda row: (row.name, row.distribution)))


def load(row: Installed, *, core: str, disabled: frozenset[str] = frozenset()) -> Loaded:
    """Import one plug-in and check it against the hooks. Never raises for what the plug-in does."""
    if {row.name, row.distribution} & disabled:
        return Loaded(row, "disabled", f"named in {DISABLE}")
    if mismatch := _mismatch(row.requires, core):
        return Loaded(row, "incompatible", mismatch)
    try:
        module = bounded(row.entry_point.load, PATIENCE)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # even SystemExit of a plug-in must not stop the others
        return Loaded(row, "broken", f"import failed: {type(error).__name__}: {error}")
    return _checked(row, module)


def disabled_by(environ: Mapping[str, str]) -> frozenset[str]:
    """Return the names that the operator has switched off."""
    return frozenset(name.strip() for name in environ.get(DISABLE, "").split(",") if name.strip())


def implementations(loaded: Loaded, hook: str) -> Sequence[Any]:
    """Call one registration hook of one plug-in and return its classes.

    Raises whatever the plug-in raises, and TimeoutError where it hangs; the registry attributes it.
    """
    return list(bounded(getattr(loaded.module, hook), PATIENCE)) if hook in loaded.hooks else []


def _mismatch(requires: Iterable[str], core: str) -> str:
    unsure = [text for text in requires if not _of_no_matter(text)]
    if not unsure:
        return ""
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415  # 40 ms that most runs can save
    from packaging.version import Version  # noqa: PLC0415  # as above

    for text in unsure:
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            return f"its requirement {text!r} cannot be read: {error}"
        wanted = requirement.name.lower().replace("_", "-") == CORE
        if wanted and requirement.specifier and not requirement.specifier.contains(Version(core), prereleases=True):
            return f"needs {CORE}{requirement.specifier}, but {core} is installed"
    return ""


def _of_no_matter(text: str) -> bool:
    """Say whether a requirement can be read at a glance, and asks nothing of the core's version."""
    found = _PLAIN.fullmatch(text)
    return found is not None and (not found["versions"] or found["name"].lower().replace("_", "-") != CORE)


def _checked(row: Installed, module: ModuleType) -> Loaded:
    """Let pluggy check names and arguments of the hooks, in a manager of its own so that nothing leaks."""
    plugins = pluggy.PluginManager(PROJECT)
    plugins.add_hookspecs(Hooks)
    try:
        plugins.register(module, name=row.name)
        plugins.check_pending()
    except pluggy.PluginValidationError as error:
        return Loaded(row, "broken", str(error).replace("\n", " "))
    callers = plugins.get_hookcallers(plugins.get_plugin(row.name)) or []
    hooks = tuple(sorted(caller.name for caller in callers))
    if not hooks:
        return Loaded(row, "broken", f"{row.entry_point.value} implements no hook; mark a function with @hookimpl")
    return Loaded(row, "active", module=module, hooks=hooks)
