"""AppProject as people write it (spec/cluster §9.1)."""

from __future__ import annotations

from plat.api import JSON
from plat_argocd.raw.shape import Raw, RawObject


class RawDestinationRule(Raw):
    """One permitted destination."""

    server: str = ""
    name: str = ""
    namespace: str = ""


class RawKindRule(Raw):
    """One kind, permitted or forbidden."""

    group: str = ""
    kind: str = ""
    name: str = ""


class RawProjectSpec(Raw):
    """The specification."""

    description: str = ""
    source_repos: list[str] = []
    destinations: list[RawDestinationRule] = []
    source_namespaces: list[str] = []
    permit_only_project_scoped_clusters: bool = False
    cluster_resource_whitelist: list[RawKindRule] = []
    cluster_resource_blacklist: list[RawKindRule] = []
    namespace_resource_whitelist: list[RawKindRule] | None = None
    namespace_resource_blacklist: list[RawKindRule] = []
    roles: list[JSON] = []
    sync_windows: list[JSON] = []
    orphaned_resources: JSON = None
    signature_keys: list[JSON] = []
    source_integrity: JSON = None
    destination_service_accounts: list[JSON] = []


class RawProject(RawObject):
    """The whole object."""

    spec: RawProjectSpec = RawProjectSpec()
