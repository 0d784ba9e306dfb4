"""What a project forbids does not happen (spec/cluster §9)."""

from __future__ import annotations

import pytest
from tests.e2e.objects import config, service
from tests.e2e.world import GIT, IN_CLUSTER


def _project(world, **spec):
    open_ = {
        "sourceRepos": ["*"],
        "destinations": [{"server": "*", "namespace": "*"}],
        "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
    }
    metadata = {"name": world.name, "namespace": "argocd"}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": metadata, "spec": {**open_, **spec}}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"sourceRepos": [GIT + "other"]}, "app"),
        ({"destinations": [{"server": IN_CLUSTER, "namespace": "elsewhere"}]}, "namespace"),
        ({"destinations": [{"name": "prod", "namespace": "*"}]}, "allowed destinations"),
        ({"namespaceResourceBlacklist": [{"group": "", "kind": "Service"}]}, "Service"),
        ({"namespaceResourceWhitelist": [{"group": "", "kind": "ConfigMap"}]}, "Service"),
        ({"clusterResourceWhitelist": []}, ""),
    ],
    ids=["source", "namespace", "cluster", "denied-kind", "kinds", "open"],
)
def test_what_a_project_forbids_is_refused_before_any_write(world, spec, said):
    app = world.application(project=world.name)
    world.begin({"app/x.yaml": [config("web"), service("web")]}, app, _project(world, **spec))
    ran = world.up(code=1 if said else 0)
    assert (world.kube.names("ConfigMap"), world.kube.names("Service")) == (
        (set(), set()) if said else ({"web"}, {"web"})
    )
    assert said in ran.out


def test_a_cluster_scoped_object_needs_the_projects_word(world):
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": world.name},
        "rules": [],
    }
    project = _project(world, clusterResourceWhitelist=[])
    world.begin({"app/x.yaml": [config("web"), role]}, world.application(project=world.name), project)
    ran = world.up(code=1)
    assert "ClusterRole" in ran.out
    assert world.kube.get("ClusterRole", world.name) is None
    assert world.kube.names("ConfigMap") == set()


def test_an_object_in_a_namespace_that_the_project_does_not_have(world):
    other = config("there")
    other["metadata"]["namespace"] = "default"
    project = _project(world, destinations=[{"server": IN_CLUSTER, "namespace": world.name}])
    world.begin({"app/x.yaml": [config("here"), other]}, world.application(project=world.name), project)
    ran = world.up(code=1)
    assert "default" in ran.out
    assert world.kube.names("ConfigMap") == set()
    assert "there" not in world.kube.names("ConfigMap", "default")


def test_a_project_that_does_not_exist(world):
    world.begin({"app/x.yaml": config("web")}, world.application(project="nobodys"))
    ran = world.up(code=1)
    assert "application references project nobodys which does not exist" in ran.out
    assert world.kube.names("ConfigMap") == set()


def test_what_a_project_no_longer_permits_is_not_pruned(world):
    world.begin({"app/x.yaml": [config("web"), service("web")]}, world.application(project=world.name), _project(world))
    world.up()
    project = _project(world, namespaceResourceBlacklist=[{"group": "", "kind": "Service"}])
    world.declare(world.application(project=world.name), project)
    world.repository().commit({"app/x.yaml": config("web")})
    world.up()
    assert world.kube.names("Service") == {"web"}
