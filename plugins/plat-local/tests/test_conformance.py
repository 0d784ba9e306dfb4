from __future__ import annotations

from plat.testing import ClusterProviderSuite, ToolSuite
from plat_local import _tools
from plat_local.provider import Local


class TestLocal(ClusterProviderSuite):
    plugin = Local
    configurations = ({}, {"nodes": 3})
    refused = (({"nodes": 0}, "greater than or equal to 1"), ({"node": 1}, "did you mean 'nodes'?"))


class TestKubeApiserver(ToolSuite):
    plugin = _tools.KubeApiserver


class TestKubeControllerManager(ToolSuite):
    plugin = _tools.KubeControllerManager


class TestKubeScheduler(ToolSuite):
    plugin = _tools.KubeScheduler


class TestKubectl(ToolSuite):
    plugin = _tools.Kubectl


class TestEtcd(ToolSuite):
    plugin = _tools.Etcd


class TestKwok(ToolSuite):
    plugin = _tools.Kwok


def test_every_tool_has_a_suite():
    suites = {
        suite.plugin
        for suite in globals().values()
        if isinstance(suite, type) and issubclass(suite, ToolSuite) and suite is not ToolSuite
    }
    assert suites == set(_tools.TOOLS)
