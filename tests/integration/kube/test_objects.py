"""Objects against a real API server: apply, conflicts, dry runs, preconditions, discovery, errors."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plat.api import Kind, Ref, RefusedError, UserError, at
from plat.kube import (
    Client,
    ForbiddenError,
    Identity,
    InvalidError,
    PatchType,
    UnknownKindError,
    Watches,
    from_kubeconfig,
)

pytestmark = pytest.mark.cluster


def _config_map(namespace: str, name: str = "c", **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }


def _ref(namespace: str, name: str = "c") -> Ref:
    return Ref(kind="ConfigMap", namespace=namespace, name=name)


async def test_the_server_is_known(client: Client) -> None:
    assert (await client.version()).startswith("v1.")
    found = await client.resources()
    deployment = found.find("apps", "Deployment")
    assert deployment is not None
    assert (deployment.api_version, deployment.plural, deployment.namespaced) == ("apps/v1", "deployments", True)
    assert "scale" in deployment.subresources
    assert deployment.watchable
    assert found.find("", "Node") is not None
    assert {"v1", "apps/v1/Deployment"} <= set(found.api_versions())


async def test_apply_creates_changes_and_leaves_alone(client: Client, namespace: str) -> None:
    created = await client.apply(_config_map(namespace, a="1"), manager="one")
    same = await client.apply(_config_map(namespace, a="1"), manager="one")
    changed = await client.apply(_config_map(namespace, b="2"), manager="one")
    versions = [m["metadata"]["resourceVersion"] for m in (created, same, changed)]
    assert versions[0] == versions[1] != versions[2]
    assert changed["data"] == {"b": "2"}
    assert [f["manager"] for f in changed["metadata"]["managedFields"]] == ["one"]
    assert await client.get(_ref(namespace)) == changed


async def test_a_field_of_somebody_else_is_a_conflict_unless_forced(client: Client, namespace: str) -> None:
    await client.apply(_config_map(namespace, a="1"), manager="one")
    with pytest.raises(RefusedError) as caught:
        await client.apply(_config_map(namespace, a="2"), manager="two", force=False)
    assert caught.value.code == "conflict"
    assert [c["field"] for c in caught.value.output["causes"]] == [".data.a"]
    assert '"one"' in caught.value.output["causes"][0]["message"]
    taken = await client.apply(_config_map(namespace, a="2"), manager="two")
    owners = {f["manager"]: at(f, "fieldsV1.f:data") for f in taken["metadata"]["managedFields"]}
    assert "f:a" in owners["two"]
    assert not owners.get("one")


async def test_a_dry_run_answers_and_changes_nothing(client: Client, namespace: str) -> None:
    before = await client.apply(_config_map(namespace, a="1"), manager="one")
    foreseen = await client.apply(_config_map(namespace, a="2"), manager="one", dry_run=True)
    assert foreseen["data"] == {"a": "2"}
    assert await client.get(_ref(namespace)) == before
    await client.apply(_config_map(namespace, "absent", a="2"), manager="one", dry_run=True)
    assert await client.get(_ref(namespace, "absent")) is None
    assert await client.delete(_ref(namespace), dry_run=True)
    assert await client.get(_ref(namespace)) == before


async def test_delete_only_the_one_that_was_meant(client: Client, namespace: str) -> None:
    first = await client.apply(_config_map(namespace, a="1"), manager="one")
    uid, version = first["metadata"]["uid"], first["metadata"]["resourceVersion"]
    await client.apply(_config_map(namespace, a="2"), manager="one")
    for wrong in ({"uid": "11111111-2222-3333-4444-555555555555"}, {"uid": uid, "resource_version": version}):
        with pytest.raises(RefusedError) as caught:
            await client.delete(_ref(namespace), **wrong)
        assert caught.value.code == "conflict"
    assert await client.delete(_ref(namespace), uid=uid)
    assert not await client.delete(_ref(namespace), uid=uid)


async def test_a_finalizer_and_propagation_are_respected(client: Client, namespace: str) -> None:
    owner = await client.apply(_config_map(namespace, "owner"), manager="one")
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    child = _config_map(namespace, "child")
    child["metadata"]["ownerReferences"] = [{**reference, "blockOwnerDeletion": True}]
    await client.apply(child, manager="one")
    assert await client.delete(_ref(namespace, "owner"), propagation="orphan", uid=owner["metadata"]["uid"])
    left = await client.get(_ref(namespace, "owner"))
    assert left is None or "orphan" in left["metadata"]["finalizers"]
    assert await client.get(_ref(namespace, "child")) is not None


async def test_create_replace_patch_and_status(client: Client, namespace: str) -> None:
    created = await client.create(_config_map(namespace, a="1"), manager="one")
    with pytest.raises(RefusedError) as exists:
        await client.create(_config_map(namespace, a="1"), manager="one")
    replaced = await client.replace({**created, "data": {"a": "2"}}, manager="one")
    with pytest.raises(RefusedError) as old:
        await client.replace({**created, "data": {"a": "3"}}, manager="one")
    assert (exists.value.code, old.value.code, replaced["data"]) == ("exists", "conflict", {"a": "2"})
    patch = [{"op": "test", "path": "/data/a", "value": "2"}, {"op": "remove", "path": "/data"}]
    patched = await client.patch(_ref(namespace), patch, manager="one", patch_type=PatchType.JSON)
    assert "data" not in patched
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "b", "namespace": namespace},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"a": "b"}}},
    }
    await client.apply(budget, manager="one")
    status = {**budget, "spec": {}, "status": {"observedGeneration": 7, **_no_pods()}}
    written = await client.apply(status, manager="status-writer", subresource="status")
    assert (written["status"]["observedGeneration"], written["spec"]["maxUnavailable"]) == (7, 1)


def _no_pods() -> dict[str, int]:
    return {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}


async def test_names_that_the_server_makes(client: Client, namespace: str) -> None:
    wanted = _config_map(namespace)
    del wanted["metadata"]["name"]
    wanted["metadata"]["generateName"] = "run-"
    made = [(await client.create(wanted, manager="one"))["metadata"]["name"] for _ in range(2)]
    assert len(set(made)) == 2
    assert all(name.startswith("run-") for name in made)


async def test_a_list_has_labels_pages_and_kinds(client: Client, namespace: str) -> None:
    for number in range(7):
        labelled = _config_map(namespace, f"c{number}")
        labelled["metadata"]["labels"] = {"half": str(number % 2)}
        await client.apply(labelled, manager="one")
    found = await client.list(Kind(kind="ConfigMap"), namespace=namespace, labels="half=1")
    assert {m["metadata"]["name"] for m in found} == {"c1", "c3", "c5"}
    assert {(m["apiVersion"], m["kind"]) for m in found} == {("v1", "ConfigMap")}


def _broken_deployment(namespace: str) -> dict[str, Any]:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": namespace},
        "spec": spec,
    }


async def test_the_servers_own_words_reach_the_user(client: Client, namespace: str) -> None:
    deployment = _broken_deployment(namespace)
    with pytest.raises(InvalidError, match="nonsense"):
        await client.apply({**deployment, "spec": {**deployment["spec"], "nonsense": 1}}, manager="one")
    await client.apply(deployment, manager="one")
    selector = {"matchLabels": {"a": "c"}}
    other = {**deployment, "spec": {**deployment["spec"], "selector": selector}}
    other["spec"]["template"] = {**deployment["spec"]["template"], "metadata": {"labels": {"a": "c"}}}
    with pytest.raises(InvalidError, match="immutable") as caught:
        await client.apply(other, manager="one")
    assert [c.field for c in caught.value.causes] == ["spec.selector"]
    with pytest.raises(RefusedError, match="not found") as missing:
        await client.apply(_config_map("no-such-namespace"), manager="one")
    assert missing.value.code == "not-found"


async def test_a_secret_never_shows_in_an_error(client: Client, namespace: str) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": namespace},
        "data": {"password": 918273645},
        "type": "Opaque",
    }
    with pytest.raises(UserError) as caught:
        await client.apply(secret, manager="one")
    assert "918273645" not in str(caught.value)
    assert "password" in str(caught.value)


async def test_another_identity_is_refused_clearly(control_plane: Any, namespace: str) -> None:
    config = {**control_plane.kubeconfig}
    config["users"] = [{"name": u["name"], "user": {"token": "wrong"}} for u in config["users"]]
    async with Client.from_kubeconfig(config, name="real") as stranger:
        with pytest.raises(ForbiddenError, match="credentials"):
            await stranger.list(Kind(kind="ConfigMap"), namespace=namespace)


async def test_a_server_that_is_not_trusted_is_refused_clearly(control_plane: Any) -> None:
    config = {**control_plane.kubeconfig}
    config["clusters"] = [
        {"name": c["name"], "cluster": {"server": c["cluster"]["server"]}} for c in config["clusters"]
    ]
    async with Client.from_kubeconfig(config, name="real") as client:
        with pytest.raises(UserError, match="not trusted"):
            await client.version()


async def test_no_certificate_is_left_on_disk(
    control_plane: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    async with Client(from_kubeconfig(control_plane.kubeconfig), name="real") as client:
        await client.version()
    assert not list(tmp_path.iterdir())  # noqa: ASYNC240  # nothing else runs here


def _definition(group: str, *versions: str) -> dict[str, Any]:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"plural": "gadgets", "singular": "gadget", "kind": "Gadget"}
    served = [{"name": v, "served": True, "storage": v == versions[0], "schema": schema} for v in versions]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"gadgets.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": served},
    }


async def test_a_new_kind_is_found_used_watched_and_lost(client: Client, namespace: str) -> None:
    group = f"g{uuid.uuid4().hex[:8]}.example.io"
    kind = Kind(group=group, kind="Gadget")
    gadget = {"apiVersion": f"{group}/v1", "kind": "Gadget", "metadata": {"name": "x", "namespace": namespace}}
    with pytest.raises(UnknownKindError):
        await client.apply(gadget, manager="one")
    async with Watches(client) as watches:
        await watches.synced(kind)
        await client.apply(_definition(group, "v1", "v1beta1"), manager="one")
        async with asyncio.timeout(20):
            while await client.get(Ref(group=group, kind="Gadget", namespace=namespace, name="x")) is None:
                try:
                    await client.apply({**gadget, "spec": {"size": 1}}, manager="one")
                except UnknownKindError:
                    await asyncio.sleep(0.2)
            while not watches.of(kind):
                watches.ensure(kind)
                await asyncio.sleep(0.1)
        assert (await client.resource(kind)).version == "v1"
        assert (await client.resource(kind, api_version=f"{group}/v1beta1")).version == "v1beta1"
        assert f"apis/{group}/v1" in await client.openapi([f"{group}/v1"])
        definition = Ref(group="apiextensions.k8s.io", kind="CustomResourceDefinition", name=f"gadgets.{group}")
        assert await client.delete(definition)
        async with asyncio.timeout(30):
            while watches.of(kind):  # noqa: ASYNC110  # the other side is a server
                await asyncio.sleep(0.1)


async def test_openapi_of_one_group_version_is_one_document(client: Client) -> None:
    documents = await client.openapi(["apps/v1", "v1", "no.such/v9"])
    assert set(documents) == {"apis/apps/v1", "api/v1"}
    assert "io.k8s.api.apps.v1.Deployment" in documents["apis/apps/v1"]["components"]["schemas"]


async def test_a_client_certificate_that_is_renewed_is_used(control_plane: Any) -> None:
    access = from_kubeconfig(control_plane.kubeconfig)
    good = await access.credentials.identity()

    class Late:
        """Refused at first, as a token that has ended is."""

        now = Identity(authorization="Bearer ended")

        async def identity(self, *, fresh: bool = False) -> Identity:
            if fresh:
                self.now = good
            return self.now

    async with Client(replace(access, credentials=Late()), name="real") as client:
        assert await client.list(Kind(kind="Namespace"))
        async with Watches(client) as watches:
            await watches.synced(Kind(kind="Namespace"))
            assert watches.of(Kind(kind="Namespace"))
