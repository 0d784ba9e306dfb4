"""One parameter set for each registered cluster that a selector selects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from plat.api import JSON, Cluster, Generator, GeneratorContext
from plat_argocd.generators.label_selector import LabelSelector
from plat_argocd.generators.parameters import Parameters, normalize, with_values

LOCAL: Final = "https://kubernetes.default.svc"


class Clusters(Generator):
    """`clusters` (spec/cluster §8.3)."""

    kind = "clusters"
    needs = frozenset({"clusters", "eval"})
    selector: LabelSelector = LabelSelector()
    values: Mapping[str, str] = {}
    flat_list: bool = False

    async def generate(self, ctx: GeneratorContext) -> Sequence[Mapping[str, JSON]]:
        """Return the sets in the order of the clusters; the local one last, where nobody registered it.

        With `flatList` it is always exactly one set, `clusters`.
        """
        registered = [cluster for cluster in ctx.clusters if not _unregistered(cluster)]
        chosen = [cluster for cluster in registered if self.selector.selects(cluster.labels)]
        if self.selector.empty:
            chosen += [cluster for cluster in ctx.clusters if _unregistered(cluster)]
        sets = [
            await with_values(ctx, _parameters(cluster, go_template=ctx.go_template), self.values) for cluster in chosen
        ]
        return [{"clusters": sets}] if self.flat_list else sets


def _unregistered(cluster: Cluster) -> bool:
    """Say whether this is the local cluster without a Secret: nothing is known of it but its address."""
    return cluster.server == LOCAL and not (cluster.labels or cluster.annotations or cluster.project)


def _parameters(cluster: Cluster, *, go_template: bool) -> Parameters:
    parameters: Parameters = {
        "name": cluster.name,
        "nameNormalized": normalize(cluster.name),
        "server": cluster.server,
        "project": cluster.project,
    }
    metadata = {"labels": dict(cluster.labels), "annotations": dict(cluster.annotations)}
    if go_template:
        return parameters | {"metadata": metadata}
    flat = {f"metadata.{part}.{key}": value for part, items in metadata.items() for key, value in items.items()}
    return parameters | flat
