"""The renderer: fields of Argo CD's `kustomize` block become overrides of the build (spec/cluster §2.4)."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from pydantic import ConfigDict, Field

from plat.api import JSON, Part, RenderContext, Rendered, Renderer, Tree, UserError, outside, substitute

NAMES: Final = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})


class Replicas(Part):
    """How many replicas a workload has; the API takes a number or a text."""

    name: str
    count: int


class Target(Part):
    """What a patch is for; patterns are regular expressions that must match as a whole."""

    model_config = ConfigDict(alias_generator=outside)
    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    label_selector: str = ""
    annotation_selector: str = ""


class Patch(Part):
    """One patch, in the text or in a file of the repository."""

    path: str = ""
    patch: str = ""
    target: Target | None = None
    options: Mapping[str, bool] = {}


class Kustomize(Renderer):
    """`kustomize`."""

    kind = "kustomize"
    needs = frozenset({"render"})
    name_prefix: str = ""
    name_suffix: str = ""
    namespace: str = ""
    images: tuple[str, ...] = ()
    replicas: tuple[Replicas, ...] = ()
    common_labels: Mapping[str, str] = {}
    force_common_labels: bool = False
    label_without_selector: bool = False
    label_include_templates: bool = False
    common_annotations: Mapping[str, str] = {}
    force_common_annotations: bool = False
    common_annotations_envsubst: bool = False
    patches: tuple[Patch, ...] = ()
    components: tuple[str, ...] = ()
    ignore_missing_components: bool = False
    version: str = Field(default="", exclude=True)
    """A kustomize version of Argo CD's server; here it is always the library that plat has."""
    kube_version: str = Field(default="", exclude=True)
    api_versions: tuple[str, ...] = Field(default=(), exclude=True)
    """These two matter to Helm charts inflated by kustomize, which is off."""

    @classmethod
    def recognises(cls, names: AbstractSet[str]) -> bool:
        """Say whether a directory is a kustomization."""
        return bool(names & NAMES)

    async def render(self, ctx: RenderContext) -> Rendered:
        """Build the kustomization with the overrides of the source."""
        return Rendered(await ctx.render.kustomize(ctx.tree, ctx.path, **self.overrides(ctx)))

    def overrides(self, ctx: RenderContext) -> Mapping[str, JSON]:
        """Return the overrides that say something, named as in the manifest, with `$X` replaced where Argo CD does."""
        given = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        for name in ("commonAnnotationsEnvsubst", "ignoreMissingComponents"):
            given.pop(name, None)
        if self.images:
            given["images"] = [substitute(image, ctx.env) for image in self.images]
        if self.common_labels:
            given["commonLabels"] = _substituted(self.common_labels, ctx.env)
        if self.common_annotations and self.common_annotations_envsubst:
            given["commonAnnotations"] = _substituted(self.common_annotations, ctx.env)
        if self.components:
            given["components"] = [path for path in self.components if self._present(ctx.tree, ctx.path, path)]
        return given

    def _present(self, tree: Tree, path: str, component: str) -> bool:
        place = posixpath.normpath(posixpath.join(path, component))
        if place.startswith(".."):
            raise UserError(f"{component!r} leads out of the repository", where="kustomize.components")
        return not self.ignore_missing_components or bool(tree.directories(place))


def _substituted(values: Mapping[str, str], env: Mapping[str, str]) -> dict[str, str]:
    return {key: substitute(value, env) for key, value in values.items()}
