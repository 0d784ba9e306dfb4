from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from plat.api import PlatError, RefusedError, UserError
from plat.gobridge import kustomize

FILES = {
    "base/kustomization.yaml": b"resources: [web.yaml, service.yaml]\nconfigMapGenerator: [{name: cm, literals: [a=b]}]\n",
    "base/web.yaml": b"""\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: c, image: nginx:1, envFrom: [{configMapRef: {name: cm}}]}
""",
    "base/service.yaml": b"apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}}\n",
    "over/kustomization.yaml": b"""\
resources: [../base]
namePrefix: p-
images: [{name: nginx, newTag: '2'}, {name: other, newTag: '3'}]
replicas: [{name: web, count: 2}]
commonLabels: {team: a}
""",
    "part/kustomization.yaml": b"""\
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
commonAnnotations: {part: 'yes'}
""",
}


async def build(bridge, path="over", files=FILES, **overrides):
    found = await kustomize.build_tree(bridge, files, path, overrides=overrides)
    return {manifest["kind"]: manifest for manifest in found}


def container(objects):
    return objects["Deployment"]["spec"]["template"]["spec"]["containers"][0]


async def test_a_build_has_the_order_of_the_command_and_hashed_names(bridge):
    objects = await build(bridge)
    assert list(objects) == ["ConfigMap", "Service", "Deployment"]
    name = objects["ConfigMap"]["metadata"]["name"]
    assert name.startswith("p-cm-")
    assert container(objects)["envFrom"] == [{"configMapRef": {"name": name}}]
    assert container(objects)["image"] == "nginx:2"


@pytest.mark.parametrize(
    ("image", "result"),
    [
        ("nginx:5", "nginx:5"),
        ("nginx=reg:5000/a/nginx:5", "reg:5000/a/nginx:5"),
        ("nginx=reg:5000/a/nginx", "reg:5000/a/nginx:2"),
        ("nginx@sha256:abc", "nginx@sha256:abc"),
        ("nginx=my/nginx:5@sha256:abc", "my/nginx:5@sha256:abc"),
        ("nginx=*:5", "nginx:5"),
        ("nginx=my/nginx:*", "my/nginx:2"),
        ("unused:5", "nginx:2"),
    ],
)
async def test_images_are_overridden_as_kustomize_edits_them(bridge, image, result):
    found = container(await build(bridge, images=[image]))["image"]
    assert found == result or (image == "nginx=reg:5000/a/nginx" and found == "reg:5000/a/nginx:1")


async def test_names_namespace_replicas_labels_annotations_patches_components(bridge):
    objects = await build(
        bridge,
        namePrefix="q-",
        nameSuffix="-s",
        namespace="ns",
        replicas=[{"name": "web", "count": "5"}],
        commonLabels={"l": "1"},
        commonAnnotations={"an": "2"},
        patches=[{"target": {"kind": "Service"}, "patch": "- {op: add, path: /spec/type, value: NodePort}"}],
        components=["../part"],
    )
    deployment, service = objects["Deployment"], objects["Service"]
    assert deployment["metadata"]["name"] == "q-web-s"
    assert deployment["metadata"]["namespace"] == service["metadata"]["namespace"] == "ns"
    assert deployment["spec"]["replicas"] == 5
    assert deployment["spec"]["selector"]["matchLabels"] == {"app": "web", "l": "1", "team": "a"}
    assert service["metadata"]["annotations"] == {"an": "2", "part": "yes"}
    assert service["spec"]["type"] == "NodePort"


@pytest.mark.parametrize(
    ("templates", "labels"), [(True, {"app": "web", "l": "1", "team": "a"}), (False, {"app": "web", "team": "a"})]
)
async def test_labels_without_selectors(bridge, templates, labels):
    objects = await build(bridge, commonLabels={"l": "1"}, labelWithoutSelector=True, labelIncludeTemplates=templates)
    assert "l" not in objects["Deployment"]["spec"]["selector"]["matchLabels"]
    assert objects["Deployment"]["metadata"]["labels"]["l"] == "1"
    assert objects["Deployment"]["spec"]["template"]["metadata"]["labels"] == labels


async def test_force_overrides_a_label_that_is_there(bridge):
    with pytest.raises(UserError, match="team is in the kustomization already"):
        await build(bridge, commonLabels={"team": "b"})
    objects = await build(bridge, commonLabels={"team": "b"}, forceCommonLabels=True)
    assert objects["Service"]["metadata"]["labels"] == {"team": "b"}


async def test_the_overrides_of_a_call_do_not_stay(bridge, tmp_path):
    write(tmp_path, FILES)
    before = (tmp_path / "over/kustomization.yaml").read_bytes()
    found = await kustomize.build(bridge, tmp_path, "over", overrides={"namePrefix": "x-"})
    assert found[1]["metadata"]["name"] == "x-web"
    assert (tmp_path / "over/kustomization.yaml").read_bytes() == before
    assert sorted(path.name for path in (tmp_path / "over").iterdir()) == ["kustomization.yaml"]
    again = await kustomize.build(bridge, tmp_path, "over", overrides={})
    assert again[1]["metadata"]["name"] == "p-web"


async def test_disk_and_memory_give_the_same(bridge, tmp_path):
    write(tmp_path, FILES)
    overrides = {"components": ["../part", "../nowhere"], "ignoreMissingComponents": True, "images": ["nginx:9"]}
    on_disk = await kustomize.build(bridge, tmp_path, "over", overrides=overrides)
    assert on_disk == await kustomize.build_tree(bridge, FILES, "over", overrides=overrides)


PATCH = "patches: [{patch: '{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 2}}'}]\n"


def kustomization(text: str) -> dict[str, bytes]:
    return FILES | {"k/kustomization.yaml": text.encode()}


@pytest.mark.parametrize(
    ("files", "overrides", "error", "words"),
    [
        ({}, {}, UserError, "no kustomization file in k"),
        (kustomization("unknown: 1"), {}, UserError, "unknown"),
        (kustomization("resources: ["), {}, UserError, "kustomization.yaml"),
        (kustomization("resources: [nowhere.yaml]"), {}, UserError, "nowhere.yaml"),
        (kustomization("resources: [../../../etc/passwd]"), {}, UserError, "passwd"),
        (kustomization("resources: [/etc/passwd]"), {}, UserError, "passwd"),
        (kustomization("resources: ['https://github.com/a/b//c?ref=x']"), {}, RefusedError, "remote bases are refused"),
        (kustomization("resources: ['git@github.com:a/b.git']"), {}, RefusedError, "remote bases are refused"),
        (kustomization("resources: ['https://example.com/x.yaml']"), {}, RefusedError, "remote bases are refused"),
        (kustomization("helmCharts: [{name: x, repo: 'https://x.org'}]"), {}, UserError, "enable-helm"),
        (kustomization("resources: [../base]\nreplicas: [{name: nobody, count: 1}]"), {}, UserError, "nobody"),
        (kustomization("resources: [../base, ../base/web.yaml]"), {}, UserError, "security|already registered|not in or below"),
        (kustomization("resources: [../base]"), {"nonsense": 1}, UserError, "nonsense"),
        (kustomization("resources: [../base]"), {"images": ["nginx"]}, UserError, "no image override"),
        (kustomization("resources: [../base]"), {"images": ["=x:1"]}, UserError, "no image override"),
        (kustomization("resources: [../base]"), {"replicas": [{"name": "web", "count": "2x"}]}, UserError, "no number"),
        (kustomization("resources: [../base]"), {"components": ["../nowhere"]}, UserError, "nowhere"),
        (kustomization("resources: [../base]"), {"labelIncludeTemplates": True}, UserError, "labelWithoutSelector"),
        (kustomization("resources: [../base]"), {"buildOptions": "--enable-exec"}, RefusedError, "enable-exec"),
        (kustomization("resources: [../base]") | {"k/kustomization.yml": b""}, {}, UserError, "several"),
        (kustomization("resources: [../k]"), {}, UserError, "cycle"),
        (kustomization(f"resources: [../base]\n{PATCH}openapi: {{path: bad.json}}") | {"k/bad.json": b"["}, {}, PlatError, "schema"),
        (FILES | {"../out/x": b""}, {}, RefusedError, "not below the root"),
    ],
)  # fmt: skip
async def test_bad_kustomizations(bridge, files, overrides, error, words):
    with pytest.raises(error, match=words):
        await kustomize.build_tree(bridge, files, "k", overrides=overrides)
    assert await kustomize.build_tree(bridge, FILES, "over", overrides={})


@pytest.mark.parametrize("path", ["..", "../x", "/etc", "k/../../x"])
async def test_a_path_out_of_the_root_is_refused(bridge, tmp_path, path):
    with pytest.raises(RefusedError, match="below the root"):
        await kustomize.build(bridge, tmp_path, path, overrides={})


@pytest.mark.parametrize(
    ("link", "target", "text"),
    [
        ("k/secret.yaml", "secret.yaml", "resources: [secret.yaml]"),
        ("dir", ".", "resources: [../dir]"),
        ("k/kustomization.yaml", "secret.yaml", ""),
        ("k/env", "secret.yaml", "secretGenerator: [{name: s, files: [env]}]"),
        ("k/patch.yaml", "secret.yaml", "resources: [../base]\npatches: [{path: patch.yaml}]"),
    ],
)
async def test_links_out_of_the_root_are_not_followed(bridge, tmp_path, link, target, text):
    outside, root = tmp_path / "outside", tmp_path / "root"
    write(outside, {"secret.yaml": b"apiVersion: v1\nkind: Secret\nmetadata: {name: hidden}\n"})
    write(outside, {"kustomization.yaml": b"resources: [secret.yaml]\n"})
    write(root, FILES | ({"k/kustomization.yaml": text.encode()} if text else {"k/x": b""}))
    (root / link).symlink_to(outside / target)
    with pytest.raises(PlatError) as caught:
        await kustomize.build(bridge, root, "k", overrides={})
    assert "hidden" not in str(caught.value)


async def test_links_within_the_root_are_followed(bridge, tmp_path):
    write(tmp_path, FILES | {"k/kustomization.yaml": b"resources: [../link]\n"})
    (tmp_path / "link").symlink_to(tmp_path / "base")
    found = await kustomize.build(bridge, tmp_path, "k", overrides={})
    assert len(found) == 3


async def test_a_schema_of_its_own_does_not_change_the_others(bridge):
    schema = b'{"definitions": {"x": {"type": "object"}}}'
    own = kustomization("resources: [../base]\nopenapi: {path: s.json}") | {"k/s.json": schema}
    plain = await kustomize.build_tree(bridge, FILES, "over", overrides={})
    jobs = [kustomize.build_tree(bridge, own, "k", overrides={}) for _ in range(5)]
    jobs += [kustomize.build_tree(bridge, FILES, "over", overrides={}) for _ in range(10)]
    found = await asyncio.gather(*jobs)
    assert all(one == plain for one in found[5:])
    assert all(len(one) == 3 for one in found[:5])


async def test_binary_files_travel(bridge):
    files = kustomization("configMapGenerator: [{name: c, files: [blob]}]") | {"k/blob": bytes(range(256))}
    (found,) = await kustomize.build_tree(bridge, files, "k", overrides={})
    assert found["binaryData"]["blob"].startswith("AAECAw")


def write(root: Path, files: dict[str, bytes]) -> None:
    for name, body in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
