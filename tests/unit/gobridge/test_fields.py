from __future__ import annotations

import copy
import os
import signal
from typing import Any

import pytest

from plat.api import UserError
from plat.gobridge import Bridge, fields


def scalar(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, **more}


def struct(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def ref(name: str, **more: Any) -> dict[str, Any]:
    return {"allOf": [{"$ref": f"#/components/schemas/{name}"}], **more}


STRINGS = {"type": "object", "additionalProperties": scalar("string")}
META = "io.k8s.apimachinery.pkg.apis.meta.v1."
CORE = "io.k8s.api.core.v1."
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"


def keyed(name: str, *keys: str) -> dict[str, Any]:
    return {
        "type": "array",
        "items": ref(name),
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": list(keys),
    }


SCHEMAS = {
    "io.k8s.api.apps.v1.Deployment": {
        **struct(
            apiVersion=scalar("string"),
            kind=scalar("string"),
            metadata=ref(META + "ObjectMeta"),
            spec=ref("io.k8s.api.apps.v1.DeploymentSpec"),
        ),
        "x-kubernetes-group-version-kind": [{"group": "apps", "version": "v1", "kind": "Deployment"}],
    },
    META + "ObjectMeta": struct(
        name=scalar("string"),
        labels=STRINGS,
        annotations=STRINGS,
        finalizers={"type": "array", "items": scalar("string"), "x-kubernetes-list-type": "set"},
        creationTimestamp=ref(META + "Time"),
    ),
    META + "Time": scalar("string", format="date-time"),
    META + "LabelSelector": {**struct(matchLabels=STRINGS), "x-kubernetes-map-type": "atomic"},
    QUANTITY: {"oneOf": [scalar("string"), scalar("number")]},
    "io.k8s.api.apps.v1.DeploymentSpec": struct(
        replicas=scalar("integer"),
        paused=scalar("boolean"),
        minReadySeconds=scalar("integer"),
        selector=ref(META + "LabelSelector"),
        template=ref(CORE + "PodTemplateSpec"),
    ),
    CORE + "PodTemplateSpec": struct(metadata=ref(META + "ObjectMeta"), spec=ref(CORE + "PodSpec")),
    CORE + "PodSpec": struct(
        containers=keyed(CORE + "Container", "name"),
        volumes=keyed(CORE + "Volume", "name"),
        nodeSelector={**STRINGS, "x-kubernetes-map-type": "atomic"},
        hostNetwork=scalar("boolean"),
    ),
    CORE + "Volume": struct(name=scalar("string"), emptyDir=ref(CORE + "EmptyDirVolumeSource")),
    CORE + "EmptyDirVolumeSource": struct(medium=scalar("string"), sizeLimit=ref(QUANTITY)),
    CORE + "Container": struct(
        name=scalar("string"),
        image=scalar("string"),
        args={"type": "array", "items": scalar("string"), "x-kubernetes-list-type": "atomic"},
        env=keyed(CORE + "EnvVar", "name"),
        ports=keyed(CORE + "ContainerPort", "containerPort", "protocol"),
        resources=ref(CORE + "ResourceRequirements"),
    ),
    CORE + "ResourceRequirements": struct(limits={"type": "object", "additionalProperties": ref(QUANTITY)}),
    CORE + "ContainerPort": struct(
        containerPort=scalar("integer"), protocol=scalar("string", default="TCP"), name=scalar("string")
    ),
    CORE + "EnvVar": struct(
        name=scalar("string"), value=scalar("string"), valueFrom=struct(fieldRef=ref(CORE + "ObjectFieldSelector"))
    ),
    CORE + "ObjectFieldSelector": {
        **struct(apiVersion=scalar("string"), fieldPath=scalar("string")),
        "x-kubernetes-map-type": "atomic",
    },
}
DOCUMENTS = {"apis/apps/v1": {"openapi": "3.0.0", "components": {"schemas": SCHEMAS}}}

DESIRED: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "labels": {"app": "web"}, "finalizers": ["b", "a"]},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "volumes": [{"name": "tmp", "emptyDir": {}}],
                "containers": [
                    {
                        "name": "web",
                        "image": "nginx:1",
                        "args": ["-v"],
                        "ports": [{"containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}],
                        "resources": {"limits": {"cpu": "0.5", "memory": "1024Mi"}},
                        "env": [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
                    }
                ],
            },
        },
    },
}


def stored() -> dict[str, Any]:
    """What a server makes of DESIRED, with another manager's additions."""
    live = copy.deepcopy(DESIRED)
    live["metadata"] |= {"uid": "u", "creationTimestamp": "2020-01-01T00:00:00Z", "finalizers": ["x", "b", "a"]}
    live["metadata"]["annotations"] = {"other": "manager"}
    live["status"] = {"replicas": 3}
    pod = live["spec"]["template"]["spec"]
    web = pod["containers"][0]
    web["ports"][0]["protocol"] = "TCP"
    web["resources"]["limits"] = {"cpu": "500m", "memory": "1Gi"}
    web["env"][0]["valueFrom"]["fieldRef"]["apiVersion"] = "v1"
    web["env"].append({"name": "ADDED", "value": "by a webhook"})
    pod["containers"].insert(0, {"name": "proxy", "image": "envoy"})
    return live


def changed(path: str, value: Any) -> dict[str, Any]:
    """DESIRED with one field set; numbers in the path are places in lists; ... removes it."""
    desired = copy.deepcopy(DESIRED)
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    at: Any = desired
    for step in steps:
        at = at[step]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return desired


@pytest.fixture
async def loaded(bridge):
    await fields.load(bridge, "one", DOCUMENTS)
    return bridge


async def test_what_the_server_made_of_it_is_equal_and_cut_to_its_fields(loaded):
    (found,) = await fields.project(loaded, "one", [(DESIRED, stored())])
    assert found.differing == []
    assert found.equal
    containers = found.live["spec"]["template"]["spec"]["containers"]
    assert [container["name"] for container in containers] == ["web"]
    assert [env["name"] for env in containers[0]["env"]] == ["POD"]
    assert containers[0]["ports"] == [{"containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}]
    assert containers[0]["resources"]["limits"] == {"cpu": "500m", "memory": "1Gi"}
    assert found.live["metadata"] == {"name": "web", "labels": {"app": "web"}, "finalizers": ["b", "a"]}
    assert "status" not in found.live


SPEC = "spec.template.spec."
WEB = SPEC + "containers.0."


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.replicas", ...),
        ("spec.replicas", 3.0),
        ("spec.paused", False),
        ("spec.minReadySeconds", 0),
        ("spec.minReadySeconds", None),
        (SPEC + "hostNetwork", False),
        (SPEC + "nodeSelector", {}),
        (WEB + "env", ...),
        (WEB + "env", []),
        (WEB + "resources.limits.cpu", 0.5),
        (WEB + "resources.limits.memory", 1073741824),
        (WEB + "resources.limits.memory", "1073741824"),
        (WEB + "ports.0.protocol", "TCP"),
        ("metadata.creationTimestamp", None),
        ("metadata.resourceVersion", "5"),
        ("metadata.annotations", {}),
        ("metadata.annotations", {"kubectl.kubernetes.io/last-applied-configuration": "{}"}),
        ("spec.template.metadata.creationTimestamp", None),
        ("status", {"replicas": 9}),
    ],
)
async def test_what_means_the_same_is_equal(loaded, path, value):
    (found,) = await fields.project(loaded, "one", [(changed(path, value), stored())])
    assert found.differing == []
    assert found.equal


@pytest.mark.parametrize(
    ("path", "value", "differing"),
    [
        ("spec.replicas", 4, [".spec.replicas"]),
        ("spec.replicas", "3", [".spec.replicas"]),
        ("spec.paused", True, [".spec.paused"]),
        ("metadata.labels.new", "x", [".metadata.labels.new"]),
        ("metadata.labels", {"app": "web", "b": "1", "a": "2"}, [".metadata.labels.a", ".metadata.labels.b"]),
        ("metadata.finalizers", ["a", "b"], [".metadata.finalizers"]),
        ("metadata.finalizers", ["b", "c"], ['.metadata.finalizers[="c"]']),
        ("spec.selector", {"matchLabels": {}}, [".spec.selector"]),
        (SPEC + "nodeSelector", {"a": "b"}, [".spec.template.spec.nodeSelector"]),
        (WEB + "image", "nginx:2", ['.spec.template.spec.containers[name="web"].image']),
        (WEB + "args", ["-v", "-v"], ['.spec.template.spec.containers[name="web"].args']),
        (WEB + "name", "db", ['.spec.template.spec.containers[name="db"]']),
        (WEB + "resources.limits.cpu", "501m", ['.spec.template.spec.containers[name="web"].resources.limits.cpu']),
        (
            WEB + "ports.0.protocol",
            "SCTP",
            ['.spec.template.spec.containers[name="web"].ports[containerPort=80,protocol="SCTP"]'],
        ),
        (
            WEB + "env.0.valueFrom.fieldRef.fieldPath",
            "spec.nodeName",
            ['.spec.template.spec.containers[name="web"].env[name="POD"].valueFrom.fieldRef'],
        ),
        (
            SPEC + "volumes.0.emptyDir",
            {"medium": "Memory"},
            ['.spec.template.spec.volumes[name="tmp"].emptyDir.medium'],
        ),
        ("spec.unknownField", 1, [".spec.unknownField"]),
        (SPEC + "containers", "none", [".spec.template.spec.containers"]),
    ],
)
async def test_what_an_apply_would_change_differs_and_is_named(loaded, path, value, differing):
    (found,) = await fields.project(loaded, "one", [(changed(path, value), stored())])
    assert found.differing == differing
    assert not found.equal


async def test_an_atomic_struct_with_more_than_defaults_differs(loaded):
    live = stored()
    reference = live["spec"]["template"]["spec"]["containers"][1]["env"][0]["valueFrom"]["fieldRef"]
    reference["apiVersion"] = "v2"
    (found,) = await fields.project(loaded, "one", [(DESIRED, live)])
    assert found.differing == ['.spec.template.spec.containers[name="web"].env[name="POD"].valueFrom.fieldRef']


async def test_items_in_another_order_differ(loaded):
    desired = changed(WEB + "ports", list(reversed(DESIRED["spec"]["template"]["spec"]["containers"][0]["ports"])))
    (found,) = await fields.project(loaded, "one", [(desired, stored())])
    assert found.differing == ['.spec.template.spec.containers[name="web"].ports']


async def test_doubled_items_differ(loaded):
    ports = [{"containerPort": 80}, {"containerPort": 80, "protocol": "TCP"}]
    (found,) = await fields.project(loaded, "one", [(changed(WEB + "ports", ports), stored())])
    assert not found.equal


CUSTOM = {"apiVersion": "example.org/v1", "kind": "Thing", "metadata": {"name": "t"}}


@pytest.mark.parametrize(
    ("desired", "live", "differing"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}, "d": 3}, []),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, [".spec.a.b"]),
        ({"a": [{"name": "x"}]}, {"a": [{"name": "x", "y": 1}]}, [".spec.a"]),
        ({"a": [1, 2]}, {"a": [1, 2]}, []),
        ({"a": [1, 2]}, {"a": [2, 1]}, [".spec.a"]),
        ({"a": {}}, {}, [".spec.a"]),
        ({"a": []}, {}, [".spec.a"]),
        ({"a": None}, {}, []),
        ({"cpu": "0.5"}, {"cpu": "500m"}, [".spec.cpu"]),
        ({"a": {"b": 1}}, {"a": 5}, [".spec.a"]),
    ],
)
async def test_a_kind_without_a_schema_has_maps_by_key_and_lists_whole(loaded, desired, live, differing):
    pair = (CUSTOM | {"spec": desired}, CUSTOM | {"spec": live})
    (found,) = await fields.project(loaded, "one", [pair])
    assert found.differing == differing
    assert found.equal is not differing


@pytest.mark.parametrize(
    ("desired", "equal"),
    [
        ({"stringData": {"a": "hello"}}, True),
        ({"data": {"a": "aGVs\nbG8=\n"}}, True),
        ({"data": {"a": "eA=="}, "stringData": {"a": "hello"}}, True),
        ({"stringData": {"a": "other"}}, False),
        ({"data": {"b": None}}, True),
    ],
)
async def test_the_string_data_of_a_secret_is_its_data(loaded, desired, equal):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}
    live = secret | {"data": {"a": "aGVsbG8=", "b": ""}, "type": "Opaque"}
    (found,) = await fields.project(loaded, "one", [(secret | desired, live)])
    assert found.equal is equal


def owning(fields_v1: dict[str, Any], **entry: Any) -> dict[str, Any]:
    live = stored()
    base = {"manager": "plat", "operation": "Apply", "apiVersion": "apps/v1", "fieldsV1": fields_v1}
    live["metadata"]["managedFields"] = [base | entry]
    return live


@pytest.mark.parametrize(
    ("fields_v1", "entry", "extra"),
    [
        ({"f:spec": {"f:replicas": {}}}, {}, []),
        ({"f:spec": {"f:paused": {}}}, {}, [".spec.paused"]),
        ({"f:spec": {"f:paused": {}}}, {"operation": "Update"}, []),
        ({"f:spec": {"f:paused": {}}}, {"manager": "kubectl"}, []),
        ({"f:status": {"f:replicas": {}}}, {"subresource": "status"}, []),
        ({"f:metadata": {"f:labels": {"f:app": {}, "f:old": {}}}}, {}, [".metadata.labels.old"]),
        ({"f:metadata": {"f:annotations": {"f:old": {}}}}, {}, [".metadata.annotations.old"]),
        ({"f:metadata": {"f:finalizers": {'v:"a"': {}, 'v:"z"': {}}}}, {}, ['.metadata.finalizers[="z"]']),
        (
            {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"web"}': {".": {}, "f:image": {}}}}}}},
            {},
            [],
        ),
        (
            {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"old"}': {".": {}, "f:image": {}}}}}}},
            {},
            [
                '.spec.template.spec.containers[name="old"]',
                '.spec.template.spec.containers[name="old"].image',
            ],
        ),
    ],
)
async def test_fields_that_we_own_and_no_longer_want(loaded, fields_v1, entry, extra):
    live = owning(fields_v1, **entry)
    assert await fields.owned_extra(loaded, "one", "plat", [(DESIRED, live)]) == [extra]
    (found,) = await fields.project(loaded, "one", [(DESIRED, live)], manager="plat")
    assert found.extra == extra


async def test_a_defaulted_key_of_managed_fields_matches_an_item_that_leaves_it_out(loaded):
    keys: dict[str, Any] = {
        'k:{"containerPort":80,"protocol":"TCP"}': {".": {}},
        'k:{"containerPort":80,"protocol":"UDP"}': {".": {}},
    }
    ports = {"f:containers": {'k:{"name":"web"}': {"f:ports": keys}}}
    live = owning({"f:spec": {"f:template": {"f:spec": ports}}})
    ((extra,),) = await fields.owned_extra(loaded, "one", "plat", [(DESIRED, live)])
    assert extra.endswith('[containerPort=80,protocol="UDP"]')


async def test_a_schema_outlives_the_process_that_it_was_loaded_into(loaded):
    pair = (changed(WEB + "resources.limits.cpu", "500m"), stored())
    assert (await fields.project(loaded, "one", [pair]))[0].equal
    os.kill(loaded.pids[0], signal.SIGKILL)
    assert (await fields.project(loaded, "one", [(DESIRED, stored())]))[0].equal


async def test_thousands_keep_their_order():
    pairs = [(changed("spec.replicas", i % 5), stored()) for i in range(1000)]
    async with Bridge() as bridge:
        await fields.load(bridge, "one", DOCUMENTS)
        found = await fields.project(bridge, "one", pairs)
    assert [item.equal for item in found] == [i % 5 == 3 for i in range(1000)]


async def test_a_schema_that_is_none_is_the_callers_error(bridge):
    await fields.load(bridge, "bad", {"apis/apps/v1": {"components": {"schemas": {"x": {"type": "strange"}}}}})
    with pytest.raises(UserError, match="apis/apps/v1"):
        await fields.project(bridge, "bad", [(DESIRED, stored())])


async def test_a_manifest_that_is_none_is_the_callers_error(loaded):
    with pytest.raises(UserError, match="object"):
        await fields.project(loaded, "one", [({}, [])])  # type: ignore[list-item]
