"""Reading a stack: find `plat.yaml`, check it, and turn it into frozen settings."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from plat.api import JSON, UserError, checked
from plat.stack.model import ClusterUse, StackFile
from plat.stack.places import line_of

FILE = "plat.yaml"
IN_CLUSTER = "in-cluster"


class Document(Protocol):
    """One YAML document and the line where it begins."""

    @property
    def line(self) -> int:
        """The first line of the document, from 1."""
        ...

    @property
    def value(self) -> JSON:
        """Its content as plain data."""
        ...


Reader = Callable[..., Awaitable[Sequence[Document]]]
"""`await reader(text, where="file")`: the one YAML reader of plat."""


@dataclass(frozen=True)
class Stack:
    """A stack: its directory and what its file says."""

    root: Path
    file: StackFile
    written: bool = True
    """False: there is no file, and this is what a directory of manifests means by itself."""

    @property
    def name(self) -> str:
        """The stack's name; leases and ledger rows carry it."""
        return self.file.stack

    def reached_by(self, context: str, kubeconfig: str = "") -> Stack:
        """Return the stack with its `inCluster` cluster, or a new one of that kind, reached by a kubeconfig context."""
        name = next((name for name, use in self.file.clusters.items() if use.inCluster), IN_CLUSTER)
        clusters = {**self.file.clusters, name: _by_context(context, kubeconfig)}
        return replace(self, file=self.file.model_copy(update={"clusters": clusters}))

    @property
    def state_dir(self) -> Path:
        """The folder of the local state."""
        return self.root / ".plat"


async def load(directory: Path, read: Reader) -> Stack:
    """Read `plat.yaml` of a directory or of the nearest one above it (as git finds its repository).

    Raises UserError with file, line and remedy.
    """
    path = _find(directory)
    content = path.read_bytes()
    documents = [d for d in await read(content, where=str(path)) if d.value is not None]
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        raise UserError("must hold exactly one mapping", where=str(path), remedy="see `plat schema stack`")
    return Stack(path.parent, _checked(documents[0].value, content.decode("utf-8-sig"), path))


def implicit(directory: Path, *, context: str, kubeconfig: str = "") -> Stack:
    """Return the stack that a directory of manifests means together with one kubeconfig context."""
    name = re.sub(r"[^a-z0-9]+", "-", directory.resolve().name.lower()).strip("-") or "stack"
    clusters = {IN_CLUSTER: _by_context(context, kubeconfig)}
    return Stack(directory, StackFile(stack=name[:53].strip("-"), clusters=clusters), written=False)


def _by_context(context: str, kubeconfig: str) -> ClusterUse:
    given = {"kubeconfig": kubeconfig} if kubeconfig else {}
    return ClusterUse.model_validate({"use": "kubeconfig", "context": context, "inCluster": True, **given})


def _find(directory: Path) -> Path:
    start = directory.resolve()
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder / FILE
        if (folder / ".git").exists():
            break
    remedy = "run `plat init` to write one from what the directory holds, or name one with -C DIR"
    raise UserError(f"there is no {FILE} here or above", where=str(start), remedy=remedy)


def _checked(value: Any, text: str, path: Path) -> StackFile:
    try:
        file = checked(StackFile, value)
    except UserError as error:
        line = line_of(text, error.where.split("."))
        place = f"{path}:{line}: {error.where}" if error.where else str(path)
        raise UserError(error.args[0], where=place, remedy=error.remedy) from None
    inside = [name for name, use in file.clusters.items() if use.inCluster]
    if len(inside) > 1:
        place = f"{path}:{line_of(text, ['clusters', inside[1]])}"
        raise UserError(f"{' and '.join(inside)} both say inCluster", where=place, remedy="let only one of them say it")
    if file.state.use == "kubernetes" and file.state.cluster not in file.clusters:
        place = f"{path}:{line_of(text, ['state'])}"
        raise UserError("state.cluster must name one of `clusters`", where=place, remedy="add `cluster: NAME`")
    return file
