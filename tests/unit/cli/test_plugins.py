"""`plat plugins` and commands of plug-ins, as one runs them: a process of its own, a folder of distributions."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

HEALTH = """
from plat.api import Health, HealthCheck, HealthStatus, hookimpl

class Check(HealthCheck):
    kind = {kind!r}
    def check(self, manifest):
        return Health(HealthStatus.HEALTHY)

@hookimpl
def plat_health_checks():
    return [Check]
"""
APP = """
import typer
app = typer.Typer(add_completion=False)

@app.command()
def hello(name: str = "you") -> None:
    print(f"hello {name}")

@app.command()
def fail() -> None:
    raise KeyError("x")
"""


class Installation:
    def __init__(self, folder):
        self.site = folder / "site"
        self.site.mkdir()
        self.environ = {**os.environ, "PYTHONPATH": str(self.site), "PLAT_CACHE": str(folder / "cache")}

    def add(self, name, code, *, points, requires="plat-core>=0.1,<1"):
        module = name.replace("-", "_")
        (self.site / f"{module}.py").write_text(code)
        info = self.site / f"{module}-1.0.dist-info"
        info.mkdir()
        needs = f"Requires-Dist: {requires}\n" if requires else ""
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}")
        (info / "entry_points.txt").write_text(points)

    def run(self, *arguments, **environ):
        argv = [sys.executable, "-c", "from plat.cli.main import main; main()", *arguments]
        return subprocess.run(argv, env={**self.environ, **environ}, capture_output=True, text=True, check=False)

    def rows(self):
        return {row["name"]: row for row in json.loads(self.run("plugins", "list", "--json").stdout)}


@pytest.fixture
def installation(tmp_path):
    return Installation(tmp_path)


def point(module, name="acme", group="plat"):
    return f"[{group}]\n{name} = {module}\n"


def test_the_remembered_answer_is_the_same_and_follows_edits(installation):
    installation.add("plat-acme", HEALTH.format(kind="acme/One"), points=point("plat_acme"))
    first, second = (installation.run("plugins", "list").stdout for _ in range(2))
    assert first == second
    assert "acme/One" in first
    (installation.site / "plat_acme.py").write_text(HEALTH.format(kind="acme/Two"))
    assert installation.rows()["acme"]["kinds"] == ["acme/Two"]


def test_a_remembered_answer_imports_nothing(installation):
    code = (
        f"import pathlib\npathlib.Path({str(installation.site / 'imports')!r}).open('a').write('x')\n"
        + HEALTH.format(kind="acme/One")
    )
    installation.add("plat-acme", code, points=point("plat_acme"))
    installation.run("plugins", "list")
    installation.run("plugins", "list")  # writing beside the module made the first answer stale
    before = (installation.site / "imports").read_text()
    assert installation.run("plugins", "list").stdout
    assert (installation.site / "imports").read_text() == before


def test_what_is_broken_is_looked_at_every_time(installation):
    installation.add(
        "plat-acme",
        "import os\nif 'WORKS' not in os.environ: raise OSError('not yet')\n" + HEALTH.format(kind="acme/One"),
        points=point("plat_acme"),
    )
    assert "acme: import failed: OSError: not yet" in installation.run("plugins", "list").stdout
    assert "acme/One" in installation.run("plugins", "list", WORKS="1").stdout


@pytest.mark.parametrize(
    ("code", "requires", "status", "words"),
    [
        (HEALTH.format(kind="acme/One"), "plat-core>=0.1,<1", 0, "acme: active, provides acme/One"),
        (HEALTH.format(kind="acme/One"), "plat-core>=0.1", 1, "`plat-core>=0.1` has no upper bound"),
        (HEALTH.format(kind="acme/One"), "", 1, "does not require plat-core"),
        (HEALTH.format(kind="acme/One"), "plat-core<0.1", 1, "incompatible - needs plat-core<0.1"),
        ("raise OSError('no')", "plat-core<1", 1, "acme: broken - import failed: OSError: no"),
        (
            HEALTH.format(kind="acme/One").replace(
                "kind = ", "thing: type(lambda: 1)\n    model_config = {'arbitrary_types_allowed': True}\n    kind = "
            ),
            "plat-core<1",
            1,
            "no JSON Schema can be made of acme/One",
        ),
    ],
)
def test_a_distribution_is_checked(installation, code, requires, status, words):
    installation.add("plat-acme", code, points=point("plat_acme"), requires=requires)
    done = installation.run("plugins", "check", "plat-acme")
    assert (done.returncode, done.stderr) == (status, "")
    assert words in done.stdout


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["check", "plat-acm"], "did you mean 'plat-acme'?"),
        (["list", "--hook", "plat_tool"], "did you mean 'plat_tools'?"),
        (["new", "Acme", "--hook", "tool"], "use small letters"),
        (["new", "plat", "--hook", "tool"], "use small letters"),
        (["new", "acme", "--hook", "render"], "did you mean 'renderer'?"),
        (["new", "acme", "--hook", "tool", "."], "is there already"),
    ],
)
def test_mistakes_are_named_with_a_remedy(installation, arguments, error):
    installation.add("plat-acme", HEALTH.format(kind="acme/One"), points=point("plat_acme"))
    done = installation.run("plugins", *arguments)
    assert done.returncode == 1
    assert error in done.stderr
    assert "Traceback" not in done.stderr


def test_a_command_of_a_plugin_runs_and_is_listed(installation):
    installation.add("plat-acme", APP, points=point("plat_acme:app", group="plat.commands"))
    assert "acme       From plat-acme 1.0." in installation.run("--help").stdout
    assert installation.run("acme", "hello", "--name", "Ann").stdout == "hello Ann\n"
    assert installation.rows()["acme"]["kinds"] == ["plat acme"]
    assert "plat acme" in installation.run("acme", "--help").stdout
    assert installation.run("acme", "hello", PLAT_DISABLE_PLUGINS="plat-acme").returncode == 2


@pytest.mark.parametrize(
    ("code", "arguments", "error"),
    [
        (APP, ["fail"], "Error: plug-in plat-acme 1.0 failed: KeyError: 'x'"),
        ("raise OSError('no')", [], "plug-in plat-acme 1.0: plat_acme:app cannot be imported: OSError: no"),
        ("app = 1", [], "plug-in plat-acme 1.0: plat_acme:app is not a Typer app"),
    ],
)
def test_a_command_that_fails_is_its_plugins_fault(installation, code, arguments, error):
    installation.add("plat-acme", code, points=point("plat_acme:app", group="plat.commands"))
    done = installation.run("acme", *arguments)
    assert (done.returncode, error in done.stderr, "Traceback" in done.stderr) == (1, True, False)


def test_a_command_that_two_provide_runs_neither(installation):
    installation.add("one", APP, points=point("one:app", group="plat.commands"))
    installation.add("two", APP, points=point("two:app", group="plat.commands"))
    assert "Unusable: one 1.0 and two 1.0 both provide it." in installation.run("--help").stdout
    done = installation.run("acme")
    assert (done.returncode, "one 1.0 and two 1.0 both provide" in done.stderr) == (1, True)
    assert installation.rows()["acme"]["status"] == "faulty"


def test_no_plugin_takes_a_command_of_plats_own(installation):
    installation.add("plat-acme", APP, points=point("plat_acme:app", name="status", group="plat.commands"))
    assert "plat-acme" not in installation.run("--help").stdout
    assert installation.rows()["status"]["why"] == "plat has a command of this name"
