"""Argo CD's generators: list, clusters, git directories, git files (spec/cluster §8.3)."""

from __future__ import annotations

from plat_argocd.generators.clusters import Clusters
from plat_argocd.generators.git_directories import GitDirectories
from plat_argocd.generators.git_files import GitFiles
from plat_argocd.generators.listed import ListElements

__all__ = ["Clusters", "GitDirectories", "GitFiles", "ListElements"]
