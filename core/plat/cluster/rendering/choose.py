"""Which renderer a source gets (spec/cluster §2.2), with the override files of its directory merged in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from plat.api import Application, Renderer, Source, Tree, UserError, checked
from plat.store import merge

LAST: Final = "directory"
"""What a directory is when nobody recognises it."""
FIXED: Final = frozenset({"chart", "path", "repoURL", "targetRevision"})
"""What an override file can never change."""


def names_in(tree: Tree, path: str) -> frozenset[str]:
    """Return the names of the files in the directory of a source; none where there is no such directory."""
    return frozenset(name.rpartition("/")[2] for name in tree.files(f"{path}/*" if path not in ("", ".") else "*"))


def override_files(app: Application, path: str, names: frozenset[str]) -> list[str]:
    """Return the paths of the override files of an application that are in the directory of its source."""
    folder = "" if path in ("", ".") else f"{path}/"
    found = (name.format(app=app.name) for name in app.camp.override_files)
    return [folder + name for name in found if name in names]


def choose(source: Source, names: frozenset[str], renderers: Mapping[str, type[Renderer]]) -> Renderer:
    """Return the renderer of a source whose directory has files of these names, made from its fields.

    An explicit block wins, then the first kind (in order of name) that recognises the directory, then `directory`.
    Raises UserError where a block is unknown, or a field is wrong.
    """
    config = dict(source.render)
    kind = config.pop("use", "") or _recognised(names, renderers)
    if kind not in renderers:
        raise UserError(f"no renderer {kind!r} is installed", remedy=f"installed: {', '.join(sorted(renderers))}")
    return checked(renderers[kind], config, where=kind)


def merged(source: Source, override: Mapping[str, Any]) -> Source:
    """Return a source with one override file merged in, as JSON merge patch (RFC 7396)."""
    blocks = {name: block for name, block in override.items() if name not in FIXED}
    render = dict(source.render)
    for name, block in blocks.items():
        if render.get("use", name) != name:
            raise UserError(f"the override is for {name}, but the source uses {render['use']}")
        render = {"use": name, **merge({k: v for k, v in render.items() if k != "use"}, block)}
    return source.model_copy(update={"render": render})


def _recognised(names: frozenset[str], renderers: Mapping[str, type[Renderer]]) -> str:
    return next((kind for kind in sorted(renderers) if kind != LAST and renderers[kind].recognises(names)), LAST)
