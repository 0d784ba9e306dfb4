"""Revisions and sources in a status: Argo CD has one field for a single source and another for several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plat.api import JSON
from plat_argocd.sparse import sparse


def revised(spec: Mapping[str, Any], revisions: Sequence[str]) -> dict[str, JSON]:
    """Return revisions in the field that the specification calls for."""
    if spec.get("sources"):
        return {"revisions": list(revisions)}
    return sparse(revision=next(iter(revisions), ""))


def sourced(spec: Mapping[str, Any]) -> dict[str, JSON]:
    """Return the sources as the specification has them."""
    return {"sources": spec["sources"]} if spec.get("sources") else sparse(source=spec.get("source"))
