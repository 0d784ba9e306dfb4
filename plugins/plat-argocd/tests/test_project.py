from __future__ import annotations

from typing import Any

import pytest

from plat.api import DestinationRule, KindRule, Project, UserError
from plat_argocd.project import ArgoProject

NOBODY: Any = None


def read(**spec: Any) -> Project:
    given = {"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "p"}, "spec": spec}
    (found,) = ArgoProject().read(given, NOBODY).objects
    assert isinstance(found, Project)
    return found


def test_an_empty_project() -> None:
    assert read() == Project(name="p", namespace="argocd")


def test_every_rule() -> None:
    found = read(
        description="x",
        sourceRepos=["https://git.example/*", "!https://git.example/secret"],
        destinations=[{"server": "*", "namespace": "team-*"}, {"name": "!prod"}],
        clusterResourceWhitelist=[{"group": "*", "kind": "Namespace", "name": "team-*"}],
        clusterResourceBlacklist=[{"group": "", "kind": "Node"}],
        namespaceResourceWhitelist=[{"group": "apps", "kind": "*"}],
        namespaceResourceBlacklist=[{"group": "", "kind": "Secret"}],
        sourceNamespaces=["team-*"],
        permitOnlyProjectScopedClusters=True,
    )
    assert found.source_repos == ("https://git.example/*", "!https://git.example/secret")
    assert found.destinations == (DestinationRule(server="*", namespace="team-*"), DestinationRule(name="!prod"))
    assert found.cluster_kinds == (KindRule(group="*", kind="Namespace", name="team-*"),)
    assert found.cluster_kinds_denied == (KindRule(group="", kind="Node"),)
    assert found.namespaced_kinds == (KindRule(group="apps", kind="*"),)
    assert found.namespaced_kinds_denied == (KindRule(group="", kind="Secret"),)
    assert found.source_namespaces == ("team-*",)
    assert found.only_scoped_clusters is True
    assert found.unsupported == ()


@pytest.mark.parametrize(("given", "kinds"), [({}, None), ({"namespaceResourceWhitelist": []}, ())])
def test_absent_permits_all_and_empty_permits_nothing(given: Any, kinds: Any) -> None:
    assert read(**given).namespaced_kinds == kinds


def test_what_is_not_enforced_is_shown() -> None:
    spec = {"roles": [{"name": "r"}], "syncWindows": [{"kind": "deny"}], "orphanedResources": {"warn": True}}
    given = {"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "p"}, "spec": spec}
    reading = ArgoProject().read(given, NOBODY)
    (found,) = reading.objects
    assert isinstance(found, Project)
    assert found.unsupported == ("roles", "syncWindows", "orphanedResources")
    assert [note.path for note in reading.notes] == ["spec.roles", "spec.syncWindows", "spec.orphanedResources"]


def test_an_unknown_field_names_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'sourceRepos'") as caught:
        read(sourceRepo=[])
    assert caught.value.where == "spec.sourceRepo"
