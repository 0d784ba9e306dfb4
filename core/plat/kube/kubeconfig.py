"""Kubeconfig files: found, read, merged and made independent of where they lie. Not how they are used."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from plat.api import JSON, UserError

_FILES: Final = {
    "clusters": ("cluster", ("certificate-authority",)),
    "users": ("user", ("client-certificate", "client-key", "tokenFile")),
    "contexts": ("context", ()),
}
_LIBYAML_TAGS: Final = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")


def locations(explicit: Path | None = None, *, env: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Return the files that kubectl would read: the given one, else those of $KUBECONFIG, else ~/.kube/config."""
    if explicit:
        return (explicit.expanduser(),)
    listed = tuple(Path(part).expanduser() for part in env.get("KUBECONFIG", "").split(os.pathsep) if part)
    return listed or (Path("~/.kube/config").expanduser(),)


def load(paths: Sequence[Path]) -> dict[str, JSON]:
    """Read and merge files as kubectl does: the first file that names something wins, absent files are skipped.

    Paths inside become absolute. Raises UserError if no file exists or one is broken.
    """
    found = [path for path in paths if path.is_file()]
    if not found:
        raise UserError(
            f"there is no kubeconfig at {', '.join(map(str, paths))}", remedy="set KUBECONFIG, or name the file"
        )
    return merge(read(path.read_bytes(), folder=path.parent.absolute(), where=str(path)) for path in found)


def read(text: bytes, *, folder: Path, where: str = "kubeconfig") -> dict[str, JSON]:
    """Parse one kubeconfig; what it says about files is relative to `folder`."""
    config = _parse(text, where)
    if not isinstance(config, dict):
        raise UserError("this is not a kubeconfig", where=where)
    for section, (body, keys) in _FILES.items():
        for entry in _entries(config, section, where):
            _anchor(entry.get(body), keys, folder)
    for entry in config.get("users") or ():
        _anchor_command((entry.get("user") or {}).get("exec"), folder)
    return config


def merge(configs: Iterable[Mapping[str, JSON]]) -> dict[str, JSON]:
    """Join kubeconfigs: of two entries with one name the first wins, so does the first current context."""
    merged: dict[str, JSON] = {"apiVersion": "v1", "kind": "Config", "current-context": ""}
    for section in _FILES:
        merged[section] = []
    seen: set[tuple[str, str]] = set()
    for config in configs:
        merged["current-context"] = merged["current-context"] or config.get("current-context") or ""
        for section in _FILES:
            for entry in config.get(section) or ():
                if (section, str(entry.get("name"))) not in seen:
                    seen.add((section, str(entry.get("name"))))
                    merged[section].append(entry)
    return merged


def contexts(config: Mapping[str, JSON]) -> tuple[str, ...]:
    """Return the names of all contexts, sorted."""
    return tuple(sorted(str(entry.get("name")) for entry in config.get("contexts") or ()))


def _parse(text: bytes, where: str) -> Any:
    import yaml  # noqa: PLC0415  # 40 ms that a stack without kubeconfig files need not pay

    class Loader(yaml.SafeLoader):
        """Everything is text but booleans and null: a name 007 stays one, a date too."""

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag in _LIBYAML_TAGS]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    try:
        return yaml.load(text, Loader)  # noqa: S506  # it is a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise UserError("this is not YAML", where=f"{where}{line}") from None


def _entries(config: Mapping[str, Any], section: str, where: str) -> list[dict[str, Any]]:
    entries = config.get(section) or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UserError(f"{section} is not a list of named entries", where=where)
    return entries


def _anchor(body: dict[str, Any] | None, keys: Iterable[str], folder: Path) -> None:
    for key in keys:
        if body and body.get(key):
            body[key] = str(folder / body[key])


def _anchor_command(exec_config: dict[str, Any] | None, folder: Path) -> None:
    """A command with a slash in it is relative to the file, any other is looked up on PATH (as client-go)."""
    command = str((exec_config or {}).get("command") or "")
    if exec_config and "/" in command and not command.startswith("/"):
        exec_config["command"] = str(folder / command)
