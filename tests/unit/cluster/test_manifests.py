from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from plat.api import JSON, UserError
from plat.cluster.manifests import Document, read_manifests

APPLICATION = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: web}\n"
TEMPLATE = "apiVersion: v1\nkind: ConfigMap\ndata:\n  {{- if .Values.on }}\n"


@dataclass(frozen=True)
class _Document:
    line: int
    value: JSON


async def _read(texts: Sequence[tuple[bytes, str]]) -> Sequence[Sequence[Document] | UserError]:
    def one(text: bytes, where: str) -> Sequence[Document] | UserError:
        try:
            return [_Document(1, value) for value in yaml.safe_load_all(text)]
        except yaml.YAMLError:
            return UserError("is not YAML", where=where)

    return [one(text, where) for text, where in texts]


@pytest.mark.parametrize(
    ("files", "places", "found", "problems"),
    [
        ({"a/web.yaml": APPLICATION}, ["."], ["a/web.yaml"], []),
        ({"a/web.yaml": APPLICATION, "b/web.yaml": APPLICATION}, ["b/"], ["b/web.yaml"], []),
        ({"a/bad.yaml": "a: [", "a/web.yaml": APPLICATION}, ["."], ["a/web.yaml"], ["a/bad.yaml"]),
        ({"charts/web/Chart.yaml": "name: web\n", "charts/web/templates/cm.yaml": TEMPLATE}, ["."], [], []),
        ({"charts/web/Chart.yaml": "name: web\n", "charts/web/templates/x/cm.yaml": TEMPLATE}, ["."], [], []),
        ({"templates/web.yaml": APPLICATION}, ["templates"], ["templates/web.yaml"], []),
        ({"templates/bad.yaml": TEMPLATE}, ["."], [], ["templates/bad.yaml"]),
        ({"Chart.yaml": "name: web\n", "templates/cm.yaml": TEMPLATE}, ["."], [], []),
        ({".github/ci.yaml": APPLICATION}, ["."], [], []),
        ({"plat.yaml": APPLICATION}, ["."], [], []),
        ({}, ["gitops/"], [], ["manifests: gitops/"]),
    ],
)
async def test_which_files_are_manifests(
    tmp_path: Path, files: dict[str, str], places: list[str], found: list[str], problems: list[str]
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    result = await read_manifests(tmp_path, places, _read)
    assert [str(item.path) for item in result.manifests.found] == found
    assert [problem.where for problem in result.problems] == problems


async def test_a_link_that_leads_out_is_a_problem_and_is_not_read(tmp_path: Path) -> None:
    outside, stack = tmp_path / "outside.yaml", tmp_path / "stack"
    outside.write_text(APPLICATION)
    stack.mkdir()
    (stack / "web.yaml").symlink_to(outside)
    result = await read_manifests(stack, ["."], _read)
    assert result.manifests.found == ()
    assert [problem.where for problem in result.problems] == ["web.yaml"]
