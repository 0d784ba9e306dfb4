from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plat.api import (
    ApplicationState,
    Condition,
    Health,
    HealthStatus,
    HistoryItem,
    OperationState,
    Ref,
    ResourceState,
    TaskResult,
)
from plat_argocd.application import ArgoApplication

SOURCE = {"repoURL": "https://git.example/shop", "path": "web", "targetRevision": "main"}
DESTINATION = {"server": "https://kubernetes.default.svc", "namespace": "web"}
IGNORE = [{"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}]
T0, T1, T2 = "2026-11-25T10:00:00Z", "2026-11-25T10:00:05Z", "2026-11-25T10:00:09Z"
WEB = Ref(group="apps", kind="Deployment", namespace="web", name="web")
HEALTHY = Health(HealthStatus.HEALTHY)


def manifest(status: Any = None, **spec: Any) -> dict[str, Any]:
    base = {"source": SOURCE, "destination": DESTINATION, **spec}
    given = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "web"}, "spec": base}
    return given | ({} if status is None else {"status": status})


STATE = ApplicationState(
    sync="OutOfSync",
    health=Health(HealthStatus.PROGRESSING, "waiting"),
    health_since=T1,
    revisions=("abc",),
    resources=(
        ResourceState(ref=WEB, version="v1", sync="Synced", health=HEALTHY, wave=-1),
        ResourceState(ref=Ref(kind="Namespace", name="web"), version="v1", sync="OutOfSync", prune=True),
        ResourceState(
            ref=Ref(group="batch", kind="Job", namespace="web", name="migrate"),
            version="v1",
            health=Health(HealthStatus.DEGRADED, "failed"),
            hook=True,
            prune_confirmation=True,
        ),
    ),
    operation=OperationState(
        phase="Failed",
        message="one or more objects failed to apply",
        started_at=T0,
        finished_at=T2,
        retry_count=2,
        revisions=("abc",),
        automated=True,
        options=frozenset({"PruneLast=true", "CreateNamespace=true"}),
        prune=True,
        resources=(WEB,),
        results=(
            TaskResult(
                ref=WEB, version="v1", status="SyncFailed", message="denied", phase="Sync", images=("web:1", "side:2")
            ),
            TaskResult(
                ref=Ref(group="batch", kind="Job", namespace="web", name="migrate"),
                version="v1",
                phase="PreSync",
                hook_type="PreSync",
                hook_phase="Succeeded",
            ),
        ),
    ),
    history=(HistoryItem(id=3, revisions=("aaa",), deploy_started_at=T0, deployed_at=T1, by="ann"),),
    conditions=(Condition(type="ComparisonError", message="no such path", last_transition_time=T0),),
    images=("side:2", "web:1"),
    source_types=("kustomize",),
    reconciled_at=T2,
)


OPERATION = {
    "operation": {
        "sync": {
            "revision": "abc",
            "prune": True,
            "syncOptions": ["CreateNamespace=true", "PruneLast=true"],
            "resources": [{"group": "apps", "kind": "Deployment", "namespace": "web", "name": "web"}],
        },
        "initiatedBy": {"automated": True},
    },
    "phase": "Failed",
    "message": "one or more objects failed to apply",
    "startedAt": T0,
    "finishedAt": T2,
    "retryCount": 2,
    "syncResult": {
        "revision": "abc",
        "source": SOURCE,
        "resources": [
            {
                "group": "apps",
                "version": "v1",
                "kind": "Deployment",
                "namespace": "web",
                "name": "web",
                "status": "SyncFailed",
                "message": "denied",
                "syncPhase": "Sync",
                "images": ["web:1", "side:2"],
            },
            {
                "group": "batch",
                "version": "v1",
                "kind": "Job",
                "namespace": "web",
                "name": "migrate",
                "hookType": "PreSync",
                "hookPhase": "Succeeded",
                "syncPhase": "PreSync",
            },
        ],
    },
}


def test_upstreams_exact_shape() -> None:
    status = ArgoApplication().write(manifest(ignoreDifferences=IGNORE), STATE).status
    assert status == {
        "sync": {
            "status": "OutOfSync",
            "revision": "abc",
            "comparedTo": {"source": SOURCE, "destination": DESTINATION, "ignoreDifferences": IGNORE},
        },
        "health": {"status": "Progressing", "message": "waiting", "lastTransitionTime": T1},
        "operationState": OPERATION,
        "resources": [
            {
                "group": "apps",
                "version": "v1",
                "kind": "Deployment",
                "namespace": "web",
                "name": "web",
                "status": "Synced",
                "health": {"status": "Healthy"},
                "syncWave": -1,
            },
            {"version": "v1", "kind": "Namespace", "name": "web", "status": "OutOfSync", "requiresPruning": True},
            {
                "group": "batch",
                "version": "v1",
                "kind": "Job",
                "namespace": "web",
                "name": "migrate",
                "health": {"status": "Degraded", "message": "failed"},
                "hook": True,
                "requiresDeletionConfirmation": True,
            },
        ],
        "history": [
            {
                "id": 3,
                "revision": "aaa",
                "source": SOURCE,
                "deployStartedAt": T0,
                "deployedAt": T1,
                "initiatedBy": {"username": "ann"},
            }
        ],
        "conditions": [{"type": "ComparisonError", "message": "no such path", "lastTransitionTime": T0}],
        "summary": {"images": ["side:2", "web:1"]},
        "sourceType": "Kustomize",
        "sourceTypes": None,
        "reconciledAt": T2,
        "controllerNamespace": "argocd",
        "resourceHealthSource": None,
    }


def test_it_is_plain_json() -> None:
    status = ArgoApplication().write(manifest(), STATE).status
    assert json.loads(json.dumps(status)) == status


def test_several_sources() -> None:
    state = replace(STATE, revisions=("abc", "def"), source_types=("helm", "directory"))
    status = ArgoApplication().write(manifest(sources=[SOURCE, {"repoURL": "v", "ref": "values"}]), state).status
    assert status["sync"]["revisions"] == ["abc", "def"]
    assert "revision" not in status["sync"]
    assert len(status["sync"]["comparedTo"]["sources"]) == 2
    assert (status["sourceType"], status["sourceTypes"]) == (None, ["Helm", "Directory"])


def test_what_is_over_is_removed() -> None:
    status = ArgoApplication().write(manifest(), ApplicationState(sync="Synced", health=HEALTHY)).status
    removed = {name for name, value in status.items() if value is None}
    assert removed >= {"operationState", "resources", "history", "conditions", "reconciledAt", "sourceTypes"}


@pytest.mark.parametrize(
    ("count", "kept"),
    [
        (400, {"health", "resources"}),
        (6_000, {"resources"}),
        (20_000, set()),
    ],
)
def test_a_large_status_drops_detail_and_says_so(count: int, kept: set[str]) -> None:
    health = Health(HealthStatus.PROGRESSING, "m" * 60)
    resources = tuple(
        ResourceState(ref=replace(WEB, name=f"web-{index}"), version="v1", sync="Synced", health=health)
        for index in range(count)
    )
    status = ArgoApplication().write(manifest(), replace(STATE, resources=resources)).status
    assert len(json.dumps(status)) < 1_000_000
    assert bool(status["resources"]) == ("resources" in kept)
    assert ("health" in (status["resources"] or [{}])[0]) == ("health" in kept)
    conditions = [condition["type"] for condition in status["conditions"]]
    assert conditions == ["ComparisonError"] + ([] if "health" in kept else ["UnknownError"])


def test_a_state_comes_back() -> None:
    dialect = ArgoApplication()
    written = manifest(status=dict(dialect.write(manifest(), STATE).status))
    assert dialect.restore(written) == STATE


@pytest.mark.parametrize("status", [None, {}, {"conditions": []}, "text", {"sync": {}}, {"operationState": {}}])
def test_without_a_status_there_is_no_state(status: Any) -> None:
    assert ArgoApplication().restore(manifest(status=status)) is None


def test_a_status_by_argo_cd_itself_is_read() -> None:
    status = {
        "sync": {"status": "Synced", "revision": "abc", "comparedTo": {"source": SOURCE, "destination": DESTINATION}},
        "health": {"status": "Healthy", "lastTransitionTime": T0},
        "operationState": {
            "operation": {"initiatedBy": {"username": "admin"}, "retry": {}, "sync": {"syncStrategy": {"hook": {}}}},
            "phase": "Succeeded",
            "message": "successfully synced (all tasks run)",
            "startedAt": T0,
            "finishedAt": T1,
            "syncResult": {"revision": "abc", "source": SOURCE, "resources": [{"kind": "Service", "name": "web"}]},
        },
        "resourceHealthSource": "appTree",
        "sourceHydrator": {},
        "summary": {},
    }
    state = ArgoApplication().restore(manifest(status=status))
    assert state is not None
    assert (state.sync, state.health, state.health_since, state.revisions) == ("Synced", HEALTHY, T0, ("abc",))
    assert state.operation is not None
    assert (state.operation.by, state.operation.revisions, state.operation.finished_at) == ("admin", ("abc",), T1)
    assert [task.ref.kind for task in state.operation.results] == ["Service"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PARTS = st.dictionaries(
    st.sampled_from(["sync", "health", "operationState", "resources", "history", "conditions", "summary"]), JSON
)


@given(PARTS)
def test_no_status_is_too_strange_to_be_read(status: Any) -> None:
    ArgoApplication().restore(manifest(status={"sync": {"status": "Synced"}} | status))


NAMES = st.text(alphabet="abc-", min_size=1, max_size=6)
REFS = st.builds(Ref, group=st.sampled_from(["", "apps"]), kind=NAMES, namespace=NAMES | st.just(""), name=NAMES)
HEALTHS = st.builds(Health, st.sampled_from(list(HealthStatus)), NAMES | st.just(""))
STATES = st.builds(
    ApplicationState,
    sync=st.sampled_from(["Synced", "OutOfSync", "Unknown"]),
    health=HEALTHS,
    revisions=st.lists(NAMES, max_size=1).map(tuple),
    resources=st.lists(
        st.builds(
            ResourceState,
            ref=REFS,
            version=NAMES,
            sync=st.sampled_from(["Synced", "OutOfSync", "Unknown", ""]),
            health=st.none() | HEALTHS,
            prune=st.booleans(),
            hook=st.booleans(),
            wave=st.integers(-5, 5),
        ),
        max_size=3,
    ).map(tuple),
    operation=st.none()
    | st.builds(
        OperationState,
        phase=st.sampled_from(["Running", "Terminating", "Succeeded", "Failed", "Error"]),
        started_at=NAMES,
        retry_count=st.integers(0, 3),
        revisions=st.lists(NAMES, max_size=1).map(tuple),
        automated=st.booleans(),
        by=NAMES | st.just(""),
        options=st.frozensets(NAMES),
        prune=st.booleans(),
        dry_run=st.booleans(),
    ),
)


@given(STATES)
def test_every_state_comes_back(state: ApplicationState) -> None:
    dialect = ArgoApplication()
    written = dict(dialect.write(manifest(), state).status)
    assert dialect.restore(manifest(status=written)) == state


@pytest.mark.parametrize(
    ("fields", "written"),
    [
        ({}, {}),
        ({"hooks": False}, {"syncStrategy": {"apply": {}}}),
        ({"force": True}, {"syncStrategy": {"hook": {"force": True}}}),
        ({"hooks": False, "force": True}, {"syncStrategy": {"apply": {"force": True}}}),
        ({"heals": 3}, {"autoHealAttemptsCount": 3}),
    ],
)
def test_how_an_operation_applies_and_how_often_it_healed_survives(fields, written):
    dialect, operation = ArgoApplication(), OperationState(phase="Running", started_at=T0, **fields)
    state = ApplicationState(sync="OutOfSync", health=Health(HealthStatus.HEALTHY), operation=operation)
    status = dialect.write(manifest(), state).status
    sync = status["operationState"]["operation"]["sync"]
    assert {name: sync[name] for name in ("syncStrategy", "autoHealAttemptsCount") if name in sync} == written
    assert dialect.restore(manifest(status=status)).operation == operation
