"""Which rule judges an object, and the health of one object by it (spec/cluster §5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from plat.api import Health, HealthCheck, HealthStatus, Manifest, at
from plat.cluster.inventory import kind_name

HOOK_FINALIZER: Final = "argocd.argoproj.io/hook-finalizer"

HealthOf = Callable[[Manifest], Health | None]
"""The health of a live object; None: no rule, which counts as fine."""


def health_of(find: Callable[[str], HealthCheck | None]) -> HealthOf:
    """Return the judge that uses the rules found by `group/Kind`.

    An object that is being deleted is Progressing before any rule. A rule that raises makes its object Unknown.
    """

    def judge(manifest: Manifest) -> Health | None:
        if at(manifest, "metadata.deletionTimestamp") and HOOK_FINALIZER not in at(manifest, "metadata.finalizers", []):
            return Health(HealthStatus.PROGRESSING, "Pending deletion")
        rule = find(kind_name(manifest))
        if rule is None:
            return None
        try:
            return rule.check(manifest)
        except Exception as error:  # noqa: BLE001  # a plug-in's rule, on an object that anybody may have written
            return Health(HealthStatus.UNKNOWN, f"the rule for {rule.kind} failed: {type(error).__name__}: {error}")

    return judge
