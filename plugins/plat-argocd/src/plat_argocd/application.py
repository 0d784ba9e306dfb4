"""Argo CD's Application as a dialect: a manifest becomes the core Application, the core's state its status. Pure."""

from __future__ import annotations

from typing import Final

from plat.api import (
    Application,
    ApplicationState,
    Automated,
    Camp,
    Lookup,
    Manifest,
    NamespaceMetadata,
    Reading,
    Verb,
    WriteBack,
)
from plat_argocd import annotations as noted
from plat_argocd.destinations import destination_of
from plat_argocd.ignore import ignore_rule
from plat_argocd.notes import application_notes
from plat_argocd.operations import acknowledge, verbs
from plat_argocd.raw import RawApplication, read_raw
from plat_argocd.raw.application import RawNamespaceMetadata, RawSyncPolicy
from plat_argocd.retries import retry_of
from plat_argocd.settings import ArgoDialect
from plat_argocd.sources import sources_of
from plat_argocd.status import application_status
from plat_argocd.status_reading import application_state

SET_KIND: Final = "ApplicationSet"


class ArgoApplication(ArgoDialect[ApplicationState]):
    """`argoproj.io/Application` (spec/cluster §1 and §11)."""

    kind = "argoproj.io/Application"
    needs = frozenset()

    def read(self, manifest: Manifest, others: Lookup) -> Reading:
        """Say what an Application means.

        Raises UserError with the dotted path of an unknown field, of a value that cannot be meant, or of a kind of
        source that is not supported yet.
        """
        raw = read_raw(RawApplication, manifest)
        return Reading(
            objects=(self._application(raw, self.camp(others)),), verbs=verbs(raw), notes=application_notes(raw)
        )

    def write(self, manifest: Manifest, state: ApplicationState) -> WriteBack:
        """Return the status that Argo CD's own tools read; a None removes a part that was written before."""
        return WriteBack(status=application_status(manifest, state, home=self.namespace))

    def restore(self, manifest: Manifest) -> ApplicationState | None:
        """Return the state that a status tells, written by us or by Argo CD's controller; None without one."""
        return application_state(manifest)

    def acknowledge(self, manifest: Manifest, verb: Verb) -> WriteBack:
        """Take away the annotation, or the operation, that asked for something now carried out."""
        return acknowledge(manifest, verb)

    def _application(self, raw: RawApplication, camp: Camp) -> Application:
        spec, metadata, policy = raw.spec, raw.metadata, raw.spec.sync_policy
        sources = sources_of(spec)
        return Application(
            name=metadata.name,
            namespace=metadata.namespace or self.namespace,
            project=spec.project or "default",
            sources=sources,
            destination=destination_of(spec.destination),
            automated=_automated(policy),
            retry=retry_of(policy.retry),
            options=frozenset(policy.sync_options),
            namespace_metadata=_namespace_metadata(policy.managed_namespace_metadata),
            ignore=tuple(ignore_rule(rule) for rule in spec.ignore_differences),
            history_limit=spec.revision_history_limit,
            labels=metadata.labels,
            generate_paths=noted.generate_paths(metadata.annotations, sources),
            compare_options=noted.compare_options(metadata.annotations),
            deletion=noted.deletion(metadata.finalizers),
            paused=noted.paused(metadata.annotations),
            approved_at=noted.approved_at(metadata.annotations),
            owner=next((owner.name for owner in metadata.owner_references if owner.kind == SET_KIND), ""),
            camp=camp,
        )


def _automated(policy: RawSyncPolicy) -> Automated | None:
    raw = policy.automated
    if raw is None or not raw.enabled:
        return None
    return Automated(prune=raw.prune, self_heal=raw.self_heal, allow_empty=raw.allow_empty)


def _namespace_metadata(raw: RawNamespaceMetadata | None) -> NamespaceMetadata | None:
    return None if raw is None else NamespaceMetadata(labels=raw.labels, annotations=raw.annotations)
