from __future__ import annotations

from pathlib import Path

import pytest

from plat.stack import ClusterUse, Stack, StackFile, implicit

PROD = ClusterUse(use="local")
HOME = ClusterUse.model_validate({"use": "local", "inCluster": True, "labels": {"a": "b"}})


@pytest.mark.parametrize(
    ("clusters", "names", "replaced"),
    [
        ({}, {"in-cluster"}, "in-cluster"),
        ({"prod": PROD}, {"prod", "in-cluster"}, "in-cluster"),
        ({"prod": PROD, "home": HOME}, {"prod", "home"}, "home"),
    ],
)
def test_a_context_stands_for_in_cluster_whatever_the_file_says(clusters, names, replaced):
    stack = Stack(Path("shop"), StackFile(stack="shop", clusters=clusters)).reached_by("mine", "/k")
    assert set(stack.file.clusters) == names
    use = stack.file.clusters[replaced]
    assert (use.use, use.inCluster, use.config) == ("kubeconfig", True, {"context": "mine", "kubeconfig": "/k"})
    assert stack.file.clusters.get("prod", PROD) == PROD


@pytest.mark.parametrize(
    ("folder", "name"), [("My Repo", "my-repo"), ("___", "stack"), ("a" * 80, "a" * 53), ("shop", "shop")]
)
def test_a_directory_without_a_file_is_a_stack_of_its_own_name(folder, name):
    stack = implicit(Path("/x") / folder, context="mine")
    assert (stack.name, stack.written) == (name, False)
    assert stack.file.clusters["in-cluster"].config == {"context": "mine"}
