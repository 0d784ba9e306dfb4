"""What a person should know about an Application that can be read but may not do what it seems to."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Final

from plat.api import Note
from plat_argocd import annotations as noted
from plat_argocd.raw.application import RawApplication

SYNC_OPTIONS: Final = (
    "ApplyOutOfSyncOnly",
    "ClientSideApplyMigration",
    "CreateNamespace",
    "Delete",
    "FailOnSharedResource",
    "Force",
    "Prune",
    "PruneLast",
    "PrunePropagationPolicy",
    "Replace",
    "RespectIgnoreDifferences",
    "ServerSideApply",
    "SkipDryRunOnMissingResource",
    "Validate",
)
"""Names of the sync options of spec/cluster §4.6; they are case-sensitive, and an unknown one does nothing."""


def application_notes(raw: RawApplication) -> tuple[Note, ...]:
    """Return the notes in order of the fields they are about."""
    return tuple(_notes(raw))


def _notes(raw: RawApplication) -> Iterator[Note]:
    spec, policy = raw.spec, raw.spec.sync_policy
    if noted.HYDRATE in raw.metadata.annotations:
        yield Note(path=f"metadata.annotations.{noted.HYDRATE}", message="the source hydrator is not supported yet")
    if spec.sources and spec.source is not None:
        yield Note(path="spec.source", message="ignored, because sources is given", instead="spec.sources")
    for index, option in enumerate(policy.sync_options):
        yield from _option_notes(option, f"spec.syncPolicy.syncOptions.{index}")
    if policy.managed_namespace_metadata is not None and "CreateNamespace=true" not in policy.sync_options:
        message = "has no effect without the sync option CreateNamespace=true"
        yield Note(path="spec.syncPolicy.managedNamespaceMetadata", message=message)


def _option_notes(option: str, path: str) -> Iterator[Note]:
    name, equals, value = option.partition("=")
    if name in SYNC_OPTIONS and equals and value:
        return
    near = difflib.get_close_matches(name.strip(), SYNC_OPTIONS, n=1, cutoff=0.6)
    instead = f"{near[0]}={value.strip() or 'true'}" if near else ""
    yield Note(path=path, message=f"{option!r} is no sync option, so it does nothing", instead=instead)
