from __future__ import annotations

import pytest
from tests.e2e.objects import config, deployment, kustomization, service, text

CHART = {
    "app/Chart.yaml": {"apiVersion": "v2", "name": "web", "version": "1.0.0"},
    "app/values.yaml": {"tag": "v1", "size": 1},
    "app/templates/all.yaml": text(config("settings", {"size": "SIZE", "release": "RELEASE"}))
    .replace("SIZE", "{{ .Values.size | quote }}")
    .replace("RELEASE", "{{ .Release.Name }}"),
}
PLAIN = {"app/a.yaml": [config("settings"), deployment("web")], "app/b.yml": service("web"), "app/notes.txt": "no YAML"}


@pytest.mark.parametrize(
    ("files", "source", "found"),
    [
        pytest.param(PLAIN, {}, {"Deployment": {"web"}, "Service": {"web"}, "ConfigMap": {"settings"}}, id="directory"),
        pytest.param(
            {"app/x/deep.yaml": config("deep")}, {"directory": {"recurse": True}}, {"ConfigMap": {"deep"}}, id="recurse"
        ),
        pytest.param(
            {
                "app/kustomization.yaml": kustomization(["all.yaml"], namePrefix="my-"),
                "app/all.yaml": [config("settings"), service("web")],
            },
            {},
            {"ConfigMap": {"my-settings"}, "Service": {"my-web"}},
            id="kustomize",
        ),
        pytest.param(
            {"app/kustomization.yaml": kustomization(["all.yaml"]), "app/all.yaml": deployment("web")},
            {"kustomize": {"nameSuffix": "-x", "images": ["registry.example/app:v9"]}},
            {"Deployment": {"web-x"}},
            id="kustomize-overrides",
        ),
        pytest.param(CHART, {}, {"ConfigMap": {"settings"}}, id="helm"),
    ],
)
def test_each_kind_of_source_is_brought_to_the_cluster(world, files, source, found):
    world.begin(files)
    app = world.application()
    app["spec"]["source"] |= source
    world.declare(app)

    ran = world.up()

    assert {kind: world.kube.names(kind) for kind in found} == found
    assert f"{world.name} is Synced and Healthy" in ran.out
    assert "Done: 1 application in order" in ran.out


def test_values_come_from_the_application_over_the_chart(world):
    world.begin(CHART)
    app = world.application()
    app["spec"]["source"]["helm"] = {
        "valuesObject": {"size": 5},
        "parameters": [{"name": "tag", "value": "v2"}],
        "releaseName": "mine",
    }
    world.declare(app)
    world.up()
    assert world.kube.get("ConfigMap", "settings")["data"] == {"size": "5", "release": "mine"}


def test_two_sources_of_one_application_and_the_last_of_equal_objects_wins(world):
    world.begin({"app/a.yaml": [config("both", {"from": "first"}), config("one")]})
    world.repository("other", {"b.yaml": [config("both", {"from": "second"}), config("two")]})
    app = world.application()
    first = app["spec"].pop("source")
    app["spec"]["sources"] = [first, {"repoURL": world.repository("other").url, "path": ".", "targetRevision": "main"}]
    world.declare(app)
    world.up()
    assert world.kube.names("ConfigMap") == {"both", "one", "two"}
    assert world.kube.get("ConfigMap", "both")["data"] == {"from": "second"}


def test_a_new_commit_changes_what_it_changes_and_nothing_else(world):
    world.begin({"app/a.yaml": config("moves"), "app/b.yaml": config("stays")})
    world.up()
    before = world.kube.versions("ConfigMap")
    world.repository().commit({"app/a.yaml": config("moves", {"a": "2"})})
    ran = world.up()
    assert "1 object changed" in ran.out
    after = world.kube.versions("ConfigMap")
    assert {key for key in after if after[key] != before[key]} == {"ConfigMap/moves"}
    assert world.kube.get("ConfigMap", "moves")["data"] == {"a": "2"}
