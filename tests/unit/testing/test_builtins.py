"""What the core registers keeps the promises that it asks of plug-ins."""

from __future__ import annotations

import json

import pytest

from plat.api import Event, HealthStatus
from plat.cluster.health import builtin
from plat.kube.provider import Kubeconfig
from plat.testing import ClusterProviderSuite, EventSuite, HealthCheckSuite

CONFIG = {
    "clusters": [{"name": "c", "cluster": {"server": "https://prod.example"}}],
    "users": [{"name": "u", "user": {"token": "correct horse"}}],
    "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
    "current-context": "x",
}
RULES = {rule.kind: rule for rule in builtin.RULES}


class TestKubeconfig(ClusterProviderSuite):
    plugin = Kubeconfig
    configurations = ({"kubeconfig": "/nonexistent/config"}, {"kubeconfig": "/nonexistent/config", "context": "prod"})
    refused = (({"contxt": "x"}, "did you mean 'context'?"),)


class TestReachable(ClusterProviderSuite):
    plugin = Kubeconfig
    connects = True
    secrets = ("correct horse",)
    configurations = ({"context": "x"}, {})

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path, monkeypatch):
        (tmp_path / "config").write_text(json.dumps(CONFIG))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))


def _deployment(**status):
    metadata = {"name": "web", "generation": 1}
    spec = {"replicas": 1}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec, "status": status}


class TestDeployment(HealthCheckSuite):
    plugin = RULES["apps/Deployment"]
    typed = True
    examples = (
        (_deployment(observedGeneration=1, replicas=1, updatedReplicas=1, availableReplicas=1), HealthStatus.HEALTHY),
        (_deployment(observedGeneration=0), HealthStatus.PROGRESSING),
        (
            _deployment(
                observedGeneration=1,
                replicas=1,
                updatedReplicas=1,
                conditions=[{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}],
            ),
            HealthStatus.DEGRADED,
        ),
    )


class TestService(HealthCheckSuite):
    plugin = RULES["Service"]
    typed = True
    examples = (
        ({"apiVersion": "v1", "kind": "Service", "spec": {"type": "ClusterIP"}, "status": {}}, HealthStatus.HEALTHY),
        (
            {"apiVersion": "v1", "kind": "Service", "spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {}}},
            HealthStatus.PROGRESSING,
        ),
    )


def plat_event(event: Event) -> None:
    """No part of the core listens yet; this stands for the smallest listener."""
    del event


class TestListener(EventSuite):
    listener = staticmethod(plat_event)
    entry_point = False
