"""What the dialects of one Argo CD share, given under `dialects: argocd:` in plat.yaml. It knows no kind."""

from __future__ import annotations

from abc import ABC
from typing import Generic, Literal, TypeVar

from plat.api import Dialect

S = TypeVar("S")


class ArgoDialect(Dialect[S], ABC, Generic[S]):
    """The shared configuration, so that one block of plat.yaml fits every kind."""

    namespace: str = "argocd"
    """The control namespace: what manifests without one belong to."""
    tracking: Literal["annotation", "label", "annotation+label"] = "annotation"
    """As `application.resourceTrackingMethod` of an installed Argo CD."""
    instance_label: str = "app.kubernetes.io/instance"
    """As `application.instanceLabelKey`."""
    doublestar: bool = False
    """As the ApplicationSet controller's `--enable-new-git-file-globbing`."""
