"""The kinds as people write them: strict, frozen, every field known. Nothing after the dialects sees these."""

from __future__ import annotations

from plat_argocd.raw.application import (
    RawApplication,
    RawDestination,
    RawIgnoreRule,
    RawOperation,
    RawRetry,
    RawSource,
)
from plat_argocd.raw.applicationset import RawApplicationSet
from plat_argocd.raw.project import RawProject
from plat_argocd.raw.shape import Raw, RawMetadata, read_raw

__all__ = [
    "Raw",
    "RawApplication",
    "RawApplicationSet",
    "RawDestination",
    "RawIgnoreRule",
    "RawMetadata",
    "RawOperation",
    "RawProject",
    "RawRetry",
    "RawSource",
    "read_raw",
]
