"""`ctx.render` and `ctx.eval` for tests: the real Go libraries, or an answer that the test gives instead."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from plat.api import JSON, Manifest, Tree
from plat.app.capabilities import BridgeEval, BridgeRender
from plat.gobridge import Bridge


@dataclass(frozen=True)
class AskedOf:
    """One call of a library."""

    library: str
    path: str
    options: Mapping[str, JSON] = field(default_factory=dict)


class _Libraries:
    """Uses the bridge that it was given; without one, each call starts a helper process (30 ms) and ends it."""

    def __init__(self, bridge: Bridge | None) -> None:
        self._bridge = bridge

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[Bridge]:
        if self._bridge is not None:
            yield self._bridge
            return
        async with Bridge(size=1) as bridge:
            yield bridge


class FakeRender(_Libraries):
    """Renders by the real libraries, but for those whose answer is given. `asked` has every call."""

    def __init__(self, bridge: Bridge | None = None, **answers: JSON) -> None:
        super().__init__(bridge)
        self._answers = answers
        self.asked: list[AskedOf] = []

    async def kustomize(self, tree: Tree, path: str, **overrides: JSON) -> Sequence[Manifest]:
        """Build a kustomization."""
        manifests: Sequence[Manifest] = await self._call("kustomize", tree, path, overrides)
        return manifests

    async def helm(self, tree: Tree, path: str, **options: JSON) -> Sequence[Manifest]:
        """Render a chart."""
        manifests: Sequence[Manifest] = await self._call("helm", tree, path, options)
        return manifests

    async def jsonnet(self, tree: Tree, path: str, **options: JSON) -> JSON:
        """Evaluate jsonnet."""
        return await self._call("jsonnet", tree, path, options)

    async def yaml(self, text: bytes, *, where: str = "") -> Sequence[Manifest]:
        """Read all documents of a text, as Kubernetes reads YAML."""
        self.asked.append(AskedOf("yaml", where))
        async with self._running() as bridge:
            return await BridgeRender(bridge).yaml(text, where=where)

    async def _call(self, library: str, tree: Tree, path: str, options: Mapping[str, JSON]) -> JSON:
        self.asked.append(AskedOf(library, path, dict(options)))
        if library in self._answers:
            return self._answers[library]
        async with self._running() as bridge:
            return await getattr(BridgeRender(bridge), library)(tree, path, **options)


class FakeEval(_Libraries):
    """Evaluates by the real libraries."""

    def __init__(self, bridge: Bridge | None = None) -> None:
        super().__init__(bridge)

    async def jq(self, text: str, value: JSON) -> JSON:
        """Evaluate one jq expression."""
        async with self._running() as bridge:
            return await BridgeEval(bridge).jq(text, value)

    async def template(self, text: str, values: JSON, *, options: Sequence[str] = ()) -> str:
        """Render one text/template."""
        async with self._running() as bridge:
            return await BridgeEval(bridge).template(text, values, options=options)
