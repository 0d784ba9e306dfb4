"""The built-in cluster provider: a context of the operator's own kubeconfig (`use: kubeconfig`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from plat.api import ClusterProvider, Connection, ProviderContext, UserError, hookimpl, nearest
from plat.kube.kubeconfig import contexts, load, locations


class Kubeconfig(ClusterProvider):
    """A context of a kubeconfig. The default is kubectl's: its current context in $KUBECONFIG or ~/.kube/config."""

    kind: ClassVar[str] = "kubeconfig"
    needs: ClassVar[frozenset[str]] = frozenset()
    context: str = ""
    """The context to use; empty: the current one."""
    kubeconfig: Path | None = None
    """The file to read; absent: where kubectl looks."""

    def connect(self, ctx: ProviderContext) -> Connection:
        """Read the files anew, so that a login in another terminal counts. UserError if a name is not there."""
        del ctx
        paths = locations(self.kubeconfig)
        config = load(paths)
        chosen = self.context or str(config["current-context"])
        where = ", ".join(map(str, paths))
        if not chosen:
            raise UserError("the kubeconfig names no current context", where=where, remedy="set `context`")
        known = contexts(config)
        if chosen not in known:
            raise UserError(f"there is no context {chosen!r}", where=where, remedy=nearest(chosen, known))
        return Connection(kubeconfig=config, context=chosen)


@hookimpl
def plat_clusters() -> Sequence[type[ClusterProvider]]:
    """Register the provider."""
    return (Kubeconfig,)
