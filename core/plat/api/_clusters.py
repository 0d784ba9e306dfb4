"""Hook `plat_clusters`: name an API server and how to reach it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from plat.api._capabilities import Exec, Http
from plat.api._errors import UnsupportedError
from plat.api._plugin import Answer, Context, Plugin, acting, reading
from plat.api._tools import Programs
from plat.api._values import JSON


@dataclass(frozen=True, kw_only=True)
class Connection:
    """How to reach an API server: a kubeconfig's content, and the context to use in it. Holds secrets."""

    kubeconfig: Mapping[str, JSON] = field(repr=False)
    context: str = ""


@dataclass(frozen=True, kw_only=True)
class ProviderContext(Context):
    """What a cluster provider may use."""

    http: Http
    exec: Exec
    programs: Programs
    work: Path
    """A folder of the user's that outlives the call, shared by all clusters of this provider."""
    name: str
    """The cluster's name."""


class ClusterProvider(Plugin):
    """Name an API server and how to reach it. The core registers, labels, watches."""

    @reading
    @abstractmethod
    def connect(self, ctx: ProviderContext) -> Answer[Connection]:
        """Return how to reach it; UnavailableError while it is not there."""

    @acting
    def create(self, ctx: ProviderContext) -> Answer[None]:
        """Bring it up, for `plat cluster create`; a cluster that runs already is fine."""
        del ctx
        raise self._unsupported("create")

    @acting
    def delete(self, ctx: ProviderContext) -> Answer[None]:
        """Take it down; one that is gone already is fine."""
        del ctx
        raise self._unsupported("delete")

    @reading
    def names(self, ctx: ProviderContext) -> Answer[tuple[str, ...]]:
        """List the clusters that `create` has made."""
        del ctx
        return ()

    def _unsupported(self, verb: str) -> Exception:
        return UnsupportedError(f"a cluster of kind {self.kind} cannot {verb}")
