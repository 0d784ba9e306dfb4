"""Entry point: the hooks that this distribution implements."""

from __future__ import annotations

from typing import Any

from plat.api import Dialect, Generator, Renderer, hookimpl
from plat_argocd.application import ArgoApplication
from plat_argocd.applicationset import ArgoApplicationSet
from plat_argocd.directory import Directory
from plat_argocd.generators import Clusters, GitDirectories, GitFiles, ListElements
from plat_argocd.project import ArgoProject
from plat_argocd.secrets import ArgoSecret


@hookimpl
def plat_dialects() -> list[type[Dialect[Any]]]:
    """Return the dialects of Argo CD's kinds."""
    return [ArgoApplication, ArgoApplicationSet, ArgoProject, ArgoSecret]


@hookimpl
def plat_generators() -> list[type[Generator]]:
    """Return the generators of ApplicationSets."""
    return [ListElements, Clusters, GitDirectories, GitFiles]


@hookimpl
def plat_renderers() -> list[type[Renderer]]:
    """Return the renderer of directories that are neither a chart nor a kustomization."""
    return [Directory]
