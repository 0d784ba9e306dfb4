"""What annotations and finalizers of an Application say (spec/cluster §1.2)."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from plat.api import Source

PREFIX: Final = "argocd.argoproj.io/"
REFRESH: Final = f"{PREFIX}refresh"
HYDRATE: Final = f"{PREFIX}hydrate"
GENERATE_PATHS: Final = f"{PREFIX}manifest-generate-paths"
COMPARE_OPTIONS: Final = f"{PREFIX}compare-options"
SKIP_RECONCILE: Final = f"{PREFIX}skip-reconcile"
DELETION_APPROVED: Final = f"{PREFIX}deletion-approved"
RESOURCES_FINALIZER: Final = "resources-finalizer.argocd.argoproj.io"

_TRUE: Final = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_DELETIONS: Final[Mapping[str, Literal["foreground", "background"]]] = {
    RESOURCES_FINALIZER: "foreground",
    f"{RESOURCES_FINALIZER}/foreground": "foreground",
    f"{RESOURCES_FINALIZER}/background": "background",
}


def generate_paths(annotations: Mapping[str, str], sources: Sequence[Source]) -> tuple[str, ...] | None:
    """Return the paths of the repository whose changes matter; None where every change does."""
    entries = [entry.strip() for entry in annotations.get(GENERATE_PATHS, "").split(";")]
    paths = [_joined(entry, source.path) for entry in entries if entry for source in sources]
    return tuple(dict.fromkeys(paths)) or None


def _joined(entry: str, path: str) -> str:
    whole = entry.lstrip("/") if entry.startswith("/") else posixpath.join(path, entry)
    return posixpath.normpath(whole or ".")


def compare_options(annotations: Mapping[str, str]) -> frozenset[str]:
    """Return the options of the comparison."""
    options = annotations.get(COMPARE_OPTIONS, "").split(",")
    return frozenset(option.strip() for option in options if option.strip())


def paused(annotations: Mapping[str, str]) -> bool:
    """Say whether the application is to be left alone."""
    return annotations.get(SKIP_RECONCILE, "") in _TRUE


def approved_at(annotations: Mapping[str, str]) -> str:
    """Return when deletion and pruning were approved (RFC 3339); empty if never."""
    return annotations.get(DELETION_APPROVED, "")


def deletion(finalizers: Sequence[str]) -> Literal["leave", "foreground", "background"]:
    """Say what happens to the objects when the application goes; the first finalizer that says it, counts."""
    return next((_DELETIONS[name] for name in finalizers if name in _DELETIONS), "leave")
