"""The size budgets of CONTRIBUTING.md, and what every package must have. A module over budget wants splitting by idea."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE_LINES = 400
FUNCTION_LINES = 60
FORBIDDEN = {"utils", "util", "common", "helpers", "helper", "base", "manager", "misc"}


def _sources() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / name for name in listed.split() if "tests/" not in name]
    return [path for path in paths if path.exists()]


SOURCES = _sources()
IDS = [str(path.relative_to(ROOT)) for path in SOURCES]


@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_a_module_stays_small_and_says_what_it_is_for(path):
    text = path.read_text()
    tree = ast.parse(text)
    assert text.count("\n") <= MODULE_LINES
    assert ast.get_docstring(tree) or not text.strip()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            size = (node.end_lineno or node.lineno) - node.lineno + 1
            assert size <= FUNCTION_LINES, f"{node.name} has {size} lines"


@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_names_are_nouns_of_the_domain(path):
    assert path.stem.strip("_") not in FORBIDDEN
    assert path.parent.name not in FORBIDDEN


def test_plugins_import_only_the_api():
    allowed = ("plat.api", "plat.testing")
    for path in (p for p in SOURCES if "plugins" in p.parts):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            foreign = [n for n in names if n.split(".")[0] == "plat" and not n.startswith(allowed)]
            assert not foreign, f"{path.relative_to(ROOT)} imports {foreign}"


def test_the_core_never_imports_a_plugin():
    for path in (p for p in SOURCES if "core" in p.parts and "plat" in p.parts):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            plugins = [n for n in names if n.startswith("plat_") and not n.startswith("plat_gobridge")]
            assert not plugins, f"{path.relative_to(ROOT)} imports {plugins}"


def test_no_address_of_a_registry_is_committed():
    pattern = r'(registry = |"resolved": |index-url[ =]|GOPROXY=)"?https?://'
    found = subprocess.run(["git", "grep", "-lE", pattern], cwd=ROOT, capture_output=True, text=True, check=False)
    mine = str(Path(__file__).relative_to(ROOT))
    assert [name for name in found.stdout.split() if name != mine] == []
