from __future__ import annotations

import io
import json
import tarfile
from typing import Any

import pytest

from plat.api import PlatError, RefusedError, UserError
from plat.gobridge import helm

SHOW = b"""\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
  namespace: {{ .Release.Namespace | quote }}
data:
  values: {{ .Values | toJson | quote }}
  version: {{ .Capabilities.KubeVersion.Version }}
  api: {{ .Capabilities.APIVersions.Has "x.org/v1" | quote }}
  found: {{ lookup "v1" "Secret" "a" "b" | toJson | quote }}
  install: {{ .Release.IsInstall | quote }}
"""
HOOK = b"""\
apiVersion: batch/v1
kind: Job
metadata: {name: migrate, annotations: {helm.sh/hook: pre-install}}
---
apiVersion: v1
kind: Pod
metadata: {name: check, annotations: {helm.sh/hook: test}}
"""
FILES = {
    "c/Chart.yaml": b"apiVersion: v2\nname: c\nversion: 0.1.0\n",
    "c/values.yaml": b"a: chart\nb: chart\nc: chart\nd: {x: 1, z: 2}\n",
    "c/templates/show.yaml": SHOW,
    "c/templates/hook.yaml": HOOK,
    "c/templates/NOTES.txt": b"hello",
    "c/crds/crd.yaml": b"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: x}\n",
    "c/one.yaml": b"b: one\nc: one\n",
    "c/two.yaml": b"c: two\n",
    "shared/a.yaml": b"a: shared-a\nb: shared-a\n",
    "shared/b.yaml": b"a: shared-b\n",
    "c/text.txt": b"line, one\nline two",
}


async def render(bridge, files=FILES, **options) -> dict[str, Any]:
    found = await helm.template(bridge, files, "c", options=options)
    return {manifest["kind"]: manifest for manifest in found}


async def values(bridge, **options) -> Any:
    return json.loads((await render(bridge, **options))["ConfigMap"]["data"]["values"])


async def test_a_chart_renders_with_its_hooks_and_definitions(bridge):
    objects = await render(bridge, releaseName="r", namespace="n", kubeVersion="v1.31.2", apiVersions=["x.org/v1"])
    assert list(objects) == ["CustomResourceDefinition", "ConfigMap", "Pod", "Job"]
    assert objects["ConfigMap"]["metadata"] == {"name": "r", "namespace": "n"}
    data = objects["ConfigMap"]["data"]
    assert (data["version"], data["api"], data["found"], data["install"]) == ("v1.31.2", "true", "{}", "true")
    assert objects["Job"]["metadata"]["annotations"] == {"helm.sh/hook": "pre-install"}


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        ({"skipCrds": True}, {"ConfigMap", "Job", "Pod"}),
        ({"skipTests": True}, {"CustomResourceDefinition", "ConfigMap", "Job"}),
    ],
)
async def test_parts_may_be_left_out(bridge, options, kinds):
    assert (await render(bridge, **options)).keys() == kinds


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"a": "chart"}),
        ({"valueFiles": ["one.yaml", "two.yaml"]}, {"a": "chart", "b": "one", "c": "two"}),
        ({"valueFiles": ["two.yaml", "one.yaml"]}, {"c": "one"}),
        ({"valueFiles": ["../shared/a.yaml"]}, {"a": "shared-a"}),
        ({"valueFiles": ["/shared/b.yaml"]}, {"a": "shared-b"}),
        ({"valueFiles": ["/shared/*.yaml"]}, {"a": "shared-b", "b": "shared-a"}),
        ({"valueFiles": ["/shared/*.yaml", "/shared/a.yaml"]}, {"a": "shared-a"}),
        ({"valueFiles": ["/**/two.yaml"]}, {"c": "two"}),
        ({"valueFiles": ["nowhere.yaml"], "ignoreMissingValueFiles": True}, {"a": "chart"}),
        ({"valueFiles": [{"name": "$ref/x.yaml", "content": "a: ref"}]}, {"a": "ref"}),
        ({"valueFiles": ["one.yaml"], "values": "b: text"}, {"b": "text", "c": "one"}),
        ({"values": "b: text", "valuesObject": {"c": "object"}}, {"b": "chart", "c": "object"}),
        ({"valuesObject": {"d": {"x": None}}}, {"d": {"z": 2}}),
        ({"values": "a: text", "parameters": [{"name": "a", "value": "p"}]}, {"a": "p"}),
        ({"parameters": [{"name": "a", "value": "1"}]}, {"a": 1}),
        ({"parameters": [{"name": "a", "value": "1", "forceString": True}]}, {"a": "1"}),
        ({"parameters": [{"name": "a", "value": "x,y"}]}, {"a": "x,y"}),
        ({"parameters": [{"name": "a", "value": "x\\,y"}]}, {"a": "x,y"}),
        ({"parameters": [{"name": "a", "value": "{x,y}"}]}, {"a": ["x", "y"]}),
        ({"parameters": [{"name": "d.x", "value": "true"}]}, {"d": {"x": True, "z": 2}}),
        ({"parameters": [{"name": "e[1].f", "value": "v"}]}, {"e": [None, {"f": "v"}]}),
        ({"fileParameters": [{"name": "a", "path": "text.txt"}]}, {"a": "line, one\nline two"}),
        ({"passCredentials": True, "skipSchemaValidation": True}, {"a": "chart"}),
    ],
)
async def test_values_come_together_in_helms_order(bridge, options, expected):
    found = await values(bridge, **options)
    assert {name: found[name] for name in expected} == expected


SCHEMA = FILES | {"c/values.schema.json": b'{"properties": {"a": {"type": "integer"}}}'}
BROKEN = FILES | {"c/templates/bad.yaml": b"apiVersion: v1\nkind: [\n"}


@pytest.mark.parametrize(
    ("files", "options", "error", "words"),
    [
        (FILES, {"valueFiles": ["nowhere.yaml"]}, UserError, "nowhere.yaml: the value file is not there"),
        (FILES, {"valueFiles": ["/none/*.yaml"]}, UserError, "is not there"),
        (FILES, {"valueFiles": ["../../etc/passwd"]}, RefusedError, "not below the root"),
        (FILES, {"values": "a: ["}, UserError, "values"),
        (FILES, {"nonsense": 1}, UserError, "nonsense"),
        (FILES, {"kubeVersion": "new"}, UserError, "no Kubernetes version"),
        (FILES, {"releaseName": "Under_Score"}, UserError, "release name"),
        (FILES, {"parameters": [{"name": "a[x]", "value": "1"}]}, UserError, "parameter a"),
        (FILES, {"fileParameters": [{"name": "a", "path": "gone"}]}, UserError, "gone"),
        ({}, {}, UserError, "no Chart.yaml in c"),
        ({"c/Chart.yaml": b"name: ["}, {}, UserError, "Chart.yaml"),
        ({"c/Chart.yaml": b"apiVersion: v2\nname: c\nversion: 1.0.0\ntype: library\n"}, {}, UserError, "library"),
        (SCHEMA, {}, UserError, "values don't meet the specifications"),
        (FILES | {"c/templates/bad.yaml": b"{{ .Values.x.y.z }}"}, {}, UserError, "c/templates/bad.yaml"),
        (FILES | {"c/templates/bad.yaml": b'{{ required "give q" .Values.q }}'}, {}, UserError, "give q"),
        (FILES | {"c/templates/bad.yaml": b'{{ env "HOME" }}'}, {}, UserError, "env"),
        (BROKEN, {}, UserError, "bad.yaml"),
        (FILES | {"c/Chart.yaml": FILES["c/Chart.yaml"] + b"dependencies: [{name: s, version: 1, repository: 'https://x'}]"},
         {}, UserError, "helm dependency build"),
        (FILES | {"c/Chart.yaml": FILES["c/Chart.yaml"] + b"dependencies: [{name: c, version: 1, repository: 'file://.'}]"},
         {}, UserError, "itself"),
        (FILES | {"c/Chart.yaml": FILES["c/Chart.yaml"] + b"dependencies: [{name: s, version: 1, repository: 'file://../..'}]"},
         {}, RefusedError, "not below the root"),
    ],
)  # fmt: skip
async def test_bad_charts_and_options(bridge, files, options, error, words):
    with pytest.raises(error, match=words):
        await helm.template(bridge, files, "c", options=options)
    assert await render(bridge)


async def test_a_schema_may_be_skipped(bridge):
    assert await render(bridge, files=SCHEMA, skipSchemaValidation=True)


async def test_the_last_of_duplicate_keys_wins_in_what_a_chart_renders(bridge):
    files = FILES | {"c/templates/show.yaml": b"apiVersion: v1\nkind: ConfigMap\ndata: {a: 1}\ndata: {a: 2}\n"}
    assert (await render(bridge, files=files))["ConfigMap"]["data"] == {"a": 2}


async def test_helmignore_is_obeyed(bridge):
    files = FILES | {"c/.helmignore": b"hook.yaml\n"}
    assert "Job" not in await render(bridge, files=files)


SUB = {
    "s/Chart.yaml": b"apiVersion: v2\nname: s\nversion: 1.0.0\n",
    "s/values.yaml": b"from: sub\n",
    "s/templates/s.yaml": b"apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {from: {{ .Values.from }}}\n",
}
PARENT = (
    FILES["c/Chart.yaml"]
    + b"dependencies:\n- {name: s, version: 1.0.0, repository: 'file://../s', condition: s.enabled}\n"
)


async def test_dependencies_come_from_the_tree_and_obey_conditions(bridge):
    files = FILES | SUB | {"c/Chart.yaml": PARENT}
    objects = await render(bridge, files=files, values="s: {from: parent}")
    assert objects["Secret"]["stringData"] == {"from": "parent"}
    assert "Secret" not in await render(bridge, files=files, values="s: {enabled: false}")


async def test_dependencies_that_are_committed_are_used(bridge):
    files = FILES | {"c/Chart.yaml": PARENT} | {f"c/charts/{name}": body for name, body in SUB.items()}
    assert "Secret" in await render(bridge, files=files)
    files = FILES | {"c/Chart.yaml": PARENT, "c/charts/s-1.0.0.tgz": archive(SUB)}
    assert "Secret" in await render(bridge, files=files)


async def test_a_chart_may_be_an_archive(bridge):
    chart = {name: body for name, body in FILES.items() if name.startswith("c/")}
    found = await helm.template(bridge, {"charts/c-0.1.0.tgz": archive(chart)}, "charts/c-0.1.0.tgz", options={})
    assert [manifest["kind"] for manifest in found] == ["CustomResourceDefinition", "ConfigMap", "Pod", "Job"]


@pytest.mark.parametrize("name", ["../../evil", "c/../../evil"])
async def test_an_archive_that_leaves_its_place_is_refused(bridge, name):
    chart = {"c/Chart.yaml": FILES["c/Chart.yaml"], name: b"x"}
    with pytest.raises(PlatError):
        await helm.template(bridge, {"c.tgz": archive(chart)}, "c.tgz", options={})


async def test_an_archive_that_is_none_is_the_users_error(bridge):
    with pytest.raises(UserError):
        await helm.template(bridge, {"c.tgz": b"\x1f\x8b garbage"}, "c.tgz", options={})


async def test_nothing_stays_between_renders(bridge):
    first = await values(bridge, parameters=[{"name": "a", "value": "x"}])
    assert first["a"] == "x"
    assert (await values(bridge))["a"] == "chart"


def archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    return buffer.getvalue()
