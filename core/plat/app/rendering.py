"""Rendering applications to text, with or without a cluster to ask: what `kubectl apply -f -` takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from plat.api import Application, Manifest, PlatError, UserError, nearest
from plat.app.running import Running
from plat.cluster.catalog import Entry
from plat.cluster.rendering import ClusterFacts

CLUSTER_SCOPED: Final = frozenset(
    {
        ("", "Namespace"), ("", "Node"), ("", "PersistentVolume"),
        ("rbac.authorization.k8s.io", "ClusterRole"), ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"), ("apiregistration.k8s.io", "APIService"),
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
        ("scheduling.k8s.io", "PriorityClass"), ("storage.k8s.io", "StorageClass"), ("storage.k8s.io", "CSIDriver"),
        ("networking.k8s.io", "IngressClass"), ("node.k8s.io", "RuntimeClass"),
        ("gateway.networking.k8s.io", "GatewayClass"),
    }
)  # fmt: skip
"""What Kubernetes' own kinds are where no cluster can be asked; every other kind is taken for namespaced."""


async def rendered(run: Running, names: frozenset[str]) -> Sequence[Manifest]:
    """Return the objects of the named applications, or of all, in order of application.

    A namespace that a sync would create comes first. Raises UserError for a name that is not known.
    """
    entries = run.kept.catalog.entries()
    known = {entry.application.name for entry in entries} | {entry.application.id for entry in entries}
    for name in sorted(names - known):
        raise UserError(f"there is no application {name!r}", remedy=nearest(name, sorted(known)))
    objects: list[Manifest] = []
    for entry in entries:
        if not names or run.named(entry, names):
            objects += await _objects(run, entry)
    return objects


async def _objects(run: Running, entry: Entry) -> list[Manifest]:
    app = entry.application
    targets = await run.kept.renders.targets(app, await _facts(run, app))
    return [*_namespace(app), *(target.manifest for target in targets.objects)]


async def _facts(run: Running, app: Application) -> ClusterFacts:
    try:
        member = run.opened.fleet.find(app.destination)
        await member.connect()
        return member.facts()
    except PlatError:
        return ClusterFacts("", (), lambda group, kind: (group, kind) not in CLUSTER_SCOPED)


def _namespace(app: Application) -> list[Mapping[str, object]]:
    if app.option("CreateNamespace") != "true" or not app.destination.namespace:
        return []
    metadata: dict[str, object] = {"name": app.destination.namespace}
    if app.namespace_metadata is not None:
        metadata["labels"] = dict(app.namespace_metadata.labels)
        metadata["annotations"] = dict(app.namespace_metadata.annotations)
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}]
