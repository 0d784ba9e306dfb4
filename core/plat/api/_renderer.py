"""Hook `plat_renderers`: turn a tree and parameters into objects."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import KW_ONLY, dataclass

from plat.api._capabilities import Exec, Http, Render, Tree
from plat.api._model import Application
from plat.api._plugin import Answer, Context, Plugin, reading
from plat.api._values import Manifest


@dataclass(frozen=True, kw_only=True)
class RenderContext(Context):
    """What a renderer may use. No cluster, no secrets; `http` only where the operator allows network."""

    tree: Tree
    path: str
    """The folder of the tree to render, `.` for its root."""
    refs: Mapping[str, Tree]
    """Trees of sources with a `ref`, for `$name/...` paths (spec/cluster §2.1)."""
    app: Application
    env: Mapping[str, str]
    """The build environment of spec/cluster §2.3."""
    kube_version: str
    """The version of the cluster that the objects are for, such as `1.35`; empty where `needs` does not name it."""
    api_versions: Sequence[str]
    """What that cluster serves, such as `apps/v1`; empty where `needs` does not name `kube_version`."""
    render: Render
    exec: Exec
    http: Http


@dataclass(frozen=True)
class Rendered:
    """Objects in order."""

    objects: Sequence[Manifest]
    _: KW_ONLY
    warnings: Sequence[str] = ()


class Renderer(Plugin):
    """Turn a tree and the fields into objects, the same every time. The core caches, limits, jails, tracks."""

    @classmethod
    def recognises(cls, names: AbstractSet[str]) -> bool:
        """Say whether a directory with these file names is ours, when nothing else decides."""
        del names
        return False

    @reading
    @abstractmethod
    def render(self, ctx: RenderContext) -> Answer[Rendered]:
        """Render `ctx.path` of `ctx.tree`. Fields may hold `$X`: replace them by `substitute(text, ctx.env)`."""
