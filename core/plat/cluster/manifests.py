"""The stack's manifests as files: read, addressed, and remembered with file and line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from plat.api import JSON, Manifest, Ref, UserError, ref_of

ENDINGS = frozenset({".yaml", ".yml", ".json"})
CHART = "Chart.yaml"
TEMPLATES = "templates"


class Document(Protocol):
    """One YAML document and the line where it begins."""

    @property
    def line(self) -> int:
        """The first line, from 1."""
        ...

    @property
    def value(self) -> JSON:
        """Its content as plain data."""
        ...


ReadMany = Callable[[Sequence[tuple[bytes, str]]], Awaitable[Sequence[Sequence[Document] | UserError]]]
"""`await read([(text, where), ...])`: many files in one message."""


@dataclass(frozen=True)
class Found:
    """One manifest, and the file and line where it stands."""

    manifest: Manifest
    path: Path
    line: int

    @property
    def where(self) -> str:
        """`gitops/app.yaml:12`."""
        return f"{self.path}:{self.line}"


class Manifests:
    """All manifests of a stack; the `Lookup` of dialects."""

    def __init__(self, found: Iterable[Found]) -> None:
        self.found = tuple(found)
        self._by_kind: dict[tuple[str, str], list[Manifest]] = {}
        for item in self.found:
            ref = ref_of(item.manifest)
            self._by_kind.setdefault((ref.group, ref.kind), []).append(item.manifest)

    def get(self, ref: Ref) -> Manifest | None:
        """Return the manifest of exactly this address, or None."""
        return next((m for m in self.list(ref) if ref_of(m).name == ref.name), None)

    def list(self, ref: Ref) -> Sequence[Manifest]:
        """Return the manifests of this kind, in this namespace if one is given, with these labels."""
        return [m for m in self._by_kind.get((ref.group, ref.kind), ()) if _matches(m, ref)]


@dataclass(frozen=True)
class ReadResult:
    """What a reading of all files gave; a broken file stops no other."""

    manifests: Manifests
    problems: tuple[UserError, ...] = ()


async def read_manifests(root: Path, places: Iterable[str], read: ReadMany) -> ReadResult:
    """Read every manifest file below the places, which are relative to the root and must stay inside it."""
    problems: list[UserError] = []
    paths = list(dict.fromkeys(path for place in places for path in _files(root, place, problems)))
    texts = [(path.read_bytes(), str(path.relative_to(root))) for path in paths]
    found: list[Found] = []
    for path, documents in zip(paths, await read(texts) if texts else [], strict=True):
        if isinstance(documents, UserError):
            problems.append(documents)
            continue
        found += [
            Found(document.value, path.relative_to(root), document.line)
            for document in documents
            if isinstance(document.value, dict) and document.value.get("kind") and document.value.get("apiVersion")
        ]
    return ReadResult(Manifests(found), tuple(problems))


def _files(root: Path, place: str, problems: list[UserError]) -> Iterator[Path]:
    start = root / place
    inside = root.resolve()
    if not start.exists():
        problems.append(
            UserError("does not exist", where=f"manifests: {place}", remedy="correct the path in plat.yaml")
        )
        return
    for path in [start] if start.is_file() else sorted(start.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts if part not in (".", ".."))
        if hidden or path.suffix not in ENDINGS or not path.is_file() or path.name == "plat.yaml":
            continue
        if _template(path, start):
            continue
        if not path.resolve().is_relative_to(inside):
            remedy = "put the file itself there; plat reads nothing outside the stack"
            problems.append(UserError("leads out of the stack", where=str(path.relative_to(root)), remedy=remedy))
            continue
        yield path


def _template(path: Path, start: Path) -> bool:
    """Say whether a file below the start is a template of a Helm chart: a text that becomes YAML, not YAML itself."""
    folders = [folder for folder in path.parents if folder.is_relative_to(start)]
    return any(folder.name == TEMPLATES and (folder.parent / CHART).is_file() for folder in folders)


def _matches(manifest: Manifest, ref: Ref) -> bool:
    metadata = manifest.get("metadata") or {}
    labels = metadata.get("labels") or {}
    return (not ref.namespace or metadata.get("namespace", "") == ref.namespace) and all(
        labels.get(key) == value for key, value in ref.labels.items()
    )
