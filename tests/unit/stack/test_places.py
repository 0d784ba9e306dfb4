from __future__ import annotations

import pytest

from plat.stack import line_of

TEXT = """\
# a stack
stack: shop
clusters:
  prod:
    use: local
    # a comment: with a colon
    labels: {tier: prod}
  "quoted":
    use: kubeconfig
manifests:
  - gitops/
  - name: x
    path: y
  - more:
      deep: 1
---
stack: second
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("stack", 2),
        ("clusters", 3),
        ("clusters.prod", 4),
        ("clusters.prod.use", 5),
        ("clusters.prod.labels.tier", 7),
        ("clusters.quoted.use", 9),
        ("clusters.nowhere", 3),
        ("manifests.0", 11),
        ("manifests.1.path", 13),
        ("manifests.2.more.deep", 15),
        ("manifests.7", 10),
        ("use", 1),
        ("", 1),
    ],
)
def test_the_line_of_a_path(path, line):
    assert line_of(TEXT, path.split(".")) == line


def test_a_document_further_down_is_searched_from_its_start():
    assert line_of(TEXT, ["stack"], start=17) == 17
