"""From sources to objects: revisions, renderers, the build environment, the cache by content, tracking."""

from __future__ import annotations

from plat.cluster.rendering.cache import RenderCache
from plat.cluster.rendering.pipeline import ClusterFacts, Renders, Targets
from plat.cluster.rendering.targets import Target

__all__ = ["ClusterFacts", "RenderCache", "Renders", "Target", "Targets"]
