"""kustomize's own library: a build with the overrides of an Argo CD source (spec/cluster §2.4).

Nothing is written: overrides change a copy of the kustomization in memory. Remote bases, plug-ins that start programs
and files outside of the root are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from plat.api import JSON, Manifest
from plat.gobridge.bridge import Bridge
from plat.gobridge.operations import Operation
from plat.gobridge.trees import tree


async def build(
    bridge: Bridge, root: Path, path: str, *, overrides: Mapping[str, JSON], deadline: timedelta | None = None
) -> list[Manifest]:
    """Build a directory on disk, in the order of `kustomize build`; nothing outside of `root` is read.

    Overrides carry the names of Argo CD's `spec.source.kustomize`; an unknown one is an error.

    Raises:
        UserError: The kustomization is wrong or absent.
        RefusedError: A remote base, a path out of the root, a build option that starts programs.
    """
    request = {"root": str(root), "path": path, "overrides": dict(overrides)}
    return _manifests(await bridge.call(Operation.KUSTOMIZE_BUILD, request, deadline=deadline))


async def build_tree(
    bridge: Bridge,
    files: Mapping[str, bytes],
    path: str,
    *,
    overrides: Mapping[str, JSON],
    deadline: timedelta | None = None,
) -> list[Manifest]:
    """Build a directory of a tree in memory; otherwise like `build`."""
    request = {"files": tree(files), "path": path, "overrides": dict(overrides)}
    return _manifests(await bridge.call(Operation.KUSTOMIZE_BUILD_TREE, request, deadline=deadline))


def _manifests(documents: JSON) -> list[Manifest]:
    return [document["value"] for document in documents]
