"""The programs of a local control plane, and how each is built. Facts only."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Final

from plat.api import GoBuild, Tool

KUBERNETES: Final = "v1.35.4"
_MODULES: Final = Path(__file__).parent / "modules"
_STAMP: Final = (
    f"-s -w -X k8s.io/component-base/version.gitVersion={KUBERNETES}"
    f" -X k8s.io/client-go/pkg/version.gitVersion={KUBERNETES}"
)
"""Without the stamp the server calls itself v0.0.0-master, which is what clients then take for its capabilities."""


class _Kubernetes(Tool):
    version: ClassVar[str] = KUBERNETES
    accepts: ClassVar[str] = "v1.35."
    megabytes: ClassVar[int]

    def build(self) -> GoBuild:
        """Return the build of one of Kubernetes' own programs; together they take little longer than one."""
        return GoBuild(
            module=_MODULES / "kubernetes",
            package=f"k8s.io/kubernetes/cmd/{self.program}",
            ldflags=_STAMP,
            minutes=4,
            megabytes=self.megabytes,
        )


class KubeApiserver(_Kubernetes):
    """The API server."""

    kind = "kube-apiserver"
    program = "kube-apiserver"
    megabytes = 102


class KubeControllerManager(_Kubernetes):
    """The controllers: Deployments, Jobs, garbage collection, service accounts."""

    kind = "kube-controller-manager"
    program = "kube-controller-manager"
    megabytes = 93


class KubeScheduler(_Kubernetes):
    """The scheduler."""

    kind = "kube-scheduler"
    program = "kube-scheduler"
    megabytes = 71


class Kubectl(_Kubernetes):
    """The command line, for looking around; one minor version apart at most (Kubernetes' skew policy)."""

    kind = "kubectl"
    program = "kubectl"
    version_argv = ("version", "--client")
    megabytes = 76


class Etcd(Tool):
    """The API server's store."""

    kind = "etcd"
    program = "etcd"
    version = "v3.6.13"
    accepts = "3.6."

    def build(self) -> GoBuild:
        """Return the build of etcd's server."""
        return GoBuild(
            module=_MODULES / "etcd", package="go.etcd.io/etcd/server/v3", ldflags="-s -w", minutes=1, megabytes=28
        )


class Kwok(Tool):
    """The nodes: it plays kubelets, so that pods become ready without containers."""

    kind = "kwok"
    program = "kwok"
    version = "v0.8.0"
    accepts = "v0.8."

    def build(self) -> GoBuild:
        """Return the build of kwok's controller."""
        return GoBuild(
            module=_MODULES / "kwok", package="sigs.k8s.io/kwok/cmd/kwok", ldflags="-s -w", minutes=1, megabytes=83
        )


TOOLS: Final[tuple[type[Tool], ...]] = (Etcd, KubeApiserver, KubeControllerManager, KubeScheduler, Kubectl, Kwok)
