"""Every variant of the template: written, built, installed, listed, checked; its own tests run against this core."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import copier
import pytest
import yaml

from plat.cli.scaffold import VARIANTS, Names, template_folder, write

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Rendered:
    """All variants, installed in a folder beside the environment of the tests."""

    root: Path
    site: Path

    def environ(self):
        return {**os.environ, "PYTHONPATH": str(self.site), "PLAT_CACHE": str(self.root / "cache")}

    def plat(self, *arguments):
        argv = [sys.executable, "-m", "plat", *arguments]
        return subprocess.run(argv, env=self.environ(), cwd=self.root, capture_output=True, text=True, check=False)


def distribution(hook):
    return f"plat-my-{hook}"


@pytest.fixture(scope="session")
def rendered(tmp_path_factory):
    root = tmp_path_factory.mktemp("template")
    made = Rendered(root, root / "site")
    for hook in VARIANTS:
        done = made.plat("plugins", "new", f"my-{hook}", "--hook", hook, str(root / hook))
        assert done.returncode == 0, done.stderr
    _install(made, *(root / hook for hook in VARIANTS))
    return made


def _install(made, *folders):
    """Build all distributions and install them into a folder, as `pip install --target` does."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
    argv = [uv, "pip", "install", "--quiet", "--no-deps", "--python", sys.executable, "--target", str(made.site)]
    subprocess.run([*argv, *map(str, folders)], check=True)


@pytest.fixture(scope="session")
def outcomes(rendered):
    """Run the tests of all variants in one process; return the outcomes by variant."""
    report = rendered.root / "report.xml"
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit1"]
    argv += [
        "-c",
        str(rendered.root / "tool" / "pyproject.toml"),
        "--rootdir",
        str(rendered.root),
        f"--junitxml={report}",
    ]
    done = subprocess.run(
        [*argv, *(str(rendered.root / hook / "tests") for hook in VARIANTS)],
        env=rendered.environ(),
        cwd=rendered.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert report.exists(), done.stdout + done.stderr
    found: dict[str, list[Any]] = {hook: [] for hook in VARIANTS}
    for case in ET.parse(report).iter("testcase"):  # our own report
        failed = [part.get("message") for part in case if part.tag in ("failure", "error")]
        found[case.attrib["classname"].partition(".")[0]].append((case.get("name"), failed))
    return found


@pytest.mark.parametrize("hook", VARIANTS)
def test_the_tests_of_a_new_plugin_pass(outcomes, hook):
    assert [case for case in outcomes[hook] if case[1]] == []
    assert len(outcomes[hook]) >= 10


@pytest.mark.parametrize("hook", VARIANTS)
def test_a_new_plugin_is_active_and_passes_its_check(rendered, hook):
    rows = {row["distribution"]: row for row in json.loads(rendered.plat("plugins", "list", "--json").stdout)}
    row = rows[distribution(hook)]
    assert (row["status"], row["hooks"], row["why"]) == ("active", [VARIANTS[hook]], "")
    done = rendered.plat("plugins", "check", distribution(hook))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("hook", VARIANTS)
def test_a_new_plugin_is_written_in_the_style_of_this_repository(rendered, hook):
    root = Path(__file__).parents[2]
    argv = [sys.executable, "-m", "ruff", "check", "-q", "--no-cache", "--config", str(root / "pyproject.toml")]
    done = subprocess.run([*argv, str(rendered.root / hook / "src")], capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize("hook", VARIANTS)
def test_copier_renders_the_same_files(tmp_path, hook):
    names = Names.of("plat-acme-two" if hook == "tool" else "acme-two")
    write(names, hook, tmp_path / "ours")
    data = {"name": names.name, "hook": hook}
    copier.run_copy(str(template_folder()), tmp_path / "theirs", data=data, quiet=True, defaults=True)
    assert _content(tmp_path / "ours") == _content(tmp_path / "theirs")


@pytest.mark.parametrize("hook", VARIANTS)
def test_nothing_of_the_template_language_is_left(tmp_path, hook):
    write(Names.of("acme"), hook, tmp_path / "x")
    assert not [path for path, text in _content(tmp_path / "x").items() if "{{" in text or "{%" in text or "{{" in path]


def test_the_tutorial_says_what_happens(tmp_path):
    """Its commands print what it prints, and its code passes its tests."""
    page = (Path(__file__).parents[2] / "docs" / "tutorial" / "write-a-plugin.md").read_text()
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    console = next(text for kind, text in blocks if kind == "console")
    made = Rendered(tmp_path, tmp_path / "site")
    command, _, printed = console.partition("\n")
    assert made.plat(*command.split()[2:]).stdout == printed
    folder = tmp_path / "plat-backup"
    assert all(
        text in (folder / "pyproject.toml").read_text()
        for kind, text in blocks
        if kind == "toml"
        for text in text.split("\n\n")
    )
    rule, tests = (text for kind, text in blocks if kind == "python")
    (folder / "src" / "plat_backup" / "plugin.py").write_text(rule)
    (folder / "tests" / "test_conformance.py").write_text(tests)
    _install(made, folder)
    assert made.plat("plugins", "check", "plat-backup").stdout == "backup: active, provides backup.example/Backup\n"
    assert "backup.example/Backup" in made.plat("plugins", "list", "--hook", "plat_health_checks").stdout
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder)]
    good = subprocess.run(argv, cwd=folder, env=made.environ(), capture_output=True, text=True, check=False)
    assert good.returncode == 0, good.stdout
    (made.site / "plat_backup" / "plugin.py").write_text(rule.replace("DEGRADED, message", 'DEGRADED, ""'))
    bad = subprocess.run(argv, cwd=folder, env=made.environ(), capture_output=True, text=True, check=False)
    assert next(text for kind, text in blocks if kind == "text") in bad.stdout


def test_the_questions_name_every_variant():
    questions = yaml.safe_load((template_folder() / "copier.yml").read_text())
    assert questions["hook"]["choices"] == list(VARIANTS)


def test_a_wheel_of_the_core_has_the_template():
    root = Path(__file__).parents[2]
    assert '"plugin-template" = "plat/_plugin_template"' in (root / "pyproject.toml").read_text()
    assert template_folder() == root / "plugin-template"


def _content(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}
