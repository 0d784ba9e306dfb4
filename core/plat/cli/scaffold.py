"""Rendering `plugin-template/`: the two things of its language that it uses, and copier reads the same way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

import plat
from plat.api import UserError, nearest

VARIANTS: Final = {
    "dialect": "plat_dialects",
    "renderer": "plat_renderers",
    "generator": "plat_generators",
    "health-check": "plat_health_checks",
    "cluster-provider": "plat_clusters",
    "tool": "plat_tools",
    "event": "plat_event",
}
"""By the word on the command line, the hook."""
SUFFIX: Final = ".jinja"
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_IF: Final = re.compile(r"\{% if hook == '([a-z-]+)' %\}(.*?)\{% endif %\}", re.DOTALL)
_VARIABLE: Final = re.compile(r"\{\{ (\w+) \}\}")


@dataclass(frozen=True, kw_only=True)
class Names:
    """What the new plug-in and its parts are called; copier.yml derives them by the same rules."""

    name: str
    distribution: str
    entry: str
    module: str
    class_name: str

    @classmethod
    def of(cls, name: str) -> Self:
        """Derive all names from one. Raises UserError for what cannot be the name of a distribution."""
        if not _NAME.fullmatch(name) or name == "plat":
            raise UserError(f"{name!r} cannot be a name", remedy="use small letters, digits and single dashes: acme-x")
        distribution = name if name.startswith("plat-") else f"plat-{name}"
        entry = distribution.removeprefix("plat-")
        return cls(
            name=name,
            distribution=distribution,
            entry=entry,
            module=distribution.replace("-", "_"),
            class_name=entry.replace("-", " ").title().replace(" ", ""),
        )


def variant(hook: str) -> str:
    """Return the variant for a word or for a hook's name. Raises UserError with the nearest one."""
    for word, name in VARIANTS.items():
        if hook in (word, name):
            return word
    raise UserError(f"there is no template for {hook!r}", remedy=nearest(hook, [*VARIANTS, *VARIANTS.values()]))


def write(names: Names, hook: str, target: Path) -> list[Path]:
    """Write a distribution below a directory that is new or empty; return the files, relative to it.

    Raises UserError if the directory has anything in it, or cannot be written.
    """
    rendered = dict(sorted(_rendered({**asdict(names), "hook": hook})))
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise UserError("is there already", where=str(target), remedy="name another directory, or empty it")
        for path, content in rendered.items():
            place = target / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
    except OSError as error:
        remedy = "name another directory"
        raise UserError(f"cannot be written: {error.strerror}", where=str(target), remedy=remedy) from None
    return [Path(path) for path in rendered]


def template_folder() -> Path:
    """Return the template: beside the package in an installation, at the root of a source checkout."""
    package = Path(next(iter(plat.__path__)))
    places = (package / "_plugin_template", package.parents[1] / "plugin-template")
    for place in places:
        if (place / "copier.yml").is_file():
            return place
    raise UserError("the template for plug-ins is not installed", remedy="install plat-core again")


def _rendered(values: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    root = template_folder() / "template"
    for file in (path for path in root.rglob("*") if path.is_file()):
        relative = file.relative_to(root).as_posix()
        path = _text(relative.removesuffix(SUFFIX), values)
        if not path.rpartition("/")[2]:
            continue
        content = file.read_bytes()
        yield path, _text(content.decode(), values).encode() if relative.endswith(SUFFIX) else content


def _text(text: str, values: dict[str, str]) -> str:
    chosen = _IF.sub(lambda found: found[2] if found[1] == values["hook"] else "", text)
    return _VARIABLE.sub(lambda found: values[found[1]], chosen)
