"""Helm's own library: `helm template`, without a cluster and without the network (spec/cluster §2.4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from plat.api import JSON, Manifest
from plat.gobridge.bridge import Bridge
from plat.gobridge.operations import Operation
from plat.gobridge.trees import tree


async def template(
    bridge: Bridge,
    files: Mapping[str, bytes],
    path: str,
    *,
    options: Mapping[str, JSON],
    deadline: timedelta | None = None,
) -> list[Manifest]:
    """Render the chart in a directory (or `.tgz`) of a tree; hooks are ordinary objects with their annotations.

    Options carry the names of Argo CD's `spec.source.helm`, and `namespace`, `kubeVersion`, `apiVersions`; an unknown
    one is an error. A value file is a path relative to the chart (one that begins with `/`: to the tree's root, globs
    allowed), or `{"name": ..., "content": ...}` for a file that the tree does not hold. Dependencies with a `file://`
    repository are taken from the tree.

    Raises:
        UserError: The chart, its values or what it renders is wrong; `where` is the template.
        RefusedError: A path out of the tree, or a limit.
    """
    request = {"files": tree(files), "path": path, "options": dict(options)}
    documents = await bridge.call(Operation.HELM_TEMPLATE, request, deadline=deadline)
    return [document["value"] for document in documents]
