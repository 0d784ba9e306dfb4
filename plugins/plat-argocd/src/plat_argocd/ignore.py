"""`ignoreDifferences` rules (spec/cluster §3.3)."""

from __future__ import annotations

from plat.api import IgnoreRule
from plat_argocd.raw.application import RawIgnoreRule


def ignore_rule(raw: RawIgnoreRule) -> IgnoreRule:
    """Return the rule in the core's words."""
    return IgnoreRule(
        group=raw.group,
        kind=raw.kind,
        name=raw.name,
        namespace=raw.namespace,
        json_pointers=tuple(raw.json_pointers),
        jq=tuple(raw.jq_path_expressions),
        managers=tuple(raw.managed_fields_managers),
    )
