"""What contexts hand to plug-ins, made from the core's own parts: rendering, evaluating, logging, the clock."""

from __future__ import annotations

import logging
import posixpath
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from plat.api import JSON, Manifest, Tree, UserError
from plat.cluster.rendering.gather import gather
from plat.engine import Clock
from plat.gobridge import Bridge, helm, jq, jsonnet, kustomize, template, yaml

LOG: Final = logging.getLogger("plat.plugins")


class BridgeRender:
    """`ctx.render`: the Go libraries that render."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    async def kustomize(self, tree: Tree, path: str, **overrides: JSON) -> Sequence[Manifest]:
        """Build a kustomization from the files that it, and its overrides, consist of."""
        named = [str(component) for component in overrides.get("components") or ()]
        named += [patch["path"] for patch in overrides.get("patches") or () if patch.get("path")]
        places = (posixpath.normpath(posixpath.join(path, name)) for name in named)
        files = gather(tree, path, *(place for place in places if not place.startswith("..")))
        return await kustomize.build_tree(self._bridge, files, path, overrides=overrides)

    async def helm(self, tree: Tree, path: str, **options: JSON) -> Sequence[Manifest]:
        """Render a chart from the files below its path; `files` adds some from elsewhere, by path."""
        files = {**gather(tree, path), **options.pop("files", {})}
        return await helm.template(self._bridge, files, path, options=options)

    async def jsonnet(self, tree: Tree, path: str, **options: JSON) -> JSON:
        """Evaluate one file with what stands beside it, in its `libs`, and wherever these lead within the tree."""
        files = gather(tree, posixpath.dirname(path), *options.get("libs", ()))
        return await jsonnet.evaluate(self._bridge, files, path, options=options)

    async def yaml(self, text: bytes, *, where: str = "") -> Sequence[Manifest]:
        """Read all documents of a text."""
        return [document.value for document in await yaml.documents(self._bridge, text, where=where)]


class BridgeEval:
    """`ctx.eval`: the Go libraries that evaluate."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    async def jq(self, text: str, value: JSON) -> JSON:
        """Evaluate one jq expression."""
        (answer,) = await jq.apply(self._bridge, [(text, value)])
        if isinstance(answer, UserError):
            raise answer
        return answer

    async def template(self, text: str, values: JSON, *, options: Sequence[str] = ()) -> str:
        """Render one text/template."""
        item = template.TemplateItem(text=text, values=values, options=tuple(options))
        (answer,) = await template.render(self._bridge, [item])
        if isinstance(answer, UserError):
            raise answer
        return answer


class PluginLog:
    """`ctx.log`: structured, to the standard logging of Python."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def debug(self, text: str, /, **facts: JSON) -> None:
        """Log something for developers."""
        self._log(logging.DEBUG, text, facts)

    def info(self, text: str, /, **facts: JSON) -> None:
        """Log something for operators."""
        self._log(logging.INFO, text, facts)

    def warning(self, text: str, /, **facts: JSON) -> None:
        """Log something that an operator should look at."""
        self._log(logging.WARNING, text, facts)

    def _log(self, level: int, text: str, facts: Mapping[str, Any]) -> None:
        LOG.log(level, "%s: %s %s", self._kind, text, " ".join(f"{key}={value}" for key, value in facts.items()))


class PluginClock:
    """`ctx.clock`: the engine's clock, without its timers."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        """Return the time."""
        return self._clock.now()
