"""The destination of an Application (spec/cluster §1.1)."""

from __future__ import annotations

from plat.api import Destination, UserError
from plat_argocd.raw.application import RawDestination


def destination_of(raw: RawDestination) -> Destination:
    """Return the destination. Raises UserError unless exactly one of server and name is given."""
    if bool(raw.server) == bool(raw.name):
        problem = "both server and name are given" if raw.server else "neither server nor name is given"
        raise UserError(problem, where="spec.destination", remedy="give one of them")
    return Destination(server=raw.server.rstrip("/"), name=raw.name, namespace=raw.namespace)
