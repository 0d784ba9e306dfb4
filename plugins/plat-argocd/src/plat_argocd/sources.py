"""Sources of an Application: which of them count, and what cannot be meant (spec/cluster §2.1)."""

from __future__ import annotations

import posixpath
from typing import Any, Final

from plat.api import JSON, Source, UnsupportedError, UserError
from plat_argocd.raw.application import RawSource, RawSpec

RENDERERS: Final = ("helm", "kustomize", "directory", "plugin")


def sources_of(spec: RawSpec) -> tuple[Source, ...]:
    """Return the sources in order; `sources`, where not empty, wins over `source`."""
    if spec.source_hydrator is not None:
        remedy = "give spec.source: the branch that the hydrator writes to"
        raise UnsupportedError("the source hydrator is not supported yet", where="spec.sourceHydrator", remedy=remedy)
    if spec.sources:
        return tuple(source_of(raw, f"spec.sources.{index}") for index, raw in enumerate(spec.sources))
    if spec.source is None:
        raise UserError("is required", where="spec.source", remedy="add spec.source or spec.sources")
    return (source_of(spec.source, "spec.source"),)


def source_of(raw: RawSource, where: str) -> Source:
    """Return one source. Raises UserError below `where` for what cannot be meant or is not supported yet."""
    _check(raw, where)
    return Source(
        url=raw.repo_url,
        revision=raw.target_revision or "HEAD",
        path=_path(raw.path, where),
        chart=raw.chart,
        ref=raw.ref,
        tag_prefix=raw.tag_prefix,
        render=_render(raw, where),
    )


def _check(raw: RawSource, where: str) -> None:
    if raw.repo_url.startswith("oci://"):
        remedy = "keep the manifests in git for now"
        raise UnsupportedError("OCI sources are not supported yet", where=f"{where}.repoURL", remedy=remedy)
    if raw.plugin is not None:
        remedy = "render in CI and commit the result, or use helm, kustomize or directory"
        raise UnsupportedError(
            "config management plugins are not supported yet", where=f"{where}.plugin", remedy=remedy
        )
    if raw.ref and raw.chart:
        raise UserError("a source with ref may not have a chart", where=where, remedy="split it into two sources")
    if raw.chart and raw.path:
        raise UserError("give either path or chart", where=where, remedy="a chart repository has no paths")
    if not (raw.path or raw.chart or raw.ref):
        raise UserError(
            "one of path, chart and ref is required", where=where, remedy="path: . is the repository's root"
        )


def _path(path: str, where: str) -> str:
    """Return the path in normal form, so that `./a/` and `a` are one render; never a way out of the repository."""
    if not path:
        return ""
    normal = posixpath.normpath(path)
    if posixpath.isabs(path) or normal.startswith(".."):
        remedy = "write it relative to the root of the repository"
        raise UserError(f"{path!r} leads out of the repository", where=f"{where}.path", remedy=remedy)
    return normal


def _render(raw: RawSource, where: str) -> dict[str, JSON]:
    blocks = {name: _given(getattr(raw, name)) for name in RENDERERS}
    used = [name for name, block in blocks.items() if block]
    if len(used) > 1:
        raise UserError(f"more than one of {', '.join(used)}", where=where, remedy="keep one of them")
    return {"use": used[0], **blocks[used[0]]} if used else {}


def _given(block: dict[str, JSON] | None) -> dict[str, JSON]:
    """Return a block without nulls; empty where it says nothing, since such a block does not choose a renderer."""
    given = {key: value for key, value in (block or {}).items() if value is not None}
    return given if any(_says_something(value) for value in given.values()) else {}


def _says_something(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_says_something(item) for item in value.values())
    return bool(value)
