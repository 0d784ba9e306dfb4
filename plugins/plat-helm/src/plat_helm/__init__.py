"""Renders Helm charts with Helm's own library: `helm template`, no hooks run by Helm, no look-ups in a cluster."""

from __future__ import annotations

from plat.api import Renderer, hookimpl
from plat_helm.renderer import Helm

__all__ = ["Helm", "plat_renderers"]


@hookimpl
def plat_renderers() -> list[type[Renderer]]:
    """Return the renderer of charts."""
    return [Helm]
