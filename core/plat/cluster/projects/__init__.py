"""AppProjects: what their applications may read and write (spec/cluster §9.1).

It may not know a cluster, a repository or an operation: it judges names.
"""

from __future__ import annotations

from plat.cluster.projects.rules import (
    Place,
    default_project,
    permits_destination,
    permits_live,
    refusals,
    refuse_destination,
    refuse_kind,
    refuse_object,
    refuse_owner,
    refuse_source,
    warn_source,
)

__all__ = [
    "Place",
    "default_project",
    "permits_destination",
    "permits_live",
    "refusals",
    "refuse_destination",
    "refuse_kind",
    "refuse_object",
    "refuse_owner",
    "refuse_source",
    "warn_source",
]
