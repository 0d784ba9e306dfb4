"""Which files a kustomization or a chart consists of, so that only these are read and go into the cache key. Pure.

A reference that leaves the directory (`../base`) is followed as text, wherever it stands: too many files do no harm,
and one that is missing is the library's own error, with its own words.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Final

from plat.api import Tree
from plat.git import escape

_SPEAKING: Final = frozenset(
    {"kustomization.yaml", "kustomization.yml", "Kustomization", "Chart.yaml", "requirements.yaml"}
)
"""Files that may name others outside their directory; so may jsonnet."""
_JSONNET: Final = (".jsonnet", ".libsonnet")
_UPWARD: Final = re.compile(rb"(?:file://)?[\w./~@+-]*\.\./[\w./~@+-]*|(?<![\w./])\.\.(?![\w./])")


def gather(tree: Tree, *paths: str) -> Mapping[str, bytes]:
    """Return the files below the paths, and those below the paths outside them that they name, and so on."""
    files: dict[str, bytes] = {}
    open_, seen = [_normal(path) for path in paths], set[str]()
    while open_:
        place = open_.pop()
        if place in seen or any(place == other or place.startswith(other + "/") for other in seen):
            continue
        seen.add(place)
        for name in _below(tree, place):
            if name in files:
                continue
            files[name] = tree.read(name)
            open_ += [target for target in _outside(name, files[name]) if target not in seen]
    return files


def _below(tree: Tree, place: str) -> Iterator[str]:
    if place in ("", "."):
        yield from tree.files("**")
        return
    found = tree.files(f"{escape(place)}/**")
    yield from found or tree.files(escape(place))


def _outside(name: str, content: bytes) -> Iterator[str]:
    folder = posixpath.dirname(name)
    if posixpath.basename(name) not in _SPEAKING and not name.endswith(_JSONNET):
        return
    for match in _UPWARD.finditer(content):
        target = posixpath.normpath(posixpath.join(folder, match[0].decode().removeprefix("file://")))
        if not target.startswith(".."):
            yield target


def _normal(path: str) -> str:
    return posixpath.normpath(path or ".").removeprefix("./")
