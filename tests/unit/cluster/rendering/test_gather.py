from __future__ import annotations

import pytest

from plat.cluster.rendering.gather import gather
from plat.testing import FakeTree

FILES = {
    "base/kustomization.yaml": b"resources: [web.yaml]",
    "base/web.yaml": b"kind: ../../not-followed",
    "env/dev/kustomization.yaml": b"resources: [../../base]\ncomponents: [../../parts/tls]",
    "env/dev/extra.yaml": b"a: 1",
    "parts/tls/kustomization.yaml": b"patches: [{path: ../shared.yaml}]",
    "parts/shared.yaml": b"b: 2",
    "parts/other.yaml": b"c: 3",
    "charts/web/Chart.yaml": b"dependencies: [{name: lib, repository: 'file://../lib'}]",
    "charts/web/templates/a.yaml": b"d: 4",
    "charts/lib/Chart.yaml": b"name: lib",
    "escape/kustomization.yaml": b"resources: [../../../etc]",
    "odd[1]/kustomization.yaml": b"resources: []",
    "json/main.jsonnet": b"import '../parts/x.libsonnet'",
    "parts/x.libsonnet": b"{}",
}


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["base"], ["base/kustomization.yaml", "base/web.yaml"]),
        (
            ["env/dev"],
            [
                "base/kustomization.yaml",
                "base/web.yaml",
                "env/dev/extra.yaml",
                "env/dev/kustomization.yaml",
                "parts/shared.yaml",
                "parts/tls/kustomization.yaml",
            ],
        ),
        (
            ["base", "parts/tls"],
            ["base/kustomization.yaml", "base/web.yaml", "parts/shared.yaml", "parts/tls/kustomization.yaml"],
        ),
        (["charts/web"], ["charts/lib/Chart.yaml", "charts/web/Chart.yaml", "charts/web/templates/a.yaml"]),
        (["escape"], ["escape/kustomization.yaml"]),
        (["odd[1]"], ["odd[1]/kustomization.yaml"]),
        (["json"], ["json/main.jsonnet", "parts/x.libsonnet"]),
        (["./base/"], ["base/kustomization.yaml", "base/web.yaml"]),
    ],
)
def test_what_a_build_consists_of(paths, expected):
    assert sorted(gather(FakeTree(FILES), *paths)) == sorted(expected)


def test_the_root_is_everything():
    assert sorted(gather(FakeTree(FILES), ".")) == sorted(FILES)
