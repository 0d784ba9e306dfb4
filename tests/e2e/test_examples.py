"""Every example as its README says, on real control planes."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from tests.e2e.kube import Kube, until
from tests.e2e.world import AUTHOR, Ran, World, write

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NUMBERED = sorted(path.name for path in EXAMPLES.iterdir() if path.name[:2].isdigit())


class Example:
    """One example, laid out as its README says, on the clusters of the tests in place of local ones."""

    def __init__(self, name: str, world: World, planes: Mapping[str, Any]) -> None:
        self.world, self.root, self._cleanup = world, world.root, set[tuple[str, str]]()
        lay_out().lay_out(EXAMPLES / name, self.root)
        self.kubes = {cluster: Kube(plane.kubeconfig, "default") for cluster, plane in planes.items()}
        file = yaml.safe_load((self.root / "plat.yaml").read_text())
        for cluster, use in file["clusters"].items():
            use.update(use="kubeconfig", kubeconfig=str(planes[cluster].kubeconfig_path))
        write(self.root, {"plat.yaml": file})

    def plat(self, *arguments: str) -> Ran:
        return self.world.plat(*arguments)

    def up(self, *, code: int = 0) -> Ran:
        return self.world.up(code=code)

    def push(self, repository: str, files: Mapping[str, Any]) -> None:
        checkout = self.root / "work" / repository
        write(checkout, files)
        for command in (("add", "--all"), (*AUTHOR, "commit", "-qm", "Change"), ("push", "-q")):
            subprocess.run(["git", *command], cwd=checkout, check=True, capture_output=True)

    def get(self, kind: str, namespace: str, name: str, *, cluster: str = "dev") -> Any:
        self._cleanup.add((cluster, namespace))
        return self.kubes[cluster].get(kind, name, namespace)

    def clean(self) -> None:
        for cluster, namespace in self._cleanup:
            self.kubes[cluster].delete("Namespace", namespace)


def lay_out() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lay_out", EXAMPLES / "lay_out.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def example(control_plane: Any, make_world: Callable[..., World]) -> Iterator[Callable[..., Example]]:
    made: list[Example] = []

    def make(name: str, **more: Any) -> Example:
        made.append(Example(name, make_world(namespace=False), {"dev": control_plane, **more}))
        return made[-1]

    yield make
    for one in made:
        one.clean()


def test_every_example_has_a_readme_that_the_list_names_and_a_test() -> None:
    listed = (EXAMPLES / "README.md").read_text()
    tests = Path(__file__).read_text()
    assert [f"{number:02}" for number in range(1, len(NUMBERED) + 1)] == [name[:2] for name in NUMBERED]
    for name in NUMBERED:
        assert f"({name}/README.md)" in listed
        assert len((EXAMPLES / name / "README.md").read_text().splitlines()) <= 25
        assert f'example("{name}"' in tests


def test_laying_out_refuses_to_write_over_what_is_there(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / "lay_out.py"), str(EXAMPLES / NUMBERED[0]), str(tmp_path / "one")]
    first, second = (subprocess.run(command, capture_output=True, text=True, check=False) for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 1)
    assert "exists already" in second.stderr


def test_one_application(example: Callable[..., Example]) -> None:
    one = example("01-one-application")
    assert "3 to create" in one.plat("preview").out
    assert one.get("ConfigMap", "hello", "hello") is None
    assert "1 application in order, 3 objects changed" in one.up().out
    assert one.get("ConfigMap", "hello", "hello")["data"] == {"GREETING": "Good morning"}
    assert "nothing to do" in one.up().out
    text = (one.root / "work/hello/app/hello.yaml").read_text()
    one.push("hello", {"app/hello.yaml": text.replace("Good morning", "Good evening")})
    assert "1 object changed" in one.up().out
    assert one.get("ConfigMap", "hello", "hello")["data"] == {"GREETING": "Good evening"}


def test_application_set(example: Callable[..., Example]) -> None:
    one = example("02-application-set")
    assert "4 applications in order" in one.up().out
    for environment in ("dev", "test"):
        found = one.get("ConfigMap", environment, "api")
        assert (found["data"], found["metadata"]["labels"]) == ({"SERVICE": "api"}, {"environment": environment})
    text = (one.root / "work/services/services/web/kustomization.yaml").read_text().replace("web", "search")
    one.push("services", {"services/search/kustomization.yaml": text})
    assert "6 applications in order" in one.up().out
    assert one.get("ConfigMap", "test", "search")["data"] == {"SERVICE": "search"}
    shutil.rmtree(one.root / "work/services/services/web")
    one.push("services", {})
    assert "4 applications in order" in one.up().out
    assert one.get("ConfigMap", "dev", "web") is None


def test_waves_and_hooks(example: Callable[..., Example]) -> None:
    one = example("03-waves-and-hooks")
    preview = one.plat("preview").out
    order = ["Namespace waves", "waves/migrate", "ConfigMap waves/shop", "Deployment waves/shop", "Service waves/shop"]
    places = [preview.index(text) for text in [*order, "waves/smoke-test"]]
    assert places == sorted(places)
    one.up()
    assert one.get("Job", "waves", "migrate")["status"]["succeeded"] == 1
    assert one.get("Service", "waves", "shop") is not None
    until(lambda: one.get("Job", "waves", "smoke-test") is None, what="the smoke test to be deleted")
    text = (one.root / "work/shop/app/migrate.yaml").read_text()
    config = (one.root / "work/shop/app/shop.yaml").read_text()
    fails = text.replace("annotations: {}", 'annotations: {plat.dev/fail: "true"}')
    one.push("shop", {"app/migrate.yaml": fails, "app/shop.yaml": config.replace("EUR", "USD")})
    one.up(code=1)
    assert one.get("ConfigMap", "waves", "shop")["data"] == {"CURRENCY": "EUR"}
    assert "migrate" in one.plat("why", "waves").out


def test_two_clusters(example: Callable[..., Example], second_control_plane: Any) -> None:
    one = example("04-two-clusters", prod=second_control_plane)
    assert "2 applications in order" in one.up().out
    for cluster, replicas in (("dev", 1), ("prod", 3)):
        assert one.get("Deployment", "everywhere", "shop", cluster=cluster)["spec"]["replicas"] == replicas
    file = yaml.safe_load((one.root / "plat.yaml").read_text())
    file["clusters"]["prod"]["kubeconfig"] = str(_unreachable(one.root, second_control_plane))
    write(one.root, {"plat.yaml": file})
    ran = one.plat("up", "--timeout=2s")
    assert ran.code in (1, 3)
    assert "1 of 2 applications in order" in ran.out
    assert "prod" in ran.out


def test_private_repository(example: Callable[..., Example]) -> None:
    one = example("05-private-repository")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    for name in ("private.yaml", "repository.yaml"):
        text = (one.root / "gitops" / name).read_text()
        write(one.root / "gitops", {name: text.replace("8418", port)})
    with serving(one.root, port):
        one.up()
        assert one.get("ConfigMap", "private", "config")["data"] == {"COLOUR": "green"}
        secret = (one.root / "gitops/repository.yaml").read_text()
        write(one.root / "gitops", {"repository.yaml": None})
        refused = one.plat("preview")
        assert refused.code == 1
        assert "credentials" in refused.all
        write(one.root / "gitops", {"repository.yaml": secret.replace("open sesame", "close sesame")})
        wrong = one.plat("preview")
        assert wrong.code == 1
        assert "sesame" not in wrong.all


@contextlib.contextmanager
def serving(root: Path, port: str) -> Iterator[None]:
    with subprocess.Popen([sys.executable, "serve.py", "repos", port], cwd=root, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert b"Serving" in server.stdout.readline()
        try:
            yield
        finally:
            server.kill()


def test_write_a_generator(example: Callable[..., Example], tmp_path: Path) -> None:
    one = example("06-write-a-generator")
    without = one.plat("preview")
    assert without.code == 1
    assert "no plug-in provides generator 'teams'" in without.all
    environ = {"PYTHONPATH": os.pathsep.join(map(str, _installed(one.root / "plugin", tmp_path / "site")))}
    listed = one.world.run("plugins", "list", environ=environ)
    assert "plat-teams" in listed.out, listed
    ran = one.world.run("up", "--timeout=30s", environ=environ)
    assert ran.code == 0, ran
    for team in ("red", "blue"):
        found = _quota(one, team)
        assert found["metadata"]["annotations"]["contact"] == f"{team}@example.com"
    one.push("teams", {"teams.csv": "team,contact\nred\n"})
    broken = one.world.run("up", "--timeout=30s", environ=environ)
    assert broken.code == 1
    assert "teams.csv:2" in broken.all


def _quota(one: Example, team: str) -> Any:
    kube = one.kubes["dev"]
    one.get("Namespace", f"team-{team}", f"team-{team}")
    status, body = kube.request("GET", f"/api/v1/namespaces/team-{team}/resourcequotas/team")
    assert status == 200, body
    return body


def _installed(plugin: Path, site: Path) -> tuple[Path, Path]:
    """Say of a distribution what an installer writes down: its name, version and entry points."""
    project = tomllib.loads((plugin / "pyproject.toml").read_text())["project"]
    needs = "".join(f"Requires-Dist: {text}\n" for text in project["dependencies"])
    points = "".join(f"{name} = {value}\n" for name, value in project["entry-points"]["plat"].items())
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    folder = f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    write(site, {f"{folder}/METADATA": head + needs, f"{folder}/entry_points.txt": f"[plat]\n{points}"})
    return site, plugin / "src"


def _unreachable(root: Path, plane: Any) -> Path:
    config = yaml.safe_load(Path(plane.kubeconfig_path).read_text())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{free.getsockname()[1]}"
    path = root / "unreachable.yaml"
    path.write_text(yaml.safe_dump(config))
    return path
