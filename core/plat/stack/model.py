"""What a `plat.yaml` may say (DESIGN §2), as people write it. Unknown keys are errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from plat.api import JSON, outside


class Section(BaseModel):
    """A part of the stack file."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=outside, populate_by_name=True)


class State(Section):
    """Where plat keeps what git and the clusters do not (DESIGN §6)."""

    use: Literal["file", "kubernetes"] = "file"
    cluster: str = ""
    """The cluster that holds the state, for `use: kubernetes`."""


class Sources(Section):
    """How addresses that manifests name are reached from here."""

    instead_of: Mapping[str, str] = {}
    """As git's url.insteadOf: an address that begins with the key begins with the value instead."""


class ClusterUse(BaseModel):
    """One cluster. `use` names a provider; what is not a field here is that provider's own configuration."""

    model_config = ConfigDict(frozen=True, extra="allow")
    use: str
    inCluster: bool = False  # noqa: N815  # the name in the file; extra fields keep theirs too
    """This is what `https://kubernetes.default.svc` and the name `in-cluster` mean."""
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}

    @property
    def config(self) -> Mapping[str, JSON]:
        """The provider's own fields."""
        return self.model_extra or {}


class StackFile(Section):
    """The whole file."""

    stack: str = Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?$")
    state: State = State()
    clusters: Mapping[str, ClusterUse] = {}
    manifests: tuple[str, ...] = (".",)
    sources: Sources = Sources()
    dialects: Mapping[str, Mapping[str, JSON]] = {}
    """By plug-in name: what its dialects share, such as `argocd: {namespace: argocd}`."""
