from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

pytestmark = pytest.mark.cluster


def kubectl(control_plane: Any, *arguments: str, stdin: str | None = None) -> str:
    argv = [str(control_plane.kubectl), "--kubeconfig", str(control_plane.kubeconfig_path), *arguments]
    return subprocess.run(argv, input=stdin, capture_output=True, text=True, check=True, timeout=60).stdout


def workload(name: str, **annotations: str) -> str:
    template = {
        "metadata": {"labels": {"app": name}, "annotations": annotations},
        "spec": {"containers": [{"name": "main", "image": "registry.example/app:1"}]},
    }
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template}
    return json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec})


def test_it_is_the_version_that_it_says(control_plane: Any) -> None:
    version = json.loads(kubectl(control_plane, "version", "-o", "json"))
    assert version["serverVersion"]["gitVersion"] == "v1.35.4"


def test_a_deployment_becomes_ready(control_plane: Any) -> None:
    kubectl(control_plane, "create", "namespace", "ready")
    kubectl(control_plane, "apply", "-n", "ready", "-f", "-", stdin=workload("web"))
    kubectl(control_plane, "rollout", "status", "-n", "ready", "deployment/web", "--timeout=30s")
    pods = json.loads(kubectl(control_plane, "get", "pods", "-n", "ready", "-o", "json"))["items"]
    assert len({pod["status"]["podIP"] for pod in pods}) == 2
    assert all(status["ready"] for pod in pods for status in pod["status"]["containerStatuses"])


def test_a_bad_release_crash_loops(control_plane: Any) -> None:
    kubectl(control_plane, "create", "namespace", "bad")
    kubectl(control_plane, "apply", "-n", "bad", "-f", "-", stdin=workload("web", **{"plat.dev/fail": "true"}))
    reason = "jsonpath={.status.containerStatuses[0].state.waiting.reason}=CrashLoopBackOff"
    kubectl(control_plane, "wait", "-n", "bad", "deployment/web", "--for=create", "--timeout=30s")
    kubectl(control_plane, "wait", "-n", "bad", "pod", "-l", "app=web", f"--for={reason}", "--timeout=30s")


@pytest.mark.parametrize(
    ("annotations", "condition"), [({}, "Complete"), ({"plat.dev/fail": "true"}, "Failed")], ids=["good", "bad"]
)
def test_a_job_ends(control_plane: Any, annotations: dict[str, str], condition: str) -> None:
    namespace = f"job-{condition.lower()}"
    containers = [{"name": "main", "image": "registry.example/job:1"}]
    template = {"metadata": {"annotations": annotations}, "spec": {"restartPolicy": "Never", "containers": containers}}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "job"}, "spec": {"backoffLimit": 0}}
    job["spec"] = {"backoffLimit": 0, "template": template}
    kubectl(control_plane, "create", "namespace", namespace)
    kubectl(control_plane, "apply", "-n", namespace, "-f", "-", stdin=json.dumps(job))
    kubectl(control_plane, "wait", "-n", namespace, "job/job", f"--for=condition={condition}", "--timeout=30s")


def test_a_namespace_goes_with_all_that_is_in_it(control_plane: Any) -> None:
    kubectl(control_plane, "create", "namespace", "gone")
    kubectl(control_plane, "apply", "-n", "gone", "-f", "-", stdin=workload("web"))
    kubectl(control_plane, "rollout", "status", "-n", "gone", "deployment/web", "--timeout=30s")
    kubectl(control_plane, "delete", "namespace", "gone", "--timeout=60s")
    assert kubectl(control_plane, "get", "pods", "-n", "gone", "-o", "name") == ""
