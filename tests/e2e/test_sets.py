"""Applications that come and go: ApplicationSets, deletion, several clusters (spec/cluster §4.8, §8, §10)."""

from __future__ import annotations

import base64
import json

import pytest
from tests.e2e.kube import Kube, until
from tests.e2e.objects import config, deployment, job
from tests.e2e.world import FINALIZER, GIT, IN_CLUSTER


def _set(world, generators, *, finalizer=True, name="{{name}}", path="{{path}}", server=IN_CLUSTER, **more):
    metadata = {"name": f"{world.name}-{name}"} | ({"finalizers": [FINALIZER]} if finalizer else {})
    spec = {
        "project": "default",
        "source": {"repoURL": GIT + "app", "path": path, "targetRevision": "HEAD"},
        "destination": {"server": server, "namespace": world.name},
        "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": world.name, "namespace": "argocd"},
        "spec": {"generators": generators, "template": {"metadata": metadata, "spec": spec}, **more},
    }


DIRECTORIES = [{"git": {"repoURL": GIT + "app", "revision": "HEAD", "directories": [{"path": "services/*"}]}}]


def test_a_set_grows_and_shrinks_with_the_directories_of_a_repository(world):
    grows = _set(world, DIRECTORIES, name="{{path.basename}}")
    world.begin({"services/a/x.yaml": config("a"), "services/b/x.yaml": config("b")}, grows)
    world.up()
    assert set(world.states()) == {"a", "b"}
    assert world.kube.names("ConfigMap") == {"a", "b"}

    world.repository().commit({"services/c/x.yaml": config("c")})
    world.up()
    assert world.kube.names("ConfigMap") == {"a", "b", "c"}

    world.repository().commit({"services/a/x.yaml": None})
    world.up()
    assert set(world.states()) == {"b", "c"}
    assert world.kube.names("ConfigMap") == {"b", "c"}
    assert "nothing to do" in world.up().out


@pytest.mark.parametrize(
    ("policy", "preserve", "left"),
    [
        ("sync", False, {"a"}),
        ("create-update", False, {"a", "b"}),
        ("create-only", False, {"a", "b"}),
        ("sync", True, {"a", "b"}),
    ],
)
def test_what_a_shrinking_set_deletes(world, policy, preserve, left):
    elements = [{"name": "a", "path": "a"}, {"name": "b", "path": "b"}]
    more = {"syncPolicy": {"applicationsSync": policy, "preserveResourcesOnDeletion": preserve}}
    world.begin(
        {"a/x.yaml": config("a"), "b/x.yaml": config("b")},
        _set(world, [{"list": {"elements": elements}}], finalizer=False, **more),
    )
    world.up()
    world.declare(_set(world, [{"list": {"elements": elements[:1]}}], finalizer=False, **more))
    world.up()
    assert world.kube.names("ConfigMap") == left


@pytest.mark.parametrize(("preserve", "left"), [(False, set()), (True, {"a", "b"})])
def test_a_set_that_is_taken_away_takes_its_applications_along(world, preserve, left):
    elements = [{"name": "a", "path": "a"}, {"name": "b", "path": "b"}]
    more = {"syncPolicy": {"preserveResourcesOnDeletion": preserve}}
    world.begin(
        {"a/x.yaml": config("a"), "b/x.yaml": config("b")},
        _set(world, [{"list": {"elements": elements}}], finalizer=False, **more),
    )
    world.up()
    assert world.kube.names("ConfigMap") == {"a", "b"}
    world.declare()
    world.up()
    assert world.kube.names("ConfigMap") == left
    assert world.states() == {}


def test_files_and_matrix_with_go_templates(world):
    generators = [
        {
            "matrix": {
                "generators": [
                    {"git": {"repoURL": GIT + "app", "revision": "HEAD", "files": [{"path": "envs/*.json"}]}},
                    {"list": {"elements": [{"app": "web"}, {"app": "db"}]}},
                ]
            }
        }
    ]
    made = _set(world, generators, name="{{ .env.name | lower }}-{{ .app }}", path="{{ .app }}")
    made["spec"]["goTemplate"] = True
    made["spec"]["template"]["spec"]["source"]["kustomize"] = {"namePrefix": "{{ .env.name | lower }}-"}
    one = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": ["x.yaml"]}
    world.begin(
        {
            "envs/dev.json": json.dumps({"env": {"name": "DEV"}}),
            "envs/prod.json": json.dumps({"env": {"name": "PROD"}}),
            "web/kustomization.yaml": one,
            "web/x.yaml": config("web"),
            "db/kustomization.yaml": one,
            "db/x.yaml": config("db"),
        },
        made,
    )
    world.up()
    assert set(world.states()) == {"dev-web", "dev-db", "prod-web", "prod-db"}
    assert world.kube.names("ConfigMap") == {"dev-web", "dev-db", "prod-web", "prod-db"}


def test_a_failing_generator_changes_nothing_and_is_told(world):
    world.begin({"services/a/x.yaml": config("a")}, _set(world, DIRECTORIES, name="{{path.basename}}"))
    world.up()
    gone = [{"git": {**DIRECTORIES[0]["git"], "repoURL": GIT + "gone"}}]
    world.declare(_set(world, gone, name="{{path.basename}}"))
    ran = world.plat("up", "--timeout=5s")
    assert ran.code in (1, 3)
    assert "gone" in ran.all
    assert world.kube.names("ConfigMap") == {"a"}
    assert set(world.states()) == {"a"}


# -- deletion


@pytest.mark.parametrize(("finalizer", "left"), [(True, set()), (False, {"one", "two"})])
def test_an_application_taken_out_of_git_takes_its_objects_along_if_its_finalizer_says_so(world, finalizer, left):
    world.begin({"app/x.yaml": [config("one"), config("two", wave="2")]}, world.application(finalizer=finalizer))
    world.up()
    world.declare()
    world.up()
    assert world.kube.names("ConfigMap") == left
    assert world.states() == {}
    assert "nothing to do" in world.up().out


def test_what_may_not_be_deleted_stays(world):
    keep = config("kept")
    keep["metadata"]["annotations"] = {"helm.sh/resource-policy": "keep"}
    world.begin(
        {"app/x.yaml": [config("goes"), config("stays", options="Delete=false"), keep]},
        world.application(finalizer=True),
    )
    world.up()
    world.declare()
    world.up()
    assert world.kube.names("ConfigMap") == {"stays", "kept"}


def test_hooks_run_before_and_after_a_deletion(world):
    world.begin(
        {
            "app/x.yaml": [config("web"), deployment("web")],
            "app/hooks.yaml": [job("bye", hook="PreDelete"), job("swept", hook="PostDelete")],
        },
        world.application(finalizer=True),
    )
    world.up()
    assert world.kube.names("Job") == set()
    world.declare()
    ran = world.up()
    assert world.kube.names("ConfigMap") == set()
    assert world.kube.names("Deployment") == set()
    until(lambda: world.kube.names("Job") == set(), what="the hooks to be cleaned up")
    assert world.states() == {}, ran


def test_a_failing_hook_of_a_deletion_keeps_the_objects_and_is_told(world):
    world.begin(
        {"app/x.yaml": config("web"), "app/hooks.yaml": job("bye", bad=True, hook="PreDelete")},
        world.application(finalizer=True),
    )
    world.up()
    world.declare()
    ran = world.plat("up", "--timeout=5s")
    assert ran.code in (1, 3), ran
    assert world.kube.names("ConfigMap") == {"web"}
    assert "bye" in ran.out


def test_an_application_that_comes_back_while_it_is_removed_is_an_ordinary_one_again(world):
    held = config("held")
    held["metadata"]["finalizers"] = ["example.com/held"]
    app = world.application(finalizer=True)
    world.begin({"app/x.yaml": [config("web"), held]}, app)
    world.up()
    world.declare()
    assert world.plat("up", "--timeout=3s").code in (1, 3)
    world.kube.patch("ConfigMap", "held", {"metadata": {"finalizers": None}})
    world.declare(app)
    world.up()
    assert world.kube.names("ConfigMap") == {"web", "held"}
    assert world.states()[""]["sync"] == "Synced"


# -- several clusters


@pytest.fixture
def two(world, second_control_plane):
    """Return the second cluster, registered as `two` beside `one`."""
    kube = Kube(second_control_plane.kubeconfig, world.name)
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": world.name}})
    world.clusters["two"] = {
        "use": "kubeconfig",
        "kubeconfig": str(second_control_plane.kubeconfig_path),
        "labels": {"tier": "prod"},
    }
    return kube


def test_each_application_goes_to_the_cluster_that_it_names(world, two, second_control_plane):
    def to(**where):
        return {**where, "namespace": world.name}

    world.begin(
        {"a/x.yaml": config("a"), "b/x.yaml": config("b"), "c/x.yaml": config("c")},
        world.application("a", "a"),
        world.application("b", "b", destination=to(name="two")),
        world.application("c", "c", destination=to(server=second_control_plane.server + "/")),
    )
    world.up()
    assert (world.kube.names("ConfigMap"), two.names("ConfigMap")) == ({"a"}, {"b", "c"})


def test_an_application_that_moves_leaves_its_objects_where_they_were(world, two):
    world.begin({"app/x.yaml": config("a")})
    world.up()
    world.declare(world.application(destination={"name": "two", "namespace": world.name}))
    world.up()
    assert (world.kube.names("ConfigMap"), two.names("ConfigMap")) == ({"a"}, {"a"})


def test_a_set_over_clusters_by_label(world, two):
    generators = [{"clusters": {"selector": {"matchLabels": {"tier": "prod"}}}}]
    world.begin({"app/x.yaml": config("a")}, _set(world, generators, path="app", server="{{server}}"))
    world.up()
    assert (world.kube.names("ConfigMap"), two.names("ConfigMap")) == (set(), {"a"})


def test_an_unreachable_cluster_stops_only_its_own_applications(world):
    world.clusters["gone"] = {"use": "kubeconfig", "kubeconfig": "gone.yaml"}
    world.begin(
        {"a/x.yaml": config("a"), "b/x.yaml": config("b")},
        world.application("a", "a"),
        world.application("b", "b", destination={"name": "gone", "namespace": "default"}),
    )
    gone = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    (world.root / "gone.yaml").write_text(json.dumps(gone))
    ran = world.plat("up", "--timeout=10s")
    assert ran.code in (1, 3), ran
    assert world.kube.names("ConfigMap") == {"a"}
    assert "gone" in ran.out
    assert world.states()["a"]["sync"] == "Synced"
    assert world.states()["b"]["sync"] == "Unknown"


def test_a_cluster_that_a_secret_registers(world, control_plane):
    cluster = control_plane.kubeconfig["clusters"][0]["cluster"]
    user = control_plane.kubeconfig["users"][0]["user"]

    def data(section, name):
        if found := section.get(f"{name}-data"):
            return found
        with open(section[name], "rb") as file:  # noqa: PTH123  # a path as it stands in a kubeconfig
            return base64.b64encode(file.read()).decode()

    tls = {
        "caData": data(cluster, "certificate-authority"),
        "certData": data(user, "client-certificate"),
        "keyData": data(user, "client-key"),
    }
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "x", "namespace": "argocd", "labels": {"argocd.argoproj.io/secret-type": "cluster"}},
        "stringData": {
            "name": "by-secret",
            "server": cluster["server"],
            "config": json.dumps({"tlsClientConfig": tls}),
        },
    }
    app = world.application(destination={"name": "by-secret", "namespace": world.name})
    world.begin({"app/x.yaml": config("a")}, secret, app)
    world.up()
    assert world.kube.names("ConfigMap") == {"a"}
