"""One asynchronous client of the Kubernetes API: discovery, objects, watches, leases, the service proxy.

It knows no tier, no dialect and no application: objects in, objects out. It decides nothing and prints nothing.
"""

from __future__ import annotations

from plat.kube.access import Access, argocd_config, from_argocd, from_kubeconfig, from_pod
from plat.kube.cache import Cache, Change, Extract, Facts, Live, live_of, tracking_by
from plat.kube.client import METADATA_TYPE, Client, PatchType
from plat.kube.credentials import Identity
from plat.kube.discovery import Discovery, Resource
from plat.kube.errors import Cause, ForbiddenError, InvalidError, UnknownKindError
from plat.kube.feeds import Phase, Scope, State
from plat.kube.leases import Holder, Leases, foreign_leader
from plat.kube.provider import Kubeconfig
from plat.kube.proxy import ProxyReply, call_service, service_path
from plat.kube.reflector import Pace
from plat.kube.transport import Limits, Request, Response, lines
from plat.kube.watches import Watches

__all__ = [
    "METADATA_TYPE",
    "Access",
    "Cache",
    "Cause",
    "Change",
    "Client",
    "Discovery",
    "Extract",
    "Facts",
    "ForbiddenError",
    "Holder",
    "Identity",
    "InvalidError",
    "Kubeconfig",
    "Leases",
    "Limits",
    "Live",
    "Pace",
    "PatchType",
    "Phase",
    "ProxyReply",
    "Request",
    "Resource",
    "Response",
    "Scope",
    "State",
    "UnknownKindError",
    "Watches",
    "argocd_config",
    "call_service",
    "foreign_leader",
    "from_argocd",
    "from_kubeconfig",
    "from_pod",
    "lines",
    "live_of",
    "service_path",
    "tracking_by",
]
