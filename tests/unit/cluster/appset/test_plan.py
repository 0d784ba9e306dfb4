from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plat.api import ApplicationSet
from plat.cluster.appset import Generated, Problem, Verb, owner_reference, plan, plan_removal

FINALIZER = "resources-finalizer.argocd.argoproj.io"


def a_set(**fields: Any) -> ApplicationSet:
    return ApplicationSet(name="s", namespace="argocd", generators=(), template={}, **fields)


def app(name: str, *, owner: str = "s", spec: Any = None, **metadata: Any) -> dict[str, Any]:
    owners = [{**owner_reference(a_set()), "name": owner}] if owner else []
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": "argocd", "ownerReferences": owners, **metadata},
        "spec": {"project": "default"} if spec is None else spec,
    }


def steps(result: Any) -> list[tuple[str, str]]:
    return [(step.verb.value, step.name) for step in result.steps]


CHANGED = {"project": "other"}


def test_creations_and_updates_in_order_of_name_then_deletions() -> None:
    existing = [app("z-old"), app("c"), app("a", spec=CHANGED), app("b-old")]
    wanted = Generated((app("a"), app("b"), app("c"), app("d")))
    assert steps(plan(a_set(), existing, wanted)) == [
        ("update", "a"),
        ("create", "b"),
        ("create", "d"),
        ("delete", "b-old"),
        ("delete", "z-old"),
    ]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("sync", {"create", "update", "delete"}),
        ("create-only", {"create"}),
        ("create-update", {"create", "update"}),
        ("create-delete", {"create", "delete"}),
    ],
)
def test_policies(policy: Any, expected: set[str]) -> None:
    existing = [app("old"), app("a", spec=CHANGED)]
    result = plan(a_set(policy=policy), existing, Generated((app("a"), app("new"))))
    assert {step.verb.value for step in result.steps} == expected


def test_an_application_with_a_problem_is_kept() -> None:
    problem = Problem("kept", "no cluster 'x'")
    result = plan(a_set(), [app("kept"), app("old")], Generated((), (problem,)))
    assert steps(result) == [("delete", "old")]
    assert result.problems == (problem,)


def test_nothing_is_deleted_while_a_result_has_no_name() -> None:
    problem = Problem("", "the template gives no name")
    result = plan(a_set(), [app("old"), app("a", spec=CHANGED)], Generated((app("a"),), (problem,)))
    assert steps(result) == [("update", "a")]


def test_an_application_of_another_set_is_left_alone_and_reported() -> None:
    result = plan(a_set(), [app("a", owner="other", spec=CHANGED), app("b", owner="other")], Generated((app("a"),)))
    assert result.steps == ()
    assert result.problems == (Problem("a", "belongs to ApplicationSet other"),)


def test_an_application_without_owner_is_taken_over_but_never_deleted() -> None:
    result = plan(a_set(), [app("a", owner=""), app("hand-made", owner="")], Generated((app("a"),)))
    (step,) = result.steps
    assert step.verb is Verb.UPDATE
    assert step.after is not None
    assert step.after["metadata"]["ownerReferences"][0]["name"] == "s"


def test_what_others_keep_on_an_application_stays() -> None:
    before = app(
        "a",
        labels={"mine": "old", "theirs": "x", "dropped": "x"},
        annotations={
            "notified.notifications.argoproj.io": "{}",
            "argocd.argoproj.io/refresh": "normal",
            "argocd.argoproj.io/hydrate": "normal",
            "kept.example/a": "x",
            "dropped": "x",
        },
        finalizers=["pre-delete-finalizer.argocd.argoproj.io", "post-delete-finalizer.argocd.argoproj.io/cleanup", "x"],
        uid="app-uid",
        resourceVersion="7",
    )
    before |= {"status": {"sync": {"status": "Synced"}}, "operation": {"sync": {}}}
    wanted = app("a", labels={"mine": "new"}, annotations={"new": "y"}, finalizers=[FINALIZER], spec=CHANGED)
    applications = a_set(preserved_annotations=("kept.example/a",), preserved_labels=("theirs",))
    (step,) = plan(applications, [before], Generated((wanted,))).steps
    after = step.after
    assert after is not None
    assert after["metadata"]["labels"] == {"mine": "new", "theirs": "x"}
    assert after["metadata"]["annotations"] == {
        "new": "y",
        "notified.notifications.argoproj.io": "{}",
        "argocd.argoproj.io/refresh": "normal",
        "argocd.argoproj.io/hydrate": "normal",
        "kept.example/a": "x",
    }
    assert after["metadata"]["finalizers"] == [
        FINALIZER,
        "pre-delete-finalizer.argocd.argoproj.io",
        "post-delete-finalizer.argocd.argoproj.io/cleanup",
    ]
    assert (after["metadata"]["uid"], after["metadata"]["resourceVersion"]) == ("app-uid", "7")
    assert (after["spec"], after["status"], after["operation"]) == (CHANGED, before["status"], before["operation"])


@pytest.mark.parametrize(
    "kept",
    [
        {"annotations": {"argocd.argoproj.io/refresh": "hard"}},
        {"annotations": {}, "labels": {}},
        {"finalizers": ["post-delete-finalizer.argocd.argoproj.io"]},
        {"uid": "u", "resourceVersion": "3", "generation": 4},
        {"ownerReferences": [{**owner_reference(a_set()), "uid": "set-uid"}]},
    ],
)
def test_what_others_keep_is_no_difference(kept: Any) -> None:
    assert plan(a_set(), [app("a", **kept)], Generated((app("a"),))).steps == ()


@pytest.mark.parametrize(
    ("finalizers", "gone", "expected"),
    [
        ([FINALIZER], True, True),
        ([f"{FINALIZER}/background"], True, True),
        ([FINALIZER], False, False),
        ([], True, False),
    ],
)
def test_an_application_whose_cluster_is_gone_loses_its_finalizer_first(finalizers, gone, expected) -> None:
    (step,) = plan(a_set(), [app("a", finalizers=finalizers)], Generated(()), cluster_gone=lambda _: gone).steps
    assert (step.verb, step.drop_finalizer) == (Verb.DELETE, expected)


@pytest.mark.parametrize("policy", ["sync", "create-delete"])
def test_a_deleted_set_takes_its_applications_along(policy: Any) -> None:
    assert steps(plan_removal(a_set(policy=policy), [app("b"), app("a"), app("c", owner="other")])) == [
        ("delete", "a"),
        ("delete", "b"),
    ]


@pytest.mark.parametrize("policy", ["create-only", "create-update"])
def test_a_deleted_set_without_deletion_only_lets_go(policy: Any) -> None:
    other = {"kind": "Team", "name": "t"}
    mine = owner_reference(a_set())
    (step,) = plan_removal(a_set(policy=policy), [app("a", ownerReferences=[other, mine])]).steps
    assert step.verb is Verb.UPDATE
    assert step.after is not None
    assert step.after["metadata"]["ownerReferences"] == [other]


SPECS = st.fixed_dictionaries({"project": st.sampled_from(["x", "y"])})


@given(have=st.dictionaries(st.sampled_from("abcdef"), SPECS), want=st.dictionaries(st.sampled_from("abcdef"), SPECS))
def test_carried_out_a_plan_leaves_nothing_to_do(have: dict[str, Any], want: dict[str, Any]) -> None:
    world = {name: app(name, spec=spec) for name, spec in have.items()}
    wanted = Generated(tuple(app(name, spec=spec) for name, spec in sorted(want.items())))
    for step in plan(a_set(), list(world.values()), wanted).steps:
        if step.after is None:
            del world[step.name]
        else:
            world[step.name] = dict(step.after)
    assert {name: manifest["spec"] for name, manifest in world.items()} == want
    assert plan(a_set(), list(world.values()), wanted).steps == ()
