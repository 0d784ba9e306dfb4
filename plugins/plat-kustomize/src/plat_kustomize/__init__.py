"""Renders kustomizations with the kustomize library. Overrides are laid over a copy in memory, never over files."""

from __future__ import annotations

from plat.api import Renderer, hookimpl
from plat_kustomize.renderer import Kustomize

__all__ = ["Kustomize", "plat_renderers"]


@hookimpl
def plat_renderers() -> list[type[Renderer]]:
    """Return the renderer of kustomizations."""
    return [Kustomize]
