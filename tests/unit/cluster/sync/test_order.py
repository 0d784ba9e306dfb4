from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.cluster.sync.playing import FakeLive, definition, manifest_of, obj, target

from plat.api import ref_of
from plat.cluster.sync.annotations import SYNC_PHASES, Phase, role_of, wave_of
from plat.cluster.sync.order import in_order
from plat.cluster.sync.tasks import Task


def task(manifest, *, prune: bool = False, last: bool = False) -> Task:
    wanted = target(manifest)
    phases = role_of(manifest).phases
    live = FakeLive(wanted.ref, "u", "1", False, manifest) if prune else None
    phase = phases[0] if phases else Phase.SYNC
    return Task(
        phase, wave_of(manifest), wanted.ref, None if prune else wanted, live, hook=bool(phases), prune_last=last
    )


def shown(tasks) -> list[str]:
    return [f"{t.phase}/{t.wave} {t.ref.kind} {t.ref.name}" for t in in_order(tasks)]


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        # the table of the spec
        (
            [
                task(obj("Deployment", "b")),
                task(obj("Service", "z")),
                task(obj("Ingress", "a", wave="-1")),
                task(obj("Job", "m", hook="PreSync", wave="5")),
            ],
            ["PreSync/5 Job m", "Sync/-1 Ingress a", "Sync/0 Service z", "Sync/0 Deployment b"],
        ),
        (
            [task(definition("widgets", wave="2")), task(obj("Widget", "w")), task(obj("ConfigMap", "c"))],
            ["Sync/0 ConfigMap c", "Sync/0 CustomResourceDefinition widgets", "Sync/0 Widget w"],
        ),
        (
            [task(obj("ConfigMap", "A"), prune=True), task(obj("ConfigMap", "B", wave="3"), prune=True)],
            ["Sync/0 ConfigMap B", "Sync/3 ConfigMap A"],
        ),
        (
            [task(obj("ConfigMap", "P", wave="1"), prune=True, last=True), task(obj("ConfigMap", "X", wave="4"))],
            ["Sync/4 ConfigMap X", "Sync/5 ConfigMap P"],
        ),
        # an odd number of waves: the middle one stays; equal waves stay together
        (
            [
                task(obj("ConfigMap", n, wave=w), prune=True)
                for n, w in (("a", "1"), ("b", "2"), ("c", "7"), ("d", "7"))
            ],
            ["Sync/1 ConfigMap c", "Sync/1 ConfigMap d", "Sync/2 ConfigMap b", "Sync/7 ConfigMap a"],
        ),
        (
            [
                task(obj("ConfigMap", n, wave=w), prune=True)
                for n, w in (("a", "-2"), ("b", "0"), ("c", "3"), ("d", "9"))
            ],
            ["Sync/-2 ConfigMap d", "Sync/0 ConfigMap c", "Sync/3 ConfigMap b", "Sync/9 ConfigMap a"],
        ),
        # what is applied keeps its wave
        (
            [
                task(obj("ConfigMap", "a", wave="1")),
                task(obj("ConfigMap", "p", wave="1"), prune=True),
                task(obj("ConfigMap", "q", wave="5"), prune=True),
            ],
            ["Sync/1 ConfigMap a", "Sync/1 ConfigMap q", "Sync/5 ConfigMap p"],
        ),
        # last counts from 0, and prunes count for it after the swap
        ([task(obj("ConfigMap", "p", wave="-7"), prune=True, last=True)], ["Sync/1 ConfigMap p"]),
        (
            [
                task(obj("ConfigMap", "p", wave="1"), prune=True, last=True),
                task(obj("ConfigMap", "q", wave="9"), prune=True),
            ],
            ["Sync/1 ConfigMap q", "Sync/10 ConfigMap p"],
        ),
        # hooks of other phases do not move the last wave
        (
            [task(obj("ConfigMap", "p"), prune=True, last=True), task(obj("Job", "j", hook="PostSync", wave="8"))],
            ["Sync/1 ConfigMap p", "PostSync/8 Job j"],
        ),
        # phases
        (
            [task(obj("Job", p, hook=p)) for p in ("SyncFail", "PostSync", "Sync", "PreSync")],
            ["PreSync/0 Job PreSync", "Sync/0 Job Sync", "PostSync/0 Job PostSync", "SyncFail/0 Job SyncFail"],
        ),
        # a namespace moves to what lives in it, even into another phase
        (
            [
                task(obj("Namespace", "prod", wave="3")),
                task(obj("Job", "j", hook="PreSync", wave="-1")),
                task(obj("ConfigMap", "c")),
            ],
            ["PreSync/-1 Namespace prod", "PreSync/-1 Job j", "Sync/0 ConfigMap c"],
        ),
        (
            [task(obj("Namespace", "prod", wave="-1")), task(obj("ConfigMap", "c"))],
            ["Sync/-1 Namespace prod", "Sync/0 ConfigMap c"],
        ),
        (
            [task(obj("Namespace", "other", wave="3")), task(obj("ConfigMap", "c"))],
            ["Sync/0 ConfigMap c", "Sync/3 Namespace other"],
        ),
        (
            [task(obj("Namespace", "prod", wave="3")), task(obj("ConfigMap", "c"), prune=True)],
            ["Sync/0 ConfigMap c", "Sync/3 Namespace prod"],
        ),
        (
            [task(obj("Namespace", "prod", wave="3"), prune=True), task(obj("ConfigMap", "c"))],
            ["Sync/0 ConfigMap c", "Sync/3 Namespace prod"],
        ),
        # first the namespace, then the definition
        (
            [
                task(definition("widgets", wave="2")),
                task(obj("Namespace", "prod", wave="4")),
                task(obj("Widget", "w", wave="1")),
                task(obj("Widget", "v", wave="2")),
            ],
            ["Sync/1 Namespace prod", "Sync/1 CustomResourceDefinition widgets", "Sync/1 Widget w", "Sync/2 Widget v"],
        ),
        # definitions of one kind keep their order; one that is malformed stays
        (
            [
                task(definition("b", wave="5")),
                task(definition("a", wave="5")),
                task(obj("Widget", "w")),
                task(obj("CustomResourceDefinition", "bad", wave="9")),
            ],
            [
                "Sync/0 CustomResourceDefinition a",
                "Sync/0 CustomResourceDefinition b",
                "Sync/0 Widget w",
                "Sync/9 CustomResourceDefinition bad",
            ],
        ),
        ([], []),
    ],
)
def test_the_order_of_tasks(tasks, expected):
    assert shown(tasks) == expected
    assert shown(reversed(tasks)) == expected


def test_kinds_within_a_wave():
    kinds = [
        "Namespace",
        "ResourceQuota",
        "ServiceAccount",
        "Secret",
        "ConfigMap",
        "StorageClass",
        "PersistentVolumeClaim",
        "CustomResourceDefinition",
        "ClusterRole",
        "Role",
        "Service",
        "DaemonSet",
        "Pod",
        "ReplicaSet",
        "Deployment",
        "StatefulSet",
        "Job",
        "CronJob",
        "Ingress",
        "APIService",
    ]
    tasks = [task(obj(kind, "x")) for kind in [*reversed(kinds), "Aardvark", "Zebra"]]
    ordered = [t.ref.kind for t in in_order(tasks)]
    assert ordered[:-2] == kinds
    assert set(ordered[-2:]) == {"Aardvark", "Zebra"}


MANIFESTS = st.builds(
    lambda kind, name, wave, hook, namespace: obj(
        kind, name, namespace=namespace, wave=str(wave), **({"hook": hook} if hook else {})
    ),
    st.sampled_from(["Namespace", "ConfigMap", "Service", "Widget", "Deployment"]),
    st.sampled_from(["prod", "dev", "a", "b", "c"]),
    st.integers(-3, 3),
    st.sampled_from(["", "", "PreSync", "PostSync"]),
    st.sampled_from(["prod", "dev"]),
)
TASKS = st.lists(
    st.builds(task, MANIFESTS, prune=st.booleans(), last=st.booleans()),
    max_size=12,
    unique_by=lambda t: (t.phase, t.ref),
)


@given(TASKS, st.randoms())
def test_it_is_a_permutation_that_does_not_depend_on_how_tasks_come(tasks, random):
    ordered = in_order(tasks)
    assert sorted(str(t.ref) for t in ordered) == sorted(str(t.ref) for t in tasks)
    shuffled = list(tasks)
    random.shuffle(shuffled)
    assert in_order(shuffled) == ordered


@given(TASKS)
def test_phases_and_waves_never_go_back(tasks):
    keys = [(SYNC_PHASES.index(t.phase), t.wave) for t in in_order(tasks)]
    assert keys == sorted(keys)


@given(TASKS)
def test_nothing_lives_in_a_namespace_that_comes_later(tasks):
    ordered = in_order(tasks)
    made = {
        t.ref.name: i
        for i, t in reversed(list(enumerate(ordered)))
        if t.ref.kind == "Namespace" and not t.prunes and t.target
    }
    for index, each in enumerate(ordered):
        if each.target and each.ref.namespace in made and each.ref.kind != "Namespace":
            assert made[each.ref.namespace] < index


def test_many_definitions_are_ordered_quickly():
    tasks = [task(definition(f"d{n}", kind=f"K{n}", wave="1")) for n in range(1500)]
    tasks += [task({**obj("Widget", "w"), "apiVersion": "example.com/v1", "kind": f"K{n}"}) for n in range(1500)]
    began = time.perf_counter()
    ordered = in_order(tasks)
    assert time.perf_counter() - began < 2
    assert ordered[0].ref.kind == "CustomResourceDefinition"
    assert ref_of(manifest_of(ordered[1])).kind.startswith("K")
