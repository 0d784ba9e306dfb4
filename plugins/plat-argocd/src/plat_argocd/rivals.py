"""How a running Argo CD shows itself: by its application controller, the one part of it that writes to clusters.

Labels and names are those of upstream's own manifests, of the Helm chart and of the operator. The controller takes no
lease. It is a StatefulSet, or a Deployment where shards are handed out dynamically. Where it runs outside the cluster,
only its writes to the Applications tell: it refreshes each of them every few minutes.
"""

from __future__ import annotations

from typing import Final

from plat.api import Kind, Rival, StatusWrites

_APPLICATION: Final = Kind(group="argoproj.io", kind="Application")

APPLICATION_CONTROLLER: Final = Rival(
    name="Argo CD's application controller",
    requires=_APPLICATION,
    labels="app.kubernetes.io/part-of=argocd,app.kubernetes.io/component=application-controller",
    workloads=frozenset({"argocd-application-controller"}),
    writes=StatusWrites(kind=_APPLICATION, manager="argocd-application-controller"),
)
