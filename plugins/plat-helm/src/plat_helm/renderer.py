"""The renderer: fields of Argo CD's `helm` block become options of `helm template` (spec/cluster §2.4)."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from pydantic import ConfigDict

from plat.api import JSON, Part, RenderContext, Rendered, Renderer, outside, substitute
from plat_helm.files import Files


class Parameter(Part):
    """One `--set`, or `--set-string` with `forceString`."""

    model_config = ConfigDict(alias_generator=outside)
    name: str
    value: str = ""
    force_string: bool = False


class FileParameter(Part):
    """One `--set-file`."""

    name: str
    path: str


class Helm(Renderer):
    """`helm`. From low to high: the chart's values, `valueFiles` in order, `values` or `valuesObject`, parameters."""

    kind = "helm"
    needs = frozenset({"render", "app", "kube_version"})
    release_name: str = ""
    namespace: str = ""
    value_files: tuple[str, ...] = ()
    ignore_missing_value_files: bool = False
    values: str = ""
    values_object: Mapping[str, JSON] = {}
    parameters: tuple[Parameter, ...] = ()
    file_parameters: tuple[FileParameter, ...] = ()
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()
    skip_crds: bool = False
    skip_tests: bool = False
    skip_schema_validation: bool = False
    pass_credentials: bool = False
    """For chart repositories; a chart in git needs none."""
    version: str = ""
    """The major version of Helm that old manifests name; it is always Helm 3's rules or later."""

    @classmethod
    def recognises(cls, names: AbstractSet[str]) -> bool:
        """Say whether a directory is a chart."""
        return "Chart.yaml" in names

    async def render(self, ctx: RenderContext) -> Rendered:
        """Render the chart.

        Raises UserError for a value file that is missing, leads out of its repository, or is named by an address.
        """
        return Rendered(await ctx.render.helm(ctx.tree, ctx.path, **self.options(ctx)))

    def options(self, ctx: RenderContext) -> Mapping[str, JSON]:
        """Return the options, with `$X` replaced.

        `valueFiles` and `fileParameters` name entries of `files`, from the root of the tree (`/`), which holds what
        they contain.
        """
        files = Files(ctx)
        value_files = files.values(self.value_files, optional=self.ignore_missing_value_files)
        file_parameters = [
            {"name": p.name, "path": files.one(p.path, f"helm.fileParameters.{index}.path")}
            for index, p in enumerate(self.file_parameters)
        ]
        return {
            "releaseName": self.release_name or ctx.app.name,
            "namespace": self.namespace or ctx.app.destination.namespace,
            "kubeVersion": self.kube_version or ctx.kube_version,
            "apiVersions": list(self.api_versions or ctx.api_versions),
            "skipCrds": self.skip_crds,
            "skipTests": self.skip_tests,
            "skipSchemaValidation": self.skip_schema_validation,
            "valueFiles": value_files,
            **self._values(),
            "parameters": [_parameter(parameter, ctx.env) for parameter in self.parameters],
            "fileParameters": file_parameters,
            "files": files.contents,
        }

    def _values(self) -> dict[str, JSON]:
        if self.values_object:
            return {"valuesObject": dict(self.values_object)}
        return {"values": self.values} if self.values.strip() else {}


def _parameter(parameter: Parameter, env: Mapping[str, str]) -> dict[str, JSON]:
    """Return a parameter; the library keeps its commas in one piece."""
    return {"name": parameter.name, "value": substitute(parameter.value, env), "forceString": parameter.force_string}
