"""The core model of tier 2: what every dialect is translated to. Frozen; no dialect's word in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from plat.api._values import JSON


class CoreModel(BaseModel):
    """An object of the core, addressed by namespace and name."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    namespace: str = ""

    @property
    def id(self) -> str:
        """`namespace/name`, or the bare name."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class Part(BaseModel):
    """A part of a core object."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(Part):
    """Where manifests come from and what renders them (spec/cluster §2.1)."""

    url: str
    revision: str = "HEAD"
    path: str = "."
    chart: str = ""
    ref: str = ""
    tag_prefix: str = ""
    render: Mapping[str, JSON] = {}
    """`{"use": KIND, ...the fields of that renderer, as written}`; empty: found out from the files."""


class Destination(Part):
    """A cluster, by address or by name (one of both), and the namespace of namespaced objects that name none."""

    server: str = ""
    name: str = ""
    namespace: str = ""


class Automated(Part):
    """Automated sync (spec/cluster §4.7)."""

    prune: bool = False
    self_heal: bool = False
    allow_empty: bool = False


class Retry(Part):
    """Wait before retry k (k = 1 ..) is min(max_duration, duration x factor^(k-1)); `limit` < 0 never gives up."""

    limit: int = 0
    duration: timedelta = timedelta(seconds=5)
    factor: float = 2
    max_duration: timedelta = timedelta(minutes=3)
    refresh: bool = False


class IgnoreRule(Part):
    """Fields that are not compared (spec/cluster §3.3). Group and kind are globs; an empty name matches any."""

    group: str = ""
    kind: str = "*"
    name: str = ""
    namespace: str = ""
    json_pointers: tuple[str, ...] = ()
    jq: tuple[str, ...] = ()
    managers: tuple[str, ...] = ()


class NamespaceMetadata(Part):
    """Labels and annotations of the destination namespace."""

    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}


class Camp(Part):
    """The named strategies in which the camps differ, chosen by the dialect (DESIGN §1.4)."""

    field_manager: str = "argocd-controller"
    tracking: Literal["annotation", "label", "annotation+label"] = "annotation"
    instance_label: str = "app.kubernetes.io/instance"
    installation_id: str = ""
    """Which installation this is: written beside the tracking id, and objects of another one are not ours."""
    home: str = "argocd"
    """The control namespace: applications elsewhere carry their namespace in the tracking id."""
    override_files: tuple[str, ...] = (".argocd-source.yaml", ".argocd-source-{app}.yaml")
    """Files in a source's path that are merged onto the source before rendering (spec/cluster §2.2)."""
    env_prefix: str = "ARGOCD_APP_"
    """What the names of the build environment begin with (spec/cluster §2.3)."""


class Application(CoreModel):
    """Objects that belong together, from sources to one destination."""

    project: str = "default"
    sources: tuple[Source, ...]
    destination: Destination
    automated: Automated | None = None
    retry: Retry | None = None
    """None: no retry block was given, so automated syncs retry 5 times and others never."""
    options: frozenset[str] = frozenset()
    """`Key=value`, exact and case-sensitive (spec/cluster §4.6)."""
    namespace_metadata: NamespaceMetadata | None = None
    ignore: tuple[IgnoreRule, ...] = ()
    history_limit: int = 10
    labels: Mapping[str, str] = {}
    generate_paths: tuple[str, ...] | None = None
    """Paths of the repository whose changes matter, already joined to the source path; None: all."""
    compare_options: frozenset[str] = frozenset()
    deletion: Literal["leave", "foreground", "background"] = "leave"
    paused: bool = False
    """Leave it alone altogether (annotation skip-reconcile)."""
    approved_at: str = ""
    """RFC 3339 time of annotation deletion-approved."""
    owner: str = ""
    """The set that generated it; empty for one that was written by hand."""
    camp: Camp = Camp()

    def option(self, name: str, default: str = "") -> str:
        """Return the value of a sync option; the last one in sorted order wins, as no sane list names one twice."""
        values = sorted(o.partition("=")[2] for o in self.options if o.partition("=")[0] == name)
        return values[-1] if values else default


class ApplicationSet(CoreModel):
    """Generators and a template that make applications (spec/cluster §8)."""

    generators: tuple[Mapping[str, JSON], ...]
    """Each as written by the dialect: one key naming the generator, beside `template` and `selector`."""
    template: Mapping[str, JSON]
    template_patch: str = ""
    go_template: bool = False
    go_template_options: tuple[str, ...] = ()
    policy: Literal["sync", "create-only", "create-update", "create-delete"] = "sync"
    preserve_resources_on_deletion: bool = False
    preserved_annotations: tuple[str, ...] = ()
    preserved_labels: tuple[str, ...] = ()
    ignore: tuple[IgnoreRule, ...] = ()
    camp: Camp = Camp()
    """That of the applications that it generates."""


class DestinationRule(Part):
    """One destination that a project permits; globs, `!` denies (spec/cluster §9.1)."""

    server: str = ""
    name: str = ""
    namespace: str = ""


class KindRule(Part):
    """One kind that a project permits or forbids; globs."""

    group: str
    kind: str
    name: str = ""


class Project(CoreModel):
    """What applications of a project may read and write."""

    source_repos: tuple[str, ...] = ()
    destinations: tuple[DestinationRule, ...] = ()
    cluster_kinds: tuple[KindRule, ...] = ()
    cluster_kinds_denied: tuple[KindRule, ...] = ()
    namespaced_kinds: tuple[KindRule, ...] | None = None
    namespaced_kinds_denied: tuple[KindRule, ...] = ()
    source_namespaces: tuple[str, ...] = ()
    only_scoped_clusters: bool = False
    unsupported: tuple[str, ...] = ()
    """Fields that were given and are not enforced yet; shown, never silently dropped."""


class ClusterEntry(CoreModel):
    """A cluster that a manifest registers (spec/cluster §10). `connection` holds secrets: never print it."""

    server: str
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    project: str = ""
    namespaces: tuple[str, ...] = ()
    cluster_resources: bool = False
    connection: Mapping[str, JSON] = {}


class RepositoryEntry(CoreModel):
    """Credentials for a repository, or for all whose address starts with `url` (`prefix`). Holds secrets."""

    url: str
    prefix: bool = False
    username: str = ""
    password: str = ""
    ssh_private_key: str = ""
    project: str = ""
    insecure: bool = False
