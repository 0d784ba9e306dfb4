"""Renderer of plain directories: the manifests as they stand in the files (spec/cluster §2.4)."""

from __future__ import annotations

import asyncio
import posixpath
import re
from collections.abc import Sequence
from typing import Final

from pydantic import ConfigDict

from plat.api import JSON, Manifest, Part, RenderContext, Rendered, Renderer, UserError, outside, substitute
from plat_argocd.globbing import matches_glob

EXTENSIONS: Final = (".yaml", ".yml", ".json", ".jsonnet")
SKIP: Final = b"+argocd:skip-file-rendering"
"""A file that has this text anywhere holds no manifests."""
LIMIT: Final = 10_000_000
"""Bytes of all files together."""

_SEPARATOR: Final = re.compile(rb"^---.*$", re.MULTILINE)
_LOOKS_LIKE_A_MANIFEST: Final = (b"apiVersion:", b"kind:", b"metadata:")


class Variable(Part):
    """A variable of jsonnet; `code` says that its value is an expression."""

    name: str
    value: str
    code: bool = False


class Jsonnet(Part):
    """How jsonnet files are rendered."""

    model_config = ConfigDict(alias_generator=outside)
    ext_vars: tuple[Variable, ...] = ()
    tlas: tuple[Variable, ...] = ()
    libs: tuple[str, ...] = ()


class Directory(Renderer):
    """`directory`."""

    kind = "directory"
    needs = frozenset({"render"})
    recurse: bool = False
    exclude: str = ""
    include: str = ""
    jsonnet: Jsonnet = Jsonnet()
    disable_extension_filter: bool = False

    async def render(self, ctx: RenderContext) -> Rendered:
        """Return the objects of all files, in order of their paths.

        Raises UserError for a file that cannot be read, for more than LIMIT, and for a symlink that leads out.
        """
        files = self._contents(ctx)
        found = await asyncio.gather(*(self._objects(ctx, path, text) for path, text in files))
        return Rendered([manifest for manifests in found for manifest in manifests])

    def _contents(self, ctx: RenderContext) -> list[tuple[str, bytes]]:
        files: list[tuple[str, bytes]] = []
        size = 0
        for path in self._paths(ctx):
            text = ctx.tree.read(path)
            size += len(text)
            if size > LIMIT:
                remedy = "narrow it by include and exclude, or split the application"
                raise UserError(f"the manifests have more than {LIMIT:,} bytes", where=ctx.path, remedy=remedy)
            files.append((path, text))
        return files

    def _paths(self, ctx: RenderContext) -> list[str]:
        root = "" if ctx.path in ("", ".") else f"{ctx.path}/"
        found = ctx.tree.files(f"{root}**" if self.recurse else f"{root}*")
        return sorted(path for path in found if self._wanted(path.removeprefix(root)))

    def _wanted(self, path: str) -> bool:
        if not (self.disable_extension_filter or path.endswith(EXTENSIONS)):
            return False
        if self.exclude and matches_glob(self.exclude, path):
            return False
        return not self.include or matches_glob(self.include, path)

    async def _objects(self, ctx: RenderContext, path: str, text: bytes) -> Sequence[Manifest]:
        if path.endswith(".jsonnet"):
            return await self._from_jsonnet(ctx, path)
        if SKIP in text:
            return ()
        if path.endswith(".json"):
            return await _from_json(ctx, path, text)
        return await _from_yaml(ctx, path, text)

    async def _from_jsonnet(self, ctx: RenderContext, path: str) -> Sequence[Manifest]:
        options = self.jsonnet
        for lib in options.libs:
            if posixpath.normpath(lib.lstrip("/")).startswith(".."):
                raise UserError(f"{lib!r} leads out of the repository", where="directory.jsonnet.libs")
        value = await ctx.render.jsonnet(
            ctx.tree,
            path,
            extVars=_variables(options.ext_vars, ctx),
            tlas=_variables(options.tlas, ctx),
            libs=list(options.libs),
        )
        return [manifest for item in (value if isinstance(value, list) else [value]) for manifest in _expanded(item)]


async def _from_yaml(ctx: RenderContext, path: str, text: bytes) -> Sequence[Manifest]:
    """Return the documents of a file; a file that is no manifest at all, such as a values file, gives none."""
    try:
        documents = await ctx.render.yaml(text, where=path)
        for document in documents:
            _require_kind(document, path)
    except UserError:
        if _looks_like_manifests(text) or await _some_document_is_fine(ctx, text):
            raise
        return ()
    return documents


async def _from_json(ctx: RenderContext, path: str, text: bytes) -> Sequence[Manifest]:
    documents = await ctx.render.yaml(text, where=path)
    for document in documents:
        _require_kind(document, path)
    return documents


def _require_kind(document: JSON, path: str) -> None:
    if not (isinstance(document, dict) and isinstance(document.get("kind"), str) and document["kind"]):
        remedy = f"exclude the file, or put {SKIP.decode()} into it"
        raise UserError("holds a document that is no Kubernetes object", where=path, remedy=remedy)


def _looks_like_manifests(text: bytes) -> bool:
    return all(word in text for word in _LOOKS_LIKE_A_MANIFEST)


async def _some_document_is_fine(ctx: RenderContext, text: bytes) -> bool:
    for part in _SEPARATOR.split(text):
        try:
            documents = await ctx.render.yaml(part)
            for document in documents:
                _require_kind(document, "")
        except UserError:
            continue
        if documents:
            return True
    return False


def _variables(variables: Sequence[Variable], ctx: RenderContext) -> list[dict[str, JSON]]:
    return [{"name": v.name, "value": substitute(v.value, ctx.env), "code": v.code} for v in variables]


def _expanded(value: JSON) -> Sequence[Manifest]:
    if isinstance(value, dict) and str(value.get("kind", "")).endswith("List") and isinstance(value.get("items"), list):
        return list(value["items"])
    return [value]
