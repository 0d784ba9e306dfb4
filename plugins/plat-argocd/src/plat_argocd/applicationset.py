"""Argo CD's ApplicationSet as a dialect. Pure: what the generators give is found out by the core."""

from __future__ import annotations

from typing import Any

from plat.api import ApplicationSet, IgnoreRule, Lookup, Manifest, Reading, UnsupportedError
from plat_argocd.generator_blocks import generators_of
from plat_argocd.raw import RawApplicationSet, read_raw
from plat_argocd.raw.applicationset import RawSetIgnoreRule, RawSetSpec
from plat_argocd.settings import ArgoDialect


class ArgoApplicationSet(ArgoDialect[Any]):
    """`argoproj.io/ApplicationSet` (spec/cluster §8)."""

    kind = "argoproj.io/ApplicationSet"
    needs = frozenset()

    def read(self, manifest: Manifest, others: Lookup) -> Reading:
        """Say what an ApplicationSet means. Raises UserError with the dotted path of what is wrong with it."""
        raw = read_raw(RawApplicationSet, manifest)
        spec = raw.spec
        if spec.strategy.type == "RollingSync":
            remedy = "leave spec.strategy out; all Applications then change at once"
            raise UnsupportedError("RollingSync is not supported yet", where="spec.strategy.type", remedy=remedy)
        return Reading(
            objects=(
                ApplicationSet(
                    name=raw.metadata.name,
                    namespace=raw.metadata.namespace or self.namespace,
                    generators=generators_of(spec.generators, where="spec.generators", doublestar=self.doublestar),
                    template=_template(spec),
                    template_patch=spec.template_patch,
                    go_template=spec.go_template,
                    go_template_options=tuple(spec.go_template_options),
                    policy=spec.sync_policy.applications_sync,
                    preserve_resources_on_deletion=spec.sync_policy.preserve_resources_on_deletion,
                    preserved_annotations=tuple(spec.preserved_fields.annotations),
                    preserved_labels=tuple(spec.preserved_fields.labels),
                    ignore=tuple(_ignore(rule) for rule in spec.ignore_application_differences),
                    camp=self.camp(others),
                ),
            )
        )


def _template(spec: RawSetSpec) -> dict[str, Any]:
    metadata = spec.template.metadata.model_dump(by_alias=True, exclude_unset=True)
    return {"metadata": metadata, "spec": spec.template.spec}


def _ignore(raw: RawSetIgnoreRule) -> IgnoreRule:
    return IgnoreRule(
        group="argoproj.io",
        kind="Application",
        name=raw.name,
        json_pointers=tuple(raw.json_pointers),
        jq=tuple(raw.jq_path_expressions),
    )
