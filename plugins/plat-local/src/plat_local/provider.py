"""The cluster provider `local`: real Kubernetes components on loopback, without a container engine and without root."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import ClassVar

from pydantic import Field

from plat.api import ClusterProvider, Connection, ProviderContext, UnavailableError, acting, reading
from plat_local._components import API, PROGRAMS
from plat_local._control_plane import ControlPlane
from plat_local._home import Home, homes
from plat_local._processes import running

_BUILDING = timedelta(hours=2)
"""The first `create` may build the programs from source."""


class Local(ClusterProvider):
    """A cluster on this machine. It outlives the command that creates it, until `plat cluster delete`."""

    kind = "local"
    needs: ClassVar[frozenset[str]] = frozenset({"programs", "work"})

    nodes: int = Field(default=1, ge=1, le=100)
    """How many nodes it has; each has room for everything."""

    def deadline(self, method: str) -> timedelta | None:
        """Give a first `create` the time to build its programs."""
        return _BUILDING if method == "create" else None

    @reading
    async def connect(self, ctx: ProviderContext) -> Connection:
        """Return the administrator's kubeconfig; UnavailableError while its API server does not run."""
        home = Home.of(ctx.work, ctx.name)
        if running(home, API) is None or not home.kubeconfig.exists():
            raise UnavailableError(
                f"the local cluster {ctx.name} does not run; `plat cluster create {ctx.name}` starts it",
                code="not-running",
            )
        return Connection(kubeconfig=json.loads(home.kubeconfig.read_bytes()), context=ctx.name)

    @acting
    async def create(self, ctx: ProviderContext) -> None:
        """Bring it up; one that runs is left as it is, one that was stopped starts again with its data."""
        home = Home.of(ctx.work, ctx.name)
        paths = await asyncio.gather(*(ctx.programs.path(name, progress=ctx.progress) for name in PROGRAMS))
        programs = dict(zip(PROGRAMS, paths, strict=True))
        await ControlPlane(home).up(programs, nodes=self.nodes, now=ctx.clock.now(), say=ctx.progress)

    @acting
    async def delete(self, ctx: ProviderContext) -> None:
        """End its processes and remove its data; one that is gone already is fine."""
        await ControlPlane(Home.of(ctx.work, ctx.name)).down()

    @reading
    def names(self, ctx: ProviderContext) -> tuple[str, ...]:
        """List the clusters that were created here, running or not."""
        return tuple(home.name for home in homes(ctx.work))
