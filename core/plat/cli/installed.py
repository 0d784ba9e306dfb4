"""What is installed, remembered: `plat --help` and `plat plugins list` answer from it without importing a plug-in.

An answer is kept with what it was made from: the directories that Python imports from, which change whenever a
distribution comes or goes, and the sources that were loaded, which change when somebody edits an editable install.
Standard library only, and little of it.
"""

from __future__ import annotations

import json
import os
import sys
import sysconfig
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from plat.cache import cache_path

COMMANDS = "plat.commands"
"""The entry-point group of commands: each names a Typer app."""
DISABLE = "PLAT_DISABLE_PLUGINS"

Stamp = list[list[Any]]
Providers = dict[str, list[dict[str, str]]]


def places() -> Stamp:
    """Return the directories that are imported from, each with the time when a name in it last changed.

    Take it before you look, so that what is installed meanwhile makes the answer stale.
    """
    found: Stamp = []
    for path in dict.fromkeys(sys.path):
        with suppress(OSError):
            found.append([path, os.stat(path or ".").st_mtime_ns])  # noqa: PTH116  # pathlib costs start-up time
    return found


def sources(packages: Iterable[str]) -> Stamp:
    """Return the loaded source files that an install does not stamp: editable ones, and those of these packages."""
    paths = sysconfig.get_paths()
    fixed = tuple({f"{paths[name]}/" for name in ("stdlib", "platstdlib", "purelib", "platlib")})
    own = frozenset(packages)
    found: Stamp = []
    for name, module in sorted(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if path and (not path.startswith(fixed) or name.partition(".")[0] in own):
            found.append(_stamp(path))
    return found


def recall(name: str, environ: Mapping[str, str]) -> Any:
    """Return what was remembered, or None where it does not hold any more or is not to be read."""
    try:
        with open(_file(name, environ), encoding="utf-8") as file:  # noqa: PTH123  # pathlib costs start-up time
            kept = json.load(file)
        holds = kept["key"] == _key(environ) and kept["places"] == places()
        return kept["value"] if holds and all(_stamp(path) == [path, *rest] for path, *rest in kept["files"]) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remember(name: str, value: Any, environ: Mapping[str, str], *, before: Stamp, files: Stamp) -> None:
    """Keep an answer. A cache that cannot be written is no trouble: the next call looks again."""
    path = _file(name, environ)
    text = json.dumps({"key": _key(environ), "places": before, "files": files, "value": value})
    with suppress(OSError):
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120  # pathlib costs start-up time
        scratch = f"{path}.{os.getpid()}"
        with open(scratch, "w", encoding="utf-8") as file:  # noqa: PTH123  # as above
            file.write(text)
        os.replace(scratch, path)  # noqa: PTH105  # as above


def commands(environ: Mapping[str, str]) -> Providers:
    """Return who provides each command that is not plat's own, by metadata: nothing is imported."""
    kept = recall("commands", environ)
    if kept is None:
        before = places()
        kept = _scan(environ)
        remember("commands", kept, environ, before=before, files=[])
    found: Providers = kept
    return found


def _scan(environ: Mapping[str, str]) -> Providers:
    from importlib.metadata import distributions  # noqa: PLC0415  # only when the answer is not remembered

    off = {name.strip() for name in environ.get(DISABLE, "").split(",")}
    found: dict[str, dict[str, dict[str, str]]] = {}
    for distribution in distributions():
        with suppress(Exception):  # one distribution with broken metadata hides no other
            name = distribution.metadata["Name"]
            for point in distribution.entry_points:
                if point.group == COMMANDS and not off & {name, point.name}:
                    facts = {"value": point.value, "distribution": name, "version": distribution.version}
                    found.setdefault(point.name, {}).setdefault(name, facts)
    return {name: [found[name][owner] for owner in sorted(found[name])] for name in sorted(found)}


def _key(environ: Mapping[str, str]) -> list[str]:
    return [sys.version, environ.get(DISABLE, "")]


def _file(name: str, environ: Mapping[str, str]) -> str:
    return os.path.join(cache_path(environ), "installed", f"{zlib.crc32(sys.prefix.encode()):08x}-{name}.json")  # noqa: PTH118  # as above


def _stamp(path: str) -> list[Any]:
    try:
        status = os.stat(path)  # noqa: PTH116  # pathlib costs start-up time
    except OSError:
        return [path, 0, 0]
    return [path, status.st_mtime_ns, status.st_size]
