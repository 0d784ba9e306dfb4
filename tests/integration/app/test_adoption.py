"""A team that runs Argo CD today: plat previews its repository as it is, and takes over without a write."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from tests.e2e.kube import until
from tests.e2e.objects import config, deployment, service, text
from tests.e2e.world import World, write
from tests.integration.app.conftest import ArgoCD

pytestmark = pytest.mark.cluster
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
TRACKING = "argocd.argoproj.io/tracking-id"
KINDS = ("ConfigMap", "Service", "Deployment", "ServiceAccount", "Secret")


class Team:
    """A repository of manifests and Applications without a plat.yaml, and what Argo CD has made of it."""

    def __init__(self, world: World, plane: Any) -> None:
        self.world, self.kube = world, world.kube
        self._plane = plane
        self.context = str(plane.kubeconfig["current-context"])
        world.environ["KUBECONFIG"] = str(plane.kubeconfig_path)

    def write(self, objects: Sequence[Any], **spec: Any) -> None:
        """Commit the objects of the one application, and write its manifest into the directory."""
        repository = self.world.repository(files={"app/all.yaml": text(*objects)})
        application = self.world.application(**spec)
        application["spec"]["source"]["repoURL"] = f"file://{repository.bare}"
        project: dict[str, Any] = {"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject"}
        project |= {"metadata": {"name": "default", "namespace": "argocd"}, "spec": everything()}
        write(self.world.root, {"argocd/application.yaml": [application, project]})

    def plat(self, *arguments: str) -> Any:
        """Run a command on the directory and the context."""
        return self.world.plat(*arguments, "--context", self.context)

    def changes(self) -> dict[str, list[str]]:
        """Return what a preview would change: the paths of each object, or what it would do with it."""
        ran = self.plat("preview", "-o", "json")
        assert ran.code == 0, ran
        (application,) = ran.json["applications"]
        return {
            item["name"]: [change["path"] for change in item["changes"]] or [item["verb"]]
            for item in application["objects"]
        }

    def versions(self) -> Mapping[str, str]:
        """Return the resource versions of everything in the namespace."""
        return self.kube.versions(*KINDS)

    def contents(self) -> dict[str, Any]:
        """Return everything in the namespace but for what the server and controllers note of it."""
        found = {f"{kind}/{item['metadata']['name']}": item for kind in KINDS for item in self.kube.list(kind)}
        for item in found.values():
            item.pop("status", None)
            for name in ("resourceVersion", "managedFields", "generation"):  # of a Deployment, annotations count, too
                item["metadata"].pop(name, None)
            (item["metadata"].get("annotations") or {}).pop(LAST_APPLIED, None)
        return found

    def by_server(self, manifest: dict[str, Any]) -> None:
        """Apply as Argo CD does with ServerSideApply=true."""
        self.kube.apply(self._tracked(manifest), manager="argocd-controller")

    def by_client(self, manifest: dict[str, Any]) -> None:
        """Create as Argo CD does by default: on the client's side, under its own name."""
        tracked = self._tracked(manifest)
        applied = json.dumps(tracked, separators=(",", ":")) + "\n"
        tracked["metadata"]["annotations"][LAST_APPLIED] = applied
        path = self.kube.path(manifest["kind"]) + "?fieldManager=argocd-controller"
        status, body = self.kube.request("POST", path, tracked)
        assert status == 201, body

    def by_kubectl(self, manifest: dict[str, Any]) -> None:
        """Apply with kubectl, on the client's side."""
        argv = [str(self._plane.kubectl), "--kubeconfig", str(self._plane.kubeconfig_path), "apply", "-f", "-"]
        given = json.dumps(self._tracked(manifest))
        subprocess.run(argv, input=given, text=True, check=True, capture_output=True, timeout=60)

    def _tracked(self, manifest: dict[str, Any]) -> dict[str, Any]:
        tracked = copy.deepcopy(manifest)
        group = manifest["apiVersion"].rpartition("/")[0]
        name, metadata = manifest["metadata"]["name"], tracked["metadata"]
        metadata["namespace"] = self.world.name
        value = f"{self.world.name}:{group}/{manifest['kind']}:{self.world.name}/{name}"
        metadata.setdefault("annotations", {})[TRACKING] = value
        return tracked


def everything() -> dict[str, Any]:
    """Return an AppProject that permits everything, as Argo CD makes the default one."""
    anything = [{"group": "*", "kind": "*"}]
    return {
        "sourceRepos": ["*"],
        "destinations": [{"namespace": "*", "server": "*"}],
        "clusterResourceWhitelist": anything,
    }


def objects() -> list[dict[str, Any]]:
    """Return objects that a server rewrites: defaults, quantities, numbers as text, write-only fields."""
    web = deployment("web", replicas=2)
    container = web["spec"]["template"]["spec"]["containers"][0]
    container["resources"] = {"requests": {"cpu": "1000m", "memory": "0.5Gi"}}
    container["env"] = [{"name": "A", "value": "1"}, {"name": "B", "value": ""}]
    container["ports"] = [{"containerPort": 80}]
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "runner"}}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"key": "opensesame"}}
    labelled = config("settings", {"a": "1", "b": "multi\nline\n"})
    labelled["metadata"]["labels"] = {"team": "shop", "app.kubernetes.io/version": "1.2"}
    return [labelled, service("web", 80), web, account, secret]


@pytest.fixture
def team(world: World, control_plane: Any) -> Team:
    return Team(world, control_plane)


@pytest.fixture(params=["by_server", "by_client", "by_kubectl"])
def leave(request: pytest.FixtureRequest, team: Team) -> Callable[[dict[str, Any]], None]:
    """How the objects came into the cluster."""
    apply: Callable[[dict[str, Any]], None] = getattr(team, request.param)
    return apply


def test_nothing_is_to_be_done_where_argo_cd_is_in_sync(
    team: Team, argocd: ArgoCD, leave: Callable[[dict[str, Any]], None]
) -> None:
    team.write(objects())
    argocd.run()
    for manifest in objects():
        leave(manifest)
    until(lambda: team.kube.get("Deployment", "web")["status"].get("readyReplicas") == 2, what="the pods")
    before = team.versions()
    ran = team.plat("preview")
    assert (ran.code, ran.out.splitlines()) == (
        0,
        ["1 of 1 applications are in sync.", "Plan: nothing to do."],
    ), ran
    assert team.changes() == {}

    changed = objects()
    changed[2]["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = "2"
    team.write(changed)
    path = f'.spec.template.spec.containers[name="{_container()}"].env[name="A"].value'
    assert team.changes() == {"web": [path]}
    assert team.versions() == before

    refused = team.plat("up", "--timeout=20s")
    assert (refused.code, "Argo CD's application controller runs" in refused.err) == (1, True), refused
    assert f"`plat preview --context {team.context}` is always allowed" in refused.err, refused
    assert team.versions() == before


def test_a_take_over_writes_nothing_that_is_in_order(
    team: Team, argocd: ArgoCD, leave: Callable[[dict[str, Any]], None]
) -> None:
    team.write(objects())
    argocd.run()
    for manifest in objects():
        leave(manifest)
    until(lambda: team.kube.get("Deployment", "web")["status"].get("readyReplicas") == 2, what="the pods")
    argocd.scale(0)
    before = team.versions()
    ran = team.plat("up", "--timeout=30s")
    assert (ran.code, "nothing to do" in ran.out) == (0, True), ran
    assert team.versions() == before

    contents = team.contents()
    changed = objects()
    changed[0]["data"] = {"a": "2", "b": "multi\nline\n"}
    team.write(changed)
    ran = team.plat("up", "--timeout=30s")
    assert ran.code == 0, ran
    contents["ConfigMap/settings"]["data"]["a"] = "2"
    assert team.contents() == contents
    assert len(team.kube.list("ReplicaSet")) == 1
    versions = team.versions()
    assert team.plat("up", "--timeout=30s").code == 0
    assert team.versions() == versions


def test_what_git_drops_is_dropped_whoever_applied_it(team: Team, leave: Callable[[dict[str, Any]], None]) -> None:
    """A field that the manifest no longer has is the server's to keep unless it becomes ours first."""
    team.write(objects())
    for manifest in objects():
        leave(manifest)
    until(lambda: team.kube.get("Deployment", "web")["status"].get("readyReplicas") == 2, what="the pods")
    changed = objects()
    changed[0]["data"] = {"a": "1"}
    del changed[0]["metadata"]["labels"]["app.kubernetes.io/version"]
    del changed[2]["spec"]["template"]["spec"]["containers"][0]["env"][1]
    team.write(changed)
    assert set(team.changes()) == {"settings", "web"}
    ran = team.plat("up", "--timeout=30s")
    assert ran.code == 0, ran
    settings, web = team.kube.get("ConfigMap", "settings"), team.kube.get("Deployment", "web")
    assert settings["data"] == {"a": "1"}
    assert settings["metadata"]["labels"] == {"team": "shop"}
    env = web["spec"]["template"]["spec"]["containers"][0]["env"]
    assert [entry["name"] for entry in env] == ["A"]
    assert team.changes() == {}


def test_what_git_dropped_before_plat_came_is_found_whatever_its_kind(team: Team) -> None:
    """Nothing that git has now tells of Services: only the cluster itself does."""
    first, second = config("settings"), service("old")
    for manifest in (first, second):
        team.by_server(manifest)
    team.write([first])
    assert team.changes() == {"old": ["delete"]}
    before = team.versions()
    ran = team.plat("up", "--timeout=30s")
    assert (ran.code, "1 object changed" in ran.out) == (0, True), ran
    assert team.kube.names("Service") == set()
    assert team.versions()["ConfigMap/settings"] == before["ConfigMap/settings"]


def test_what_is_kept_is_told_of_again(team: Team) -> None:
    """Without pruning the object stays, and the next run still knows its kind, without another look."""
    first, second = config("settings"), service("old")
    for manifest in (first, second):
        team.by_server(manifest)
    team.write([first], automated={"prune": False})
    team.plat("up", "--timeout=30s")
    for _ in range(2):
        assert team.changes() == {"old": ["keep"]}
    assert team.kube.names("Service") == {"old"}


@pytest.mark.parametrize("what", ["another application's", "a copy", "nobody's", "a child"])
def test_what_is_not_the_applications_own_stays(team: Team, what: str) -> None:
    settings = config("settings")
    team.by_server(settings)
    left = service("left")
    id_ = {
        "another application's": f"other:/Service:{team.world.name}/left",
        "a copy": f"{team.world.name}:/Service:{team.world.name}/original",
        "nobody's": "",
        "a child": f"{team.world.name}:/Service:{team.world.name}/left",
    }[what]
    left["metadata"] |= {"namespace": team.world.name, "annotations": {TRACKING: id_} if id_ else {}}
    if what == "a child":
        parent = team.kube.get("ConfigMap", "settings")["metadata"]["uid"]
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "settings", "uid": parent}
        left["metadata"]["ownerReferences"] = [owner]
    team.kube.create(left)
    team.write([settings])
    assert team.changes() == {}
    assert team.plat("up", "--timeout=30s").code == 0
    assert team.kube.names("Service") == {"left"}


def _container() -> str:
    return str(deployment("web")["spec"]["template"]["spec"]["containers"][0]["name"])
