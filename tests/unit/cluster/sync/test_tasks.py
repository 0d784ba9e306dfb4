from __future__ import annotations

import pytest
from tests.unit.cluster.sync.playing import FakeLive, application, manifest_of, obj, target

from plat.api import OperationState, Ref, TaskResult, ref_of
from plat.cluster.comparison.compare import Compared, Status
from plat.cluster.sync.tasks import Hook, hook_refs, make_tasks, pruned, recall, results_of, with_finalizer

OPERATION = OperationState(phase="Running", started_at="2026-01-01T12:00:00Z", revisions=("0123456789abcdef",))


def compared(wanted=None, live=None, status: Status = "OutOfSync") -> Compared:
    manifest = wanted or live
    found = FakeLive(ref_of(live), "u", "1", False, live) if live else None
    return Compared(ref_of(manifest), "v1", status, target(wanted) if wanted else None, found)


def shown(tasks) -> list[tuple]:
    return sorted((t.phase.value, t.wave, t.ref.name, "prune" if t.prunes else "apply", t.hook) for t in tasks)


def made(items=(), wanted=(), *, options=(), **operation):
    state = OperationState(**{**vars(OPERATION), **operation})
    return make_tasks(application(*options), state, items, [Hook(target(h), None) for h in wanted])


def test_ordinary_objects_are_applied_and_live_ones_without_a_target_pruned():
    items = [compared(obj("ConfigMap", "a", wave="2")), compared(None, obj("ConfigMap", "b", wave="3"))]
    assert shown(made(items)) == [("Sync", 2, "a", "apply", False), ("Sync", 3, "b", "prune", False)]


@pytest.mark.parametrize("annotation", ["PreSync", "Skip", "garbage"])
def test_live_hooks_and_skipped_objects_are_never_pruned(annotation):
    assert made([compared(None, obj("Job", "h", hook=annotation))]) == ()


def test_a_hook_has_one_task_for_each_phase():
    assert shown(made(wanted=[obj("Job", "h", hook="PostSync,PreSync,PreDelete", wave="1")])) == [
        ("PostSync", 1, "h", "apply", True),
        ("PreSync", 1, "h", "apply", True),
    ]


@pytest.mark.parametrize("annotation", ["PreDelete", "PostDelete", "garbage", "Skip"])
def test_hooks_of_no_sync_phase_have_no_task(annotation):
    assert made(wanted=[obj("Job", "h", hook=annotation)]) == ()


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, {"a", "b", "h"}),
        ({"hooks": False}, {"a", "b"}),
        ({"resources": (Ref(kind="ConfigMap", namespace="prod", name="a"),)}, {"a"}),
        ({"resources": (Ref(kind="ConfigMap", name="b"),)}, {"b"}),
        ({"resources": (Ref(kind="ConfigMap", namespace="dev", name="a"),)}, set()),
        ({"resources": (Ref(group="apps", kind="ConfigMap", name="a"),)}, set()),
    ],
)
def test_selective_syncs_and_the_strategy_apply(given, names):
    items = [compared(obj("ConfigMap", "a")), compared(None, obj("ConfigMap", "b"))]
    assert {t.ref.name for t in made(items, [obj("Job", "h", hook="Sync")], **given)} == names


@pytest.mark.parametrize(
    ("annotation", "options", "last"),
    [
        ("", (), False),
        ("PruneLast=true", (), True),
        ("", ("PruneLast=true",), True),
        ("PruneLast=false", ("PruneLast=true",), False),
    ],
)
def test_prune_last(annotation, options, last):
    old = obj("ConfigMap", "old", options=annotation) if annotation else obj("ConfigMap", "old")
    (task,) = made([compared(None, old)], options=options)
    assert task.prune_last is last


@pytest.mark.parametrize(
    ("revision", "name"),
    [
        ("0123456789abcdef", "Migrate-0123456-postsync-1767268800"),
        ("v1.2.3", "Migrate-v1.2.3-postsync-1767268800"),
        ("V1.2.3-Rc1", "Migrate-v1.2.3--postsync-1767268800"),
    ],
)
def test_hooks_with_only_a_generated_name(revision, name):
    hook = target(obj("Job", "", generate="Migrate-", hook="PostSync"))
    operation = OperationState(**{**vars(OPERATION), "revisions": (revision,)})
    assert [ref.name for ref in hook_refs(hook, operation)] == [name]
    (task,) = make_tasks(application(), operation, [], [Hook(hook, None)])
    assert task.ref.name == name
    assert "generateName" not in manifest_of(task)["metadata"]
    assert manifest_of(task)["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"].endswith(
        f"batch/Job:prod/{name}"
    )


def test_the_finalizer_is_added_once():
    once = with_finalizer(target(obj("Job", "h")))
    assert once.manifest["metadata"]["finalizers"] == ["argocd.argoproj.io/hook-finalizer"]
    assert with_finalizer(once).manifest == once.manifest
    assert once.digest != target(obj("Job", "h")).digest


def test_results_are_recalled_by_object_and_phase():
    before = TaskResult(
        ref=ref_of(obj("Job", "h")), version="v1", status="Synced", phase="PreSync", hook_phase="Running", message="m"
    )
    tasks = recall(made(wanted=[obj("Job", "h", hook="PreSync,PostSync")]), [before])
    assert {t.phase.value: (t.status, t.state, t.message) for t in tasks} == {
        "PreSync": ("Synced", "Running", "m"),
        "PostSync": ("", "", ""),
    }


def test_results_of_objects_that_are_gone_stay_and_what_was_being_deleted_counts_as_pruned():
    (old,) = made([compared(None, obj("ConfigMap", "old"))])
    before = results_of([], [], pruning=[old])
    assert [(r.status, r.hook_phase, r.message) for r in before] == [("", "", "deleting")]
    assert pruned(before, [old]) == before
    after = pruned(before, [])
    assert [(r.status, r.hook_phase, r.message) for r in after] == [("Pruned", "Succeeded", "pruned")]
    assert results_of([], after) == after
