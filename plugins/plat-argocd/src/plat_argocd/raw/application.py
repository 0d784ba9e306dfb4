"""Application as people write it (spec/cluster §1.1)."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from plat.api import JSON, Duration
from plat_argocd.raw.shape import Raw, RawObject


class RawSource(Raw):
    """One source. The blocks of the renderers are checked by the renderers themselves."""

    repo_url: str = Field(min_length=1)
    path: str = ""
    target_revision: str = ""
    tag_prefix: str = ""
    chart: str = ""
    ref: str = ""
    name: str = ""
    helm: dict[str, JSON] | None = None
    kustomize: dict[str, JSON] | None = None
    directory: dict[str, JSON] | None = None
    plugin: dict[str, JSON] | None = None


class RawDestination(Raw):
    """A cluster by address or by name."""

    server: str = ""
    name: str = ""
    namespace: str = ""


class RawBackoff(Raw):
    """Waits between retries. A bare number is seconds; an empty text is the default."""

    duration: Duration = timedelta(seconds=5)
    factor: float = 2
    max_duration: Duration = timedelta(minutes=3)


class RawRetry(Raw):
    """Retries of a sync."""

    limit: int = 0
    backoff: RawBackoff = RawBackoff()
    refresh: bool = False


class RawAutomated(Raw):
    """Automated sync; the block alone turns it on."""

    enabled: bool = True
    prune: bool = False
    self_heal: bool = False
    allow_empty: bool = False


class RawNamespaceMetadata(Raw):
    """Metadata of the destination namespace."""

    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class RawSyncPolicy(Raw):
    """How syncs start and what they do."""

    automated: RawAutomated | None = None
    sync_options: list[str] = []
    retry: RawRetry | None = None
    managed_namespace_metadata: RawNamespaceMetadata | None = None


class RawIgnoreRule(Raw):
    """Fields that are not compared."""

    group: str = ""
    kind: str = Field(min_length=1)
    name: str = ""
    namespace: str = ""
    json_pointers: list[str] = []
    jq_path_expressions: list[str] = []
    managed_fields_managers: list[str] = []


class RawInfo(Raw):
    """A line that the user interface shows."""

    name: str
    value: str


class RawSpec(Raw):
    """The specification."""

    project: str = ""
    source: RawSource | None = None
    sources: list[RawSource] = []
    source_hydrator: JSON = None
    destination: RawDestination = RawDestination()
    sync_policy: RawSyncPolicy = RawSyncPolicy()
    ignore_differences: list[RawIgnoreRule] = []
    info: list[RawInfo] = []
    revision_history_limit: int = Field(default=10, ge=0)


class RawSelected(Raw):
    """One object that a selective sync names; empty matches any."""

    group: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""


class RawForce(Raw):
    """A sync strategy's only field."""

    force: bool = False


class RawStrategy(Raw):
    """Apply without hooks, or with them."""

    apply: RawForce | None = None
    hook: RawForce | None = None


class RawSync(Raw):
    """What a sync operation asks for."""

    revision: str = ""
    revisions: list[str] = []
    prune: bool = False
    dry_run: bool = False
    sync_strategy: RawStrategy = RawStrategy()
    resources: list[RawSelected] = []
    source: RawSource | None = None
    sources: list[RawSource] = []
    manifests: list[str] = []
    sync_options: list[str] = []
    auto_heal_attempts_count: int = 0


class RawInitiator(Raw):
    """Who started an operation."""

    username: str = ""
    automated: bool = False


class RawOperation(Raw):
    """One operation, cleared when it ends."""

    sync: RawSync | None = None
    initiated_by: RawInitiator = RawInitiator()
    info: list[RawInfo] = []
    retry: RawRetry | None = None


class RawApplication(RawObject):
    """The whole object."""

    spec: RawSpec
    operation: RawOperation | None = None
