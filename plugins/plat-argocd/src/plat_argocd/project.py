"""Argo CD's AppProject as a dialect. Pure; the rules themselves are enforced by the core (spec/cluster §9.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from plat.api import DestinationRule, KindRule, Lookup, Manifest, Note, Project, Reading, outside
from plat_argocd.raw import RawProject, read_raw
from plat_argocd.raw.project import RawKindRule, RawProjectSpec
from plat_argocd.settings import ArgoDialect

UNSUPPORTED: Final = (
    "roles",
    "sync_windows",
    "orphaned_resources",
    "signature_keys",
    "source_integrity",
    "destination_service_accounts",
)
"""Fields that are read and not enforced yet."""


class ArgoProject(ArgoDialect[Any]):
    """`argoproj.io/AppProject`."""

    kind = "argoproj.io/AppProject"
    needs = frozenset()

    def read(self, manifest: Manifest, others: Lookup) -> Reading:
        """Say what an AppProject permits. What is not enforced yet is listed on the project, and noted."""
        del others
        raw = read_raw(RawProject, manifest)
        unsupported = tuple(outside(name) for name in UNSUPPORTED if getattr(raw.spec, name))
        notes = [Note(path=f"spec.{name}", message="is not enforced yet") for name in unsupported]
        return Reading(objects=(self._project(raw, unsupported),), notes=notes)

    def _project(self, raw: RawProject, unsupported: tuple[str, ...]) -> Project:
        spec = raw.spec
        return Project(
            name=raw.metadata.name,
            namespace=raw.metadata.namespace or self.namespace,
            source_repos=tuple(spec.source_repos),
            destinations=_destinations(spec),
            cluster_kinds=_kinds(spec.cluster_resource_whitelist),
            cluster_kinds_denied=_kinds(spec.cluster_resource_blacklist),
            namespaced_kinds=_optional_kinds(spec.namespace_resource_whitelist),
            namespaced_kinds_denied=_kinds(spec.namespace_resource_blacklist),
            source_namespaces=tuple(spec.source_namespaces),
            only_scoped_clusters=spec.permit_only_project_scoped_clusters,
            unsupported=unsupported,
        )


def _destinations(spec: RawProjectSpec) -> tuple[DestinationRule, ...]:
    return tuple(
        DestinationRule(server=rule.server, name=rule.name, namespace=rule.namespace) for rule in spec.destinations
    )


def _kinds(rules: Sequence[RawKindRule]) -> tuple[KindRule, ...]:
    return tuple(KindRule(group=rule.group, kind=rule.kind, name=rule.name) for rule in rules)


def _optional_kinds(rules: Sequence[RawKindRule] | None) -> tuple[KindRule, ...] | None:
    """Return None where the list is absent (everything is permitted): an empty list permits nothing."""
    return None if rules is None else _kinds(rules)
