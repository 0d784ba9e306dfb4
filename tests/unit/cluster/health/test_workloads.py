from __future__ import annotations

import pytest

from plat.api import HealthStatus
from plat.cluster.health.builtin import RULES

CHECKS = {rule.kind: rule() for rule in RULES}


def judged(kind: str, **fields) -> tuple[str, str]:
    """The verdict of the built-in rule on an object of a kind, such as `apps/v1/Deployment`."""
    version, _, name = kind.rpartition("/")
    metadata = {"name": "x", "generation": 1, **fields.pop("metadata", {})}
    group = version.rpartition("/")[0]
    check = CHECKS[f"{group}/{name}" if group else name]
    health = check.check({"apiVersion": version, "kind": name, "metadata": metadata, **fields})
    assert health is not None
    return health.status.value, health.because


def condition(kind: str, status: str = "True", reason: str = "", message: str = "") -> dict:
    return {"type": kind, "status": status, "reason": reason, "message": message}


SEEN = {"observedGeneration": 1}


@pytest.mark.parametrize(
    ("spec", "status", "expected", "because"),
    [
        ({"replicas": 1}, {"updatedReplicas": 1, "replicas": 1, "availableReplicas": 1}, "Healthy", ""),
        ({"replicas": 0}, {}, "Healthy", ""),
        ({}, {}, "Healthy", ""),
        ({"replicas": 1, "paused": True}, {"updatedReplicas": 0}, "Suspended", "Deployment is paused"),
        (
            {"replicas": 3},
            {"updatedReplicas": 1, "replicas": 4},
            "Progressing",
            "Waiting for rollout to finish: 1 out of 3 new replicas have been updated...",
        ),
        (
            {"replicas": 2},
            {"updatedReplicas": 2, "replicas": 3, "availableReplicas": 2},
            "Progressing",
            "Waiting for rollout to finish: 1 old replicas are pending termination...",
        ),
        (
            {"replicas": 2},
            {"updatedReplicas": 2, "replicas": 2, "availableReplicas": 1},
            "Progressing",
            "Waiting for rollout to finish: 1 of 2 updated replicas are available...",
        ),
        (
            {"replicas": 1},
            {},
            "Progressing",
            "Waiting for rollout to finish: 0 out of 1 new replicas have been updated...",
        ),
        # An unavailable replica that is nobody's wish any more does not matter; nor does a failed quota by itself.
        (
            {"replicas": 1},
            {
                "updatedReplicas": 1,
                "replicas": 1,
                "availableReplicas": 1,
                "conditions": [condition("ReplicaFailure", "True", "FailedCreate")],
            },
            "Healthy",
            "",
        ),
        (
            {"replicas": 1},
            {"conditions": [condition("Progressing", "False", "ProgressDeadlineExceeded")]},
            "Degraded",
            'Deployment "x" exceeded its progress deadline',
        ),
        (
            {"replicas": 1, "paused": True},
            {"conditions": [condition("Progressing", "False", "ProgressDeadlineExceeded")]},
            "Suspended",
            "Deployment is paused",
        ),
    ],
)
def test_deployments(spec, status, expected, because):
    assert judged("apps/v1/Deployment", spec=spec, status={**SEEN, **status}) == (expected, because)


@pytest.mark.parametrize(
    ("kind", "because"),
    [
        (
            "apps/v1/Deployment",
            "Waiting for rollout to finish: observed deployment generation less than desired generation",
        ),
        (
            "apps/v1/DaemonSet",
            "Waiting for rollout to finish: observed daemon set generation less than desired generation",
        ),
        (
            "apps/v1/ReplicaSet",
            "Waiting for rollout to finish: observed replica set generation less than desired generation",
        ),
        ("apps/v1/StatefulSet", "Waiting for statefulset spec update to be observed..."),
    ],
)
def test_what_the_controller_has_not_seen_yet_is_progressing(kind, because):
    failed = [condition("Progressing", "False", "ProgressDeadlineExceeded"), condition("ReplicaFailure")]
    found = judged(
        kind, metadata={"generation": 2}, spec={"replicas": 0}, status={"observedGeneration": 1, "conditions": failed}
    )
    assert found == ("Progressing", because)


def test_a_stateful_set_without_status_is_progressing():
    assert judged("apps/v1/StatefulSet", metadata={"generation": 0}, spec={"replicas": 0})[0] == "Progressing"


ROLLING = {"type": "RollingUpdate"}


@pytest.mark.parametrize(
    ("replicas", "strategy", "status", "expected", "because"),
    [
        (3, ROLLING, {"readyReplicas": 1}, "Progressing", "Waiting for 2 pods to be ready..."),
        (
            3,
            {**ROLLING, "rollingUpdate": {"partition": 1}},
            {"readyReplicas": 3, "updatedReplicas": 1},
            "Progressing",
            "Waiting for partitioned roll out to finish: 1 out of 2 new pods have been updated...",
        ),
        # With a block, revisions are not compared: below the partition they differ for good.
        (
            3,
            {**ROLLING, "rollingUpdate": {"partition": 1}},
            {"readyReplicas": 3, "updatedReplicas": 2, "updateRevision": "b", "currentRevision": "a"},
            "Healthy",
            "partitioned roll out complete: 2 new pods have been updated...",
        ),
        (
            3,
            {**ROLLING, "rollingUpdate": {"partition": 0}},
            {"readyReplicas": 3, "updatedReplicas": 2},
            "Progressing",
            "Waiting for partitioned roll out to finish: 2 out of 3 new pods have been updated...",
        ),
        (
            3,
            {**ROLLING, "rollingUpdate": {"maxUnavailable": 1}},
            {"readyReplicas": 3},
            "Healthy",
            "partitioned roll out complete: 0 new pods have been updated...",
        ),
        (
            3,
            {"type": "OnDelete"},
            {"readyReplicas": 3, "updateRevision": "b", "currentRevision": "a"},
            "Healthy",
            "statefulset has 3 ready pods",
        ),
        (
            3,
            ROLLING,
            {"readyReplicas": 3, "updatedReplicas": 1, "updateRevision": "b", "currentRevision": "a"},
            "Progressing",
            "waiting for statefulset rolling update to complete 1 pods at revision b...",
        ),
        (
            3,
            ROLLING,
            {"readyReplicas": 3, "currentReplicas": 3, "updateRevision": "a", "currentRevision": "a"},
            "Healthy",
            "statefulset rolling update complete 3 pods at revision a...",
        ),
        (None, {}, {}, "Healthy", "statefulset rolling update complete 0 pods at revision ..."),
    ],
)
def test_stateful_sets(replicas, strategy, status, expected, because):
    spec = {"updateStrategy": strategy, **({} if replicas is None else {"replicas": replicas})}
    assert judged("apps/v1/StatefulSet", spec=spec, status={**SEEN, **status}) == (expected, because)


@pytest.mark.parametrize(
    ("strategy", "counts", "expected", "because"),
    [
        ({}, (3, 3, 3), "Healthy", ""),
        (
            {},
            (3, 1, 3),
            "Progressing",
            'Waiting for daemon set "x" rollout to finish: 1 out of 3 new pods have been updated...',
        ),
        (
            ROLLING,
            (3, 3, 2),
            "Progressing",
            'Waiting for daemon set "x" rollout to finish: 2 of 3 updated pods are available...',
        ),
        ({"type": "OnDelete"}, (3, 1, 0), "Healthy", "daemon set 1 out of 3 new pods have been updated"),
        ({}, (0, 0, 0), "Healthy", ""),
    ],
)
def test_daemon_sets(strategy, counts, expected, because):
    keys = ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
    status = {**SEEN, **dict(zip(keys, counts, strict=True))}
    assert judged("apps/v1/DaemonSet", spec={"updateStrategy": strategy}, status=status) == (expected, because)


@pytest.mark.parametrize(
    ("spec", "status", "expected", "because"),
    [
        ({"replicas": 2}, {"availableReplicas": 2}, "Healthy", ""),
        (
            {"replicas": 2},
            {"availableReplicas": 1},
            "Progressing",
            "Waiting for rollout to finish: 1 out of 2 new replicas are available...",
        ),
        ({"replicas": 2}, {"conditions": [condition("ReplicaFailure", message="no quota")]}, "Degraded", "no quota"),
        ({"replicas": 0}, {"conditions": [condition("ReplicaFailure", "False")]}, "Healthy", ""),
        ({}, {}, "Healthy", ""),
    ],
)
def test_replica_sets(spec, status, expected, because):
    assert judged("apps/v1/ReplicaSet", spec=spec, status={**SEEN, **status}) == (expected, because)


def waiting(reason: str, message: str = "") -> dict:
    return {"name": "c", "state": {"waiting": {"reason": reason, "message": message}}}


def ended(code: int = 1, **fields) -> dict:
    return {"name": "c", "state": {"terminated": {"exitCode": code, **fields}}}


CRASHED = {"name": "c", "state": {"running": {}}, "lastState": {"terminated": {"exitCode": 1}}}
READY = {"conditions": [condition("Ready")]}


@pytest.mark.parametrize(
    ("policy", "status", "expected", "because"),
    [
        ("Always", {"phase": "Pending", "message": "m"}, "Progressing", "m"),
        ("Always", {"phase": "Succeeded"}, "Healthy", ""),
        ("Always", {"phase": "Failed", "message": "evicted"}, "Degraded", "evicted"),
        ("Always", {"phase": "Running"}, "Progressing", ""),
        ("Always", {"phase": "Running", **READY, "containerStatuses": [CRASHED]}, "Healthy", ""),
        ("Always", {"phase": "Running", "containerStatuses": [CRASHED]}, "Degraded", ""),
        ("Always", {"phase": "Running", "conditions": [condition("Ready", "False")]}, "Progressing", ""),
        (
            "Always",
            {"phase": "Pending", "containerStatuses": [waiting("ImagePullBackOff", "no such image")]},
            "Degraded",
            "no such image",
        ),
        (
            "Always",
            {
                "phase": "Pending",
                "containerStatuses": [waiting("ErrImagePull", "a"), waiting("RunContainerError", "b")],
            },
            "Degraded",
            "a, b",
        ),
        (
            "Always",
            {"phase": "Running", **READY, "containerStatuses": [waiting("CrashLoopBackOff")]},
            "Degraded",
            "CrashLoopBackOff",
        ),
        ("Always", {"phase": "Pending", "containerStatuses": [waiting("ContainerCreating")]}, "Progressing", ""),
        # Initial containers may fail and be tried again while the Pod is pending.
        ("Always", {"phase": "Pending", "initContainerStatuses": [waiting("CrashLoopBackOff")]}, "Progressing", ""),
        ("Never", {"phase": "Pending", "containerStatuses": [waiting("ImagePullBackOff")]}, "Progressing", ""),
        ("OnFailure", {"phase": "Running", **READY}, "Progressing", ""),
        ("Never", {"phase": "Running", "containerStatuses": [CRASHED]}, "Progressing", ""),
        ("Never", {"phase": "Succeeded"}, "Healthy", ""),
        (
            "Never",
            {"phase": "Failed", "containerStatuses": [ended(message="said so", reason="OOMKilled")]},
            "Degraded",
            "said so",
        ),
        ("Never", {"phase": "Failed", "containerStatuses": [ended(137, reason="OOMKilled")]}, "Degraded", "OOMKilled"),
        (
            "Never",
            {"phase": "Failed", "containerStatuses": [ended(0), ended(3)]},
            "Degraded",
            'container "c" failed with exit code 3',
        ),
        (
            "Never",
            {"phase": "Failed", "initContainerStatuses": [ended(2)], "containerStatuses": [ended(3)]},
            "Degraded",
            'container "c" failed with exit code 2',
        ),
        ("Never", {"phase": "Failed"}, "Degraded", ""),
        ("Always", {"phase": "Unknown", "message": "node lost"}, "Unknown", "node lost"),
        ("Always", {}, "Unknown", ""),
    ],
)
def test_pods(policy, status, expected, because):
    assert judged("v1/Pod", spec={"restartPolicy": policy}, status=status) == (expected, because)


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({"argocd.argoproj.io/ignore-restart-policy": "true"}, "Healthy"),
        ({"argocd.argoproj.io/ignore-restart-policy": "false"}, "Progressing"),
        ({"argocd.argoproj.io/ignore-restart-policy": "true", "argocd.argoproj.io/hook": "PreSync"}, "Progressing"),
        ({"argocd.argoproj.io/ignore-restart-policy": "true", "helm.sh/hook": "pre-install"}, "Progressing"),
        ({"argocd.argoproj.io/ignore-restart-policy": "true", "argocd.argoproj.io/hook": "Skip"}, "Healthy"),
    ],
)
def test_a_pod_may_ask_to_be_judged_as_one_that_runs_for_ever_unless_it_is_a_hook(annotations, expected):
    status = {"phase": "Running", **READY}
    found = judged("v1/Pod", metadata={"annotations": annotations}, spec={"restartPolicy": "Never"}, status=status)
    assert found[0] == expected


@pytest.mark.parametrize(
    ("conditions", "expected", "because"),
    [
        ([], "Progressing", ""),
        ([condition("Failed", message="BackoffLimitExceeded")], "Degraded", "BackoffLimitExceeded"),
        ([condition("Complete", message="done")], "Healthy", "done"),
        ([condition("Suspended", message="paused")], "Suspended", "paused"),
        # Resumed: it runs again, and upstream calls it Healthy (B5).
        ([condition("Suspended", "False", message="resumed")], "Progressing", ""),
        ([condition("Suspended", "False"), condition("Complete")], "Healthy", ""),
        ([condition("Suspended"), condition("Failed", message="late")], "Degraded", "late"),
        ([condition("FailureTarget"), condition("SuccessCriteriaMet")], "Progressing", ""),
    ],
)
def test_jobs(conditions, expected, because):
    assert judged("batch/v1/Job", status={"conditions": conditions}) == (expected, because)


EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


@pytest.mark.parametrize(
    ("spec", "status", "expected", "because"),
    [
        ({}, None, "Progressing", "Waiting for CronJob"),
        ({}, {}, "Healthy", "CronJob has not been scheduled yet"),
        ({}, {"active": [{}]}, "Healthy", "CronJob has not been scheduled yet"),
        (
            {},
            {"lastScheduleTime": LATE},
            "Healthy",
            "The CronJob never completed successfully. It may not be healthy",
        ),
        (
            {},
            {"lastScheduleTime": LATE, "lastSuccessfulTime": EARLY, "active": [{"name": "x-1"}]},
            "Healthy",
            "The job is running. Its last execution may not have been successful",
        ),
        (
            {},
            {"lastScheduleTime": LATE, "lastSuccessfulTime": EARLY},
            "Degraded",
            "CronJob has not completed its last execution successfully",
        ),
        (
            {},
            {"lastScheduleTime": EARLY, "lastSuccessfulTime": LATE},
            "Healthy",
            "CronJob has completed its last execution successfully",
        ),
        ({"suspend": True}, {"lastScheduleTime": LATE, "lastSuccessfulTime": EARLY}, "Healthy", "CronJob is Suspended"),
    ],
)
def test_cron_jobs(spec, status, expected, because):
    fields = {} if status is None else {"status": status}
    assert judged("batch/v1/CronJob", spec=spec, **fields) == (expected, because)


@pytest.mark.parametrize(
    "kind",
    [
        "apps/v1beta1/Deployment",
        "apps/v1beta2/StatefulSet",
        "apps/v1beta1/DaemonSet",
        "apps/v1beta1/ReplicaSet",
        "batch/v2/Job",
        "v2/Pod",
    ],
)
def test_a_version_that_the_rule_does_not_know_is_unknown(kind):
    version, _, name = kind.rpartition("/")
    status, because = judged(kind)
    assert (status, because) == (HealthStatus.UNKNOWN.value, f"unsupported {name} GVK: {version}, Kind={name}")
