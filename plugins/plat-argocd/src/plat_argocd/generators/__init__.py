"""Argo CD's generators: list, clusters, git directories, git files (spec/cluster §8.3)."""

from __future__ import annotations

from plat_argocd.generators.git_directories import GitDirectories

__all__ = ["GitDirectories"]
