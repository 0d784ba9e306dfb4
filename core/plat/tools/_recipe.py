"""How one program is got when it is not here: its recipe and the recipe's digest. Only reads files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from plat.api import Archive, GoBuild, Tool

GO_VERSION: Final = "1.27.3"
"""The Go that builds every helper program; part of each digest, so that a new Go means a new program."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A program, and every way to get it that its tool names."""

    program: str
    version: str
    archive: Archive | None
    build: GoBuild | None
    digest: str

    @property
    def place(self) -> str:
        """The program's path below the cache."""
        return f"bin/{self.program}-{self.version}-{self.digest}/{self.program}"


def read_recipe(tool: type[Tool], platform: str) -> Recipe:
    """Return the recipe of a tool; the digest covers all that decides what comes out."""
    entry = tool()
    archive, build = entry.archive(platform), entry.build()
    digest = hashlib.sha256(f"{platform} {archive!r}".encode())
    if build is not None:
        _add_build(digest, build)
    return Recipe(
        program=tool.program, version=tool.version, archive=archive, build=build, digest=digest.hexdigest()[:12]
    )


def _add_build(digest: hashlib._Hash, build: GoBuild) -> None:
    digest.update(f"{GO_VERSION} {build.package} {build.ldflags} {build.tags} {build.cgo}".encode())
    for file in sorted([build.module / "go.mod", build.module / "go.sum", *build.module.rglob("*.go")]):
        content = file.read_bytes() if file.is_file() else b""
        digest.update(f"{file.relative_to(build.module)} {len(content)} ".encode() + content)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Programs that come out of one `go build`: one module, one set of flags."""

    module: Path
    ldflags: str
    tags: str
    cgo: bool
    recipes: tuple[Recipe, ...]

    @property
    def programs(self) -> str:
        """The programs' names, for people."""
        return ", ".join(recipe.program for recipe in self.recipes)

    @property
    def digest(self) -> str:
        """The same for the same module and flags, whichever of its programs are missing: names the lock."""
        return hashlib.sha256(f"{self.module} {self.ldflags} {self.tags} {self.cgo}".encode()).hexdigest()[:12]

    @property
    def minutes(self) -> int:
        """The slowest program's estimate: programs of one module share nearly all their packages."""
        return max(build.minutes for build in self._builds())

    @property
    def megabytes(self) -> int:
        """The programs' sizes together."""
        return sum(build.megabytes for build in self._builds())

    def outputs(self) -> Mapping[str, Recipe]:
        """Return which file name `go build -o FOLDER/` gives to which program."""
        return {_executable(recipe.build.package): recipe for recipe in self.recipes if recipe.build}

    def _builds(self) -> list[GoBuild]:
        return [recipe.build for recipe in self.recipes if recipe.build]


def batches(recipes: Iterable[Recipe]) -> list[Batch]:
    """Put together what one `go build` can make: same module, same flags, no two outputs of one name."""
    groups: dict[tuple[Path, str, str, bool, int], list[Recipe]] = {}
    for recipe in recipes:
        if recipe.build is None:
            continue
        build, turn = recipe.build, 0
        while any(
            _same_output(recipe, other)
            for other in groups.get((build.module, build.ldflags, build.tags, build.cgo, turn), ())
        ):
            turn += 1
        groups.setdefault((build.module, build.ldflags, build.tags, build.cgo, turn), []).append(recipe)
    return [
        Batch(module=module, ldflags=ldflags, tags=tags, cgo=cgo, recipes=tuple(members))
        for (module, ldflags, tags, cgo, _), members in groups.items()
    ]


def _same_output(one: Recipe, other: Recipe) -> bool:
    return bool(one.build and other.build and _executable(one.build.package) == _executable(other.build.package))


def _executable(package: str) -> str:
    """Return the name that Go gives to a package's program: its last element that is no major version."""
    elements = package.rstrip("/").split("/")
    last = elements[-1]
    is_major = last[:1] == "v" and last[1:].isdigit() and int(last[1:]) > 1 and len(elements) > 1
    return elements[-2] if is_major else last
