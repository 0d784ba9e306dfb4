"""Entry point: the hooks that this distribution implements."""

from __future__ import annotations

from typing import Any

from plat.api import Dialect, Generator, hookimpl
from plat_argocd.application import ArgoApplication
from plat_argocd.applicationset import ArgoApplicationSet
from plat_argocd.generators import GitDirectories


@hookimpl
def plat_dialects() -> list[type[Dialect[Any]]]:
    """Return the dialects of Argo CD's kinds."""
    return [ArgoApplication, ArgoApplicationSet]


@hookimpl
def plat_generators() -> list[type[Generator]]:
    """Return the generators of ApplicationSets."""
    return [GitDirectories]
