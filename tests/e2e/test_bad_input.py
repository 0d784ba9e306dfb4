"""What people get wrong: exit code 1, one clear error with its place and its remedy, and nothing half done."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys

import pytest
from tests.e2e.objects import config, kustomization
from tests.e2e.world import FINALIZER, GIT, IN_CLUSTER, write

PROVIDER = """
from datetime import timedelta
from plat.api import ClusterProvider, hookimpl

class Acme(ClusterProvider):
    kind = "acme"
    needs = frozenset()
    def deadline(self, method):
        return timedelta(seconds=0.5)
    def connect(self, ctx):
        {body}

@hookimpl
def plat_clusters():
    return [Acme]
"""


def add_plugin(world, name, code, *, requires="", version="1.0"):
    """Make a distribution out of text; returns the environment in which it is installed."""
    site, module = world.folder / "site", name.replace("-", "_")
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    write(
        site,
        {
            f"{module}.py": code,
            f"{module}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
            f"{module}-{version}.dist-info/entry_points.txt": f"[plat]\n{name} = {module}\n",
        },
    )
    return {"PYTHONPATH": str(site)}


def clear(ran, *said, where=""):
    """Assert that a run has failed with an error that a person understands."""
    assert ran.code == 1, ran
    assert "Traceback" not in ran.all, ran
    assert "bug of plat" not in ran.all, ran
    for words in said:
        assert words in ran.all, ran
    if where:
        assert re.search(where, ran.all), ran


# -- the stack file


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        pytest.param("stack: x\nclusters: {a: [}\n", 2, (), id="broken"),
        pytest.param("stack: x\n\tmanifests: [a]\n", 2, (), id="tab"),
        pytest.param("stack: x\nclustres: {}\n", 2, ("clustres", "did you mean 'clusters'"), id="unknown-field"),
        pytest.param("stack: x\nsources:\n  insteadof: {}\n", 3, ("insteadof", "did you mean 'insteadOf'"), id="unknown-below"),
        pytest.param("stack: x\nstack: y\n", 2, ("stack",), id="twice"),
        pytest.param("stack: Not A Name\n", 1, ("stack",), id="name"),
        pytest.param("manifests: [gitops/]\n", 0, ("stack",), id="nameless"),
        pytest.param("stack: x\nmanifests: gitops/\n", 2, ("manifests",), id="type"),
        pytest.param("stack: x\nclusters:\n  a: {context: b}\n", 3, ("use",), id="no-use"),
        pytest.param(
            "stack: x\nclusters:\n  a: {use: kubeconfig, inCluster: true}\n  b: {use: kubeconfig, inCluster: true}\n",
            4, ("both say inCluster", "let only one"), id="two-in-cluster",
        ),
        pytest.param("stack: x\nstate: {use: kubernetes, cluster: nope}\n", 2, ("state.cluster",), id="state"),
        pytest.param("", 0, ("must hold exactly one mapping",), id="empty"),
        pytest.param("- a\n- b\n", 0, ("must hold exactly one mapping",), id="list"),
        pytest.param("stack: x\n---\nstack: y\n", 0, ("must hold exactly one mapping",), id="two-documents"),
        pytest.param("stack: x\ndialects: {argo: {}}\n", 0, ("argo", "did you mean 'argocd'"), id="dialect"),
        pytest.param("stack: \xff\n".encode("latin-1"), 0, ("plat.yaml",), id="not-utf-8"),
    ],
)  # fmt: skip
def test_a_wrong_stack_file_names_line_and_remedy(tmp_path, environ, make_stack, text, line, said):
    world = make_stack(text)
    for command in (["up"], ["preview"], ["validate"], ["status"]):
        ran = world.plat(*command)
        clear(ran, "plat.yaml", *said, where=rf"plat\.yaml:{line}\b" if line else "")
        assert ran.err.startswith("Error: "), ran
        assert ran.err.count("Error") == 1
    assert not (world.root / ".plat").exists()


@pytest.fixture
def make_stack(make_bare_world):
    def make(text):
        world = make_bare_world()
        write(world.root, {"gitops/.keep": ""})
        (world.root / "plat.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
        return world

    return make


def test_no_stack_file_says_how_to_get_one(make_bare_world):
    world = make_bare_world()
    write(world.root, {"x.yaml": config("a")})
    clear(world.plat("up"), "there is no plat.yaml here or above", "plat init")


def test_a_directory_that_is_not_there(make_bare_world):
    clear(make_bare_world().plat("up"), "plat.yaml")


@pytest.mark.parametrize(
    ("place", "said"),
    [("nowhere/", ("nowhere/", "does not exist")), ("../outside", ("out of the stack",))],
)
def test_manifests_that_are_not_there_or_not_inside(world, place, said):
    world.begin({"app/x.yaml": config("web")})
    write(world.root.parent, {"outside/x.yaml": config("out")})
    world.stack(manifests=["gitops/", place])
    clear(world.plat("validate"), *said)
    clear(world.up(code=1), *said)


def test_a_link_out_of_the_stack_is_not_followed(world):
    world.begin({"app/x.yaml": config("web")})
    write(world.folder, {"outside.yaml": world.application("outside")})
    (world.root / "gitops" / "link.yaml").symlink_to(world.folder / "outside.yaml")
    ran = world.up(code=1)
    clear(ran, "gitops/link.yaml", "leads out of the stack")
    assert set(world.states()) == {""}


# -- manifests of the stack: a wrong one stops no other


HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: bad, namespace: argocd}\n"
REST = f"  destination: {{server: '{IN_CLUSTER}', namespace: x}}\n"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        pytest.param("a: [\nb: 1\n", 2, (), id="broken"),
        pytest.param(HEAD + "spec:\n  project: default\n  sauce: {repoURL: x}\n" + REST, 6, ("sauce", "did you mean 'source'"), id="field"),
        pytest.param(
            HEAD + "spec:\n  project: default\n  source:\n    repoURL: x\n    paht: y\n" + REST, 8, ("paht", "did you mean 'path'"), id="field-below"
        ),
        pytest.param(HEAD + "spec:\n  project: default\n" + REST, 0, ("bad", "source"), id="no-source"),
        pytest.param(HEAD + "spec:\n  source: {repoURL: 5}\n" + REST, 5, ("repoURL",), id="type"),
        pytest.param(HEAD.replace("{name: bad, ", "{") + "spec: {}\n", 0, ("name",), id="nameless"),
        pytest.param(
            HEAD.replace("Application", "ApplicationSet") + "spec:\n  generators:\n    - gti: {}\n  template: {}\n", 6,
            ("gti", "did you mean 'git'"), id="generator",
        ),
        pytest.param(HEAD.replace("bad", "NAME") + "spec:\n  source: {repoURL: x, path: p}\n" + REST, 1, ("declared twice", "all.yaml"), id="twice"),
    ],
)  # fmt: skip
def test_a_wrong_manifest_is_named_and_the_others_go_on(world, text, line, said):
    world.begin({"app/x.yaml": config("web")})
    write(world.root, {"gitops/bad.yaml": text.replace("NAME", world.name)})
    where = rf"gitops/bad\.yaml:{line}\b" if line else r"gitops/bad\.yaml:\d+"
    clear(world.plat("validate"), *said, where=where)
    ran = world.up(code=1)
    clear(ran, *said, where=where)
    assert world.kube.names("ConfigMap") == {"web"}
    assert set(world.states()) == {""}


@pytest.mark.parametrize(
    "bad",
    [
        "a: [\n",
        HEAD + "spec: {sauce: 1}\n",
        HEAD.replace("Application", "ApplicationSet") + "spec: {generators: 1, template: {}}\n",
    ],
    ids=["broken", "field", "set"],
)
def test_a_file_that_cannot_be_read_removes_no_application(world, bad):
    elements = [{"name": "one"}]
    made = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": world.name, "namespace": "argocd"},
        "spec": {
            "generators": [{"list": {"elements": elements}}],
            "template": {
                "metadata": {"name": world.named("{{name}}"), "finalizers": [FINALIZER]},
                "spec": world.application(path="made")["spec"],
            },
        },
    }
    world.begin({"app/x.yaml": config("web"), "made/x.yaml": config("made")}, world.application(finalizer=True), made)
    world.up()
    write(world.root, {"gitops/all.yaml": bad.replace("bad", world.name)})
    clear(world.up(code=1), "gitops/all.yaml")
    assert world.kube.names("ConfigMap") == {"web", "made"}
    assert set(world.states()) == {"", "one"}
    world.kube.delete("ConfigMap", "web")
    world.up(code=1)
    assert world.kube.names("ConfigMap") == {"web", "made"}, "what was declared last is looked after"
    world.declare()
    world.up()
    assert world.kube.names("ConfigMap") == set()


def test_a_kind_that_nobody_reads_is_left_alone_and_said(world):
    world.begin({"app/x.yaml": config("web")})
    write(
        world.root, {"gitops/other.yaml": {"apiVersion": "acme.example/v1", "kind": "Thing", "metadata": {"name": "t"}}}
    )
    ran = world.plat("validate")
    assert ran.code == 0
    assert "acme.example/Thing" in ran.out
    world.up()


# -- sources


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"repoURL": GIT + "nope"}, ("nope",)),
        ({"path": "nope"}, ("nope", "does not exist")),
        ({"path": "app/x.yaml"}, ("app/x.yaml",)),
        ({"path": "../app"}, ("../app",)),
        ({"path": "/etc"}, ("/etc",)),
        ({"targetRevision": "nope"}, ("nope",)),
        ({"targetRevision": ">=9.0"}, (">=9.0",)),
        ({"repoURL": "ext::sh -c 'touch /tmp/x'"}, ("ext",)),
        ({"repoURL": "--upload-pack=x"}, ("--upload-pack",)),
        ({"helm": {"valueFiles": ["no.yaml"]}, "path": "chart"}, ("no.yaml",)),
        ({"helm": {"valueFiles": ["../../../etc/passwd"]}, "path": "chart"}, ("passwd",)),
        ({"helm": {"releaseName": "x"}, "kustomize": {"namePrefix": "x"}}, ("helm", "kustomize")),
        ({"kustomize": {"namePrefx": "x"}}, ("namePrefx", "namePrefix")),
        ({"directory": {"recurs": True}}, ("recurs", "recurse")),
        ({"plugin": {"name": "mine"}}, ("plugin",)),
    ],
)
def test_a_wrong_source_is_said_and_nothing_is_applied(world, source, said):
    chart = {
        "chart/Chart.yaml": {"apiVersion": "v2", "name": "c", "version": "1.0.0"},
        "chart/templates/x.yaml": config("chart"),
    }
    world.begin({"app/x.yaml": config("web"), **chart})
    app = world.application()
    app["spec"]["source"] |= source
    world.declare(app, world.application("good"))
    ran = world.plat("up", "--timeout=5s")
    if ran.code == 3:
        ran = type(ran)(1, ran.out, ran.err)  # a repository may come up later: then it is unfinished, not failed
    clear(ran, *said)
    assert f"{world.named('good')} is Synced" in ran.out
    assert world.kube.names("ConfigMap") == {"web"}


@pytest.mark.parametrize(
    ("files", "where", "said"),
    [
        pytest.param({"app/y.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: y\n"}, r"app/y\.yaml:\d+", (), id="yaml"),
        pytest.param({"app/y.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: y\n  name: z\n"}, r"app/y\.yaml:5", ("name",), id="twice"),
        pytest.param({"app/kustomization.yaml": kustomization(["nope.yaml"])}, "", ("nope.yaml",), id="kustomize-missing"),
        pytest.param(
            {"app/kustomization.yaml": kustomization(["../b"]), "b/kustomization.yaml": kustomization(["../app"])}, "", ("cycle",), id="kustomize-cycle"
        ),
        pytest.param({"app/kustomization.yaml": "resorces: [x.yaml]\n"}, "", ("resorces",), id="kustomize-field"),
        pytest.param({"app/kustomization.yaml": kustomization(["/etc/passwd"])}, "", ("passwd",), id="kustomize-outside"),
        pytest.param({"app/kustomization.yaml": kustomization(["https://127.0.0.1:1/x?timeout=2s"])}, "", ("127.0.0.1",), id="kustomize-remote"),
        pytest.param(
            {"app/Chart.yaml": {"apiVersion": "v2", "name": "c", "version": "1.0.0"}, "app/templates/x.yaml": "a: {{ .Values.x.y }}\n"},
            r"templates/x\.yaml:1", ("nil",), id="helm-template",
        ),
        pytest.param({"app/Chart.yaml": "name: c\n"}, "app: ", ("chart.metadata.version is required",), id="helm-chart"),
        pytest.param(
            {
                "app/Chart.yaml": {"apiVersion": "v2", "name": "c", "version": "1.0.0"},
                "app/values.schema.json": '{"type": "object", "required": ["size"]}',
                "app/templates/x.yaml": config("x"),
            },
            "", ("size",), id="helm-schema",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_repository_is_named_with_its_file(world, files, where, said):
    world.begin(
        {"app/x.yaml": config("web"), "good/x.yaml": config("good")},
        world.application(),
        world.application("good", "good"),
    )
    world.repository().commit(files)
    ran = world.up(code=1, timeout="20s")
    clear(ran, *said, where=where)
    assert world.kube.names("ConfigMap") == {"good"}


def test_a_link_out_of_the_repository_is_refused(world):
    world.begin({"app/x.yaml": config("web")})
    repository = world.repository()
    (repository.checkout / "app" / "link.yaml").symlink_to("../../../../../../etc/hostname")
    repository.commit({})
    clear(world.up(code=1), "app/link.yaml")
    assert world.kube.names("ConfigMap") == set()


def test_a_broken_commit_leaves_what_runs_as_it_is_and_a_good_one_mends_it(world):
    world.begin({"app/x.yaml": config("web")})
    world.up()
    world.repository().commit({"app/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: [\n"})
    clear(world.up(code=1), where=r"app/x\.yaml:\d+")
    assert world.kube.get("ConfigMap", "web")["data"] == {"a": "1"}
    assert world.states()[""]["sync"] == "Unknown"
    world.repository().commit({"app/x.yaml": config("web", {"a": "2"})})
    world.up()
    assert world.kube.get("ConfigMap", "web")["data"] == {"a": "2"}


# -- clusters and plug-ins


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        ({"use": "kubconfig"}, ("kubconfig", "did you mean 'kubeconfig'")),
        ({"use": "gke"}, ("gke",)),
        ({"use": "kubeconfig", "contxt": "x"}, ("contxt", "did you mean 'context'")),
        ({"use": "kubeconfig", "kubeconfig": "/nope/config"}, ("/nope/config",)),
        ({"use": "kubeconfig", "kubeconfig": "PATH", "context": "nope"}, ("nope",)),
        ({"use": "kubeconfig", "kubeconfig": "BROKEN"}, ("broken.yaml",)),
    ],
)
def test_a_wrong_cluster_is_said(world, cluster, said):
    world.begin({"app/x.yaml": config("web")})
    write(world.root, {"broken.yaml": "clusters: [\n"})
    places = {"PATH": world.clusters["one"]["kubeconfig"], "BROKEN": str(world.root / "broken.yaml")}
    cluster = {key: places.get(value, value) for key, value in cluster.items()}
    world.clusters["one"] = {**cluster, "inCluster": True}
    world.stack()
    clear(world.up(code=1), *said)
    assert world.kube.names("ConfigMap") == set()


@pytest.mark.parametrize(
    ("code", "requires", "said"),
    [
        pytest.param(PROVIDER.format(body="raise RuntimeError('boom')"), "", ("acme-clusters", "1.0", "RuntimeError: boom"), id="raises"),
        pytest.param(PROVIDER.format(body="import time; time.sleep(30)"), "", ("acme-clusters", "did not answer within 0.5 s"), id="hangs"),
        pytest.param(PROVIDER.format(body="return None"), "", ("acme-clusters",), id="nonsense"),
        pytest.param("raise ImportError('no')", "", ("acme", "acme-clusters", "ImportError: no"), id="import"),
        pytest.param(PROVIDER.format(body="pass"), "plat-core>=99", ("acme", "acme-clusters", "plat-core>=99"), id="version"),
        pytest.param(PROVIDER.format(body="raise SystemExit(3)"), "", ("acme-clusters",), id="exits"),
    ],
)  # fmt: skip
def test_a_plugin_that_does_not_work_is_named(world, code, requires, said):
    world.begin({"app/x.yaml": config("web"), "b/x.yaml": config("b")})
    world.clusters["two"] = {"use": "acme"}
    world.stack()
    world.declare(world.application(), world.application("b", "b", destination={"name": "two", "namespace": "default"}))
    environ = add_plugin(world, "acme-clusters", code, requires=requires)
    ran = world.run("up", "--timeout=10s", environ=environ)
    clear(ran, *said)
    listed = world.run("plugins", "list", environ=environ)
    assert "acme-clusters" in listed.out


def test_a_health_check_that_raises_is_named_and_stops_nothing_else(world):
    code = """
from plat.api import HealthCheck, hookimpl
class Check(HealthCheck):
    kind = "ConfigMap"
    def check(self, manifest):
        raise ValueError("broken rule")
@hookimpl
def plat_health_checks():
    return [Check]
"""
    world.begin({"app/x.yaml": config("web")})
    ran = world.run("up", "--timeout=10s", environ=add_plugin(world, "acme-health", code))
    clear(ran, "broken rule")
    assert world.kube.names("ConfigMap") == {"web"}


def test_a_broken_plugin_that_nobody_needs_stops_nothing(world):
    world.begin({"app/x.yaml": config("web")})
    ran = world.run("up", "--timeout=10s", environ=add_plugin(world, "acme-broken", "raise ImportError('no')"))
    assert ran.code == 0, ran


# -- the machine


def test_a_full_disk_under_the_state_is_said_and_nothing_is_lost(world):
    world.begin({"app/x.yaml": config("web")})
    world.up()
    world.repository().commit({"app/x.yaml": [config("web", {"a": "2"}), *(config(f"c{n}") for n in range(200))]})
    limit = (world.root / ".plat" / "state.db").stat().st_size + 4096
    argv = [sys.executable, "-m", "plat", "-C", str(world.root), "up", "--timeout=15s"]
    done = subprocess.run(
        argv, env=world.environ, capture_output=True, text=True, check=False, timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    ran = type(world.plat("status"))(done.returncode, done.stdout, done.stderr)
    clear(ran, "disk")
    world.up()
    assert len(world.kube.names("ConfigMap")) == 201


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_state_that_cannot_be_written(world):
    world.begin({"app/x.yaml": config("web")})
    (world.root / ".plat").mkdir()
    (world.root / ".plat").chmod(0o500)
    clear(world.up(code=1), ".plat")


def test_a_state_that_is_damaged_is_said(world):
    world.begin({"app/x.yaml": config("web")})
    world.up()
    (world.root / ".plat" / "state.db").write_bytes(b"no database at all" * 1000)
    ran = world.up(code=1)
    clear(ran, "state.db")


def test_wrong_usage(world):
    world.begin({"app/x.yaml": config("web")})
    for arguments, said in (
        (["uo"], "plat up"),
        (["up", "--timeout=soon"], "soon"),
        (["up", "--nope"], "--nope"),
        (["why"], "app"),
    ):
        ran = world.plat(*arguments)
        assert ran.code == 2, ran
        assert said in ran.err
    clear(world.plat("why", "nobody"), "nobody")
