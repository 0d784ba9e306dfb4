from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.cluster.sync.playing import World, application, definition, obj, target

from plat.api import Application, Manifest, Ref
from plat.cluster.effects import ApplyObject, DeleteObject
from plat.cluster.sync.annotations import HOOK_FINALIZER
from plat.cluster.sync.deletion import DeletionInput, DeletionStep, begin, delete, deletion_refs
from plat.cluster.sync.tasks import Hook
from plat.engine import Batch, Outcome, Result

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
PRE, POST = "PreDelete", "PostDelete"


class Removal:
    """One deletion in a world: every pass observes anew, saves, and carries the batches out."""

    def __init__(
        self,
        hooks: Iterable[Manifest] = (),
        *,
        world: World | None = None,
        app: Application | None = None,
        cluster: str = "c1",
    ) -> None:
        self.app = app or application(deletion="foreground")
        self.world, self.hooks, self.cluster = world or World(), list(hooks), cluster
        self.now = START
        self.operation = begin(self.app, START, revisions=("abcdef0123",))
        self.outcomes: dict[str, Outcome] = {}
        self.confirmed = False
        self.last: DeletionStep | None = None

    def look(self) -> DeletionStep:
        lives = self.world.objects
        wanted = [target(manifest) for manifest in self.hooks]
        hooks = []
        for each in wanted:
            refs = deletion_refs(each, self.operation)
            hooks.append(Hook(each, lives.get(each.ref), {ref: lives[ref] for ref in refs if ref in lives}))
        found = DeletionInput(
            app=self.app,
            cluster=self.cluster,
            operation=self.operation,
            owned=tuple(lives.values()),
            hooks=tuple(hooks),
            health=dict(self.world.health),
            outcomes=dict(self.outcomes),
            confirmed=self.confirmed,
        )
        return delete(found, self.now)

    def once(self, *, effects: int = 1000) -> DeletionStep:
        """One pass; `effects` is how many of them are carried out before the process is killed."""
        stepped = self.last = self.look()
        self.operation = stepped.operation
        for batch in stepped.batches:
            bad = False
            for effect in batch.effects:
                if effects <= 0:
                    self.outcomes.clear()
                    return stepped
                effects -= 1
                outcome = self.world.perform(effect)
                self.outcomes[outcome.id] = outcome
                bad = bad or outcome.result is not Result.DONE
            if bad and not batch.go_on:
                break
        return stepped

    def run(self, limit: int = 60) -> DeletionStep:
        for _ in range(limit):
            stepped = self.once()
            if stepped.done or not stepped.batches:
                return stepped
        raise AssertionError(f"it never comes to rest: {self.operation.message}")

    def later(self, **time: float) -> DeletionStep:
        self.now += timedelta(**time)
        return self.run()

    @property
    def message(self) -> str:
        return self.operation.message

    def took(self, *verbs: str) -> list[str]:
        return [each for each in self.world.done if not verbs or each.split(" ")[0] in verbs]


def world(*manifests: Manifest, sticky: Iterable[str] = ()) -> World:
    made = World()
    for manifest in manifests:
        made.put(manifest)
    made.sticky = set(sticky)
    return made


def left(played: Removal) -> list[str]:
    return sorted(ref.name for ref in played.world.objects)


def touched(batch: Batch) -> list[str]:
    refs = [
        effect.target.ref if isinstance(effect, ApplyObject) else getattr(effect, "ref", None)
        for effect in batch.effects
    ]
    return [ref.name for ref in refs if ref is not None]


# -- objects


def test_objects_go_from_the_highest_wave_down_each_wave_side_by_side():
    played = Removal(
        world=world(
            obj("ConfigMap", "a", wave="-1"), obj("Service", "b"), obj("Secret", "c"), obj("Deployment", "d", wave="3")
        )
    )
    first = played.once()
    assert [touched(batch) for batch in first.batches] == [["d"]]
    assert played.run().done
    assert played.took("delete")[0] == "delete Deployment/d"
    assert sorted(played.took("delete")[1:3]) == ["delete Secret/c", "delete Service/b"]
    assert played.took("delete")[3] == "delete ConfigMap/a"
    assert left(played) == []


def test_a_helm_weight_is_a_wave_too():
    played = Removal(world=world(obj("Job", "late", **{"helm.sh/hook-weight": "5"}), obj("Job", "soon")))
    assert played.run().done
    assert played.took("delete") == ["delete Job/late", "delete Job/soon"]


def test_the_next_wave_waits_while_anything_terminates():
    played = Removal(world=world(obj("Deployment", "d", wave="1"), obj("Service", "s"), sticky=["d"]))
    assert not played.run().done
    assert played.message == "waiting for deletion of apps/Deployment/d"
    assert left(played) == ["d", "s"]
    played.world.remove(Ref(group="apps", kind="Deployment", namespace="prod", name="d"))
    assert played.run().done
    assert left(played) == []


def test_even_what_is_never_deleted_is_waited_for_while_it_terminates():
    played = Removal(world=world(obj("Service", "s")))
    played.world.put(obj("ConfigMap", "kept", options="Delete=false"), deleting=True)
    played.run()
    assert played.message == "waiting for deletion of ConfigMap/kept"
    assert played.took("delete") == []


@pytest.mark.parametrize(
    ("manifest", "options", "stays"),
    [
        (obj("ConfigMap", "x"), (), False),
        (definition("x"), (), True),
        (obj("ConfigMap", "x", options="Delete=false"), (), True),
        (obj("ConfigMap", "x", options="Prune=false"), (), False),
        (obj("ConfigMap", "x"), ("Delete=false",), True),
        (obj("ConfigMap", "x", options="Delete=true"), ("Delete=false",), False),
        (obj("ConfigMap", "x", options="Validate=false, Delete=false"), (), True),
        (obj("ConfigMap", "x", **{"helm.sh/resource-policy": "keep"}), (), True),
        (obj("ConfigMap", "x", **{"helm.sh/resource-policy": "keep, other"}), (), True),
        (obj("ConfigMap", "x", **{"helm.sh/resource-policy": "delete"}), (), False),
    ],
)
def test_what_stays(manifest, options, stays):
    played = Removal(world=world(manifest), app=application(*options, deletion="foreground"))
    assert played.run().done
    assert left(played) == (["x"] if stays else [])


def test_the_application_does_not_delete_itself():
    myself = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "shop", "namespace": "argocd"},
    }
    child = {**myself, "metadata": {"name": "child", "namespace": "argocd"}}
    played = Removal(world=world(myself, child))
    assert played.run().done
    assert left(played) == ["shop"]


@pytest.mark.parametrize("how", ["foreground", "background"])
def test_how_deletions_propagate(how):
    played = Removal(
        world=world(obj("Deployment", "d")), app=application("PrunePropagationPolicy=orphan", deletion=how)
    )
    effect = played.look().batches[0].effects[0]
    assert isinstance(effect, DeleteObject)
    assert effect.propagation == how
    assert effect.uid == "uid-1"


def test_an_application_that_leaves_its_objects_deletes_none():
    played = Removal(
        world=world(obj("Deployment", "d"), obj("ConfigMap", "c", wave="2")), app=application(deletion="leave")
    )
    assert played.run().done
    assert left(played) == ["c", "d"]
    assert played.took() == []


def test_without_its_cluster_an_application_goes_and_says_that_objects_are_left():
    played = Removal([obj("Job", "bye", hook=PRE)], world=world(obj("Deployment", "d")), cluster="")
    stepped = played.run()
    assert stepped.done
    assert "no longer defined" in stepped.warning
    assert played.took() == []


@pytest.mark.parametrize("options", [(), ("Delete=confirm",)])
def test_nothing_at_all_goes_before_a_person_has_confirmed(options):
    asking = obj("Namespace", "data") if options else obj("Namespace", "data", options="Delete=confirm")
    played = Removal(
        world=world(asking, obj("Deployment", "d", wave="5")), app=application(*options, deletion="foreground")
    )
    stepped = played.run()
    assert stepped.blocked
    assert not stepped.done
    assert played.message.startswith("waiting for deletion confirmation of ")
    assert played.took() == []
    played.confirmed = True
    assert played.run().done
    assert left(played) == []


def test_what_stays_anyway_needs_no_confirmation():
    kept = obj("ConfigMap", "kept", options="Delete=confirm", **{"helm.sh/resource-policy": "keep"})
    played = Removal(world=world(kept, obj("Service", "s")))
    assert played.run().done
    assert left(played) == ["kept"]


def test_what_cannot_be_deleted_is_tried_again_later_and_said():
    played = Removal(world=world(obj("Deployment", "d", wave="1"), obj("Service", "s")))
    played.world.failing["delete Deployment/d"] = "forbidden"
    stepped = played.run()
    assert not stepped.done
    assert "forbidden" in stepped.error
    assert stepped.wake_at == START + timedelta(seconds=5)
    assert played.took("delete") == ["delete Deployment/d failed"]
    assert played.later(seconds=4).error == stepped.error
    assert played.took("delete") == ["delete Deployment/d failed"]
    again = played.later(seconds=1)
    assert again.wake_at == START + timedelta(seconds=15)  # twice as long
    del played.world.failing["delete Deployment/d"]
    assert played.later(seconds=10).done
    assert left(played) == []


def test_what_is_deleted_and_still_shown_is_not_deleted_again():
    played = Removal(world=world(obj("Deployment", "d")))
    shown = dict(played.world.objects)
    played.once()
    played.world.objects = shown  # the watch has not told yet
    assert played.run().batches == ()
    assert played.message == "waiting for deletion of apps/Deployment/d"
    assert played.took("delete") == ["delete Deployment/d"]


def test_an_object_that_somebody_makes_again_is_deleted_again():
    played = Removal(world=world(obj("Deployment", "d"), obj("ConfigMap", "c", wave="1")))
    played.once()
    played.world.put(obj("ConfigMap", "c", wave="1"))
    assert played.run().done
    assert played.took("delete") == ["delete ConfigMap/c", "delete ConfigMap/c", "delete Deployment/d"]


def test_hooks_that_syncs_have_left_go_with_the_rest_finalizers_and_all():
    leftover = obj("Job", "migrate", hook="PreSync")
    leftover["metadata"]["finalizers"] = [HOOK_FINALIZER]
    played = Removal(world=world(leftover, obj("Service", "s")))
    assert played.run().done
    assert left(played) == []


# -- hooks


def test_hooks_run_before_and_after_and_go():
    hooks = [obj("Job", "before", hook=PRE), obj("Job", "after", hook=POST)]
    played = Removal(hooks, world=world(obj("Deployment", "d"), obj("ConfigMap", "c", wave="1")))
    assert not played.run().done
    assert played.message == "waiting for completion of hook batch/Job/before"
    assert left(played) == ["before", "c", "d"]
    played.world.judge("before", "Healthy")
    assert not played.run().done
    assert played.message == "waiting for completion of hook batch/Job/after"
    assert left(played) == ["after", "before"]
    played.world.judge("after", "Healthy")
    assert played.run().done
    assert left(played) == []
    assert played.took("apply") == ["apply Job/before", "apply Job/after"]


def test_hooks_run_also_where_the_objects_are_left():
    played = Removal(
        [obj("Job", "after", hook=POST)], world=world(obj("Deployment", "d")), app=application(deletion="leave")
    )
    played.run()
    played.world.judge("after", "Healthy")
    assert played.run().done
    assert left(played) == ["d"]


@pytest.mark.parametrize("annotation", [{"hook": PRE}, {"helm.sh/hook": "pre-delete"}])
def test_all_hooks_of_a_phase_run_side_by_side_and_are_all_waited_for(annotation):
    played = Removal(
        [obj("Job", "a", **annotation), obj("Job", "b", wave="3", **annotation)], world=world(obj("Service", "s"))
    )
    first = played.once()
    assert touched(first.batches[0]) == ["a", "b"]
    played.world.judge("a", "Healthy")
    played.run()
    assert played.message == "waiting for completion of hook batch/Job/b"
    assert "s" in left(played)


def test_a_hook_without_a_rule_is_done_at_once():
    played = Removal([obj("ConfigMap", "note", hook=PRE)], world=world(obj("Service", "s")))
    assert played.run().done
    assert played.took() == [
        "apply ConfigMap/note",
        "release ConfigMap/note",
        "delete Service/s",
        "delete ConfigMap/note",
    ]


@pytest.mark.parametrize("verdict", ["Degraded", "Unknown"])
@pytest.mark.parametrize("phase", [PRE, POST])
def test_a_hook_that_fails_is_deleted_and_runs_again_later(phase, verdict):
    played = Removal([obj("Job", "bye", hook=phase)], world=world(obj("Service", "s")))
    played.run()
    played.world.judge("bye", verdict, "exit code 1")
    stepped = played.run()
    assert not stepped.done
    assert stepped.error == f"{phase} hooks failed: batch/Job/bye: exit code 1"
    assert stepped.wake_at is not None
    assert "bye" not in left(played)
    assert ("s" in left(played)) is (phase == PRE)
    assert played.took("apply") == ["apply Job/bye"]
    played.later(seconds=5)
    assert played.took("apply") == ["apply Job/bye", "apply Job/bye"]
    played.world.judge("bye", "Healthy")
    assert played.run().done
    assert left(played) == []


def test_a_hook_that_has_succeeded_does_not_run_again_because_another_failed():
    played = Removal([obj("Job", "good", hook=PRE), obj("Job", "bad", hook=PRE)])
    played.run()
    played.world.judge("good", "Healthy")
    played.world.judge("bad", "Degraded")
    played.run()
    played.later(seconds=5)
    played.world.judge("bad", "Healthy")
    assert played.run().done
    assert played.took("apply") == ["apply Job/good", "apply Job/bad", "apply Job/bad"]


def test_a_hook_that_cannot_be_created_is_tried_again_and_nothing_is_deleted():
    played = Removal([obj("Job", "bye", hook=PRE)], world=world(obj("Service", "s")))
    played.world.failing["apply Job/bye"] = "quota"
    stepped = played.run()
    assert "quota" in stepped.error
    assert played.took("delete") == []
    played.world.failing.clear()
    played.later(seconds=5)
    assert left(played) == ["bye", "s"]


def test_a_hook_that_vanished_while_it_ran_runs_again():
    played = Removal([obj("Job", "bye", hook=PRE)])
    played.run()
    played.world.remove(Ref(group="batch", kind="Job", namespace="prod", name="bye"))
    assert "missing" in played.run().error
    played.later(seconds=5)
    assert played.took("apply") == ["apply Job/bye", "apply Job/bye"]


def test_a_hook_that_has_ended_may_vanish():
    """Its namespace may be among the objects that are deleted, or its time to live ends."""
    played = Removal([obj("Job", "bye", hook=PRE)], world=world(obj("Namespace", "prod"), sticky=["prod"]))
    played.run()
    assert (
        HOOK_FINALIZER
        in played.world.objects[Ref(group="batch", kind="Job", namespace="prod", name="bye")].body()["metadata"][
            "finalizers"
        ]
    )
    played.world.judge("bye", "Healthy")
    played.run()
    assert played.took("release") == ["release Job/bye"]
    for ref in list(played.world.objects):
        played.world.remove(ref)
    assert played.run().done
    assert played.took("apply") == ["apply Job/bye"]


def test_what_was_there_before_the_deletion_is_no_run_of_the_hook():
    """An older application of the same name may have left it, healthy."""
    old = obj("Job", "bye", hook=PRE)
    played = Removal([old], world=world(old))
    played.world.judge("bye", "Healthy")
    played.run()
    assert played.took() == ["delete Job/bye", "apply Job/bye"]
    assert played.message == "waiting for completion of hook batch/Job/bye"


def test_a_hook_of_a_sync_and_of_the_deletion_runs_for_the_deletion():
    both = obj("Job", "both", hook="PostSync,PostDelete")
    played = Removal([both], world=world(both, obj("Service", "s")))
    played.world.judge("both", "Healthy")
    played.run()
    assert played.took("apply") == ["apply Job/both"]
    assert played.message == "waiting for completion of hook batch/Job/both"


def test_a_hook_of_both_phases_runs_in_both():
    played = Removal([obj("Job", "both", hook="PreDelete,PostDelete")], world=world(obj("Service", "s")))
    played.run()
    played.world.judge("both", "Healthy")
    played.run()
    assert played.took() == [
        "apply Job/both",
        "release Job/both",
        "delete Service/s",
        "delete Job/both",
        "apply Job/both",
    ]
    played.world.judge("both", "Healthy")
    assert played.run().done
    assert left(played) == []


def test_a_hook_with_only_a_generated_name_runs_once():
    played = Removal([obj("Job", "", generate="bye-", hook=POST)], world=world(obj("Service", "s")))
    played.run()
    assert left(played) == [f"bye-abcdef0-postdelete-{int(START.timestamp())}"]
    played.world.judge(left(played)[0], "Healthy")
    assert played.run().done
    assert left(played) == []
    assert len(played.took("apply")) == 1


@pytest.mark.parametrize(
    ("phase", "annotations", "deletion", "stays"),
    [
        (POST, {}, "foreground", False),  # upstream leaks it (B4)
        (POST, {"policy": "HookSucceeded"}, "foreground", False),
        (POST, {"policy": "HookFailed"}, "foreground", True),
        (POST, {"policy": "BeforeHookCreation"}, "foreground", True),
        (POST, {"policy": "nonsense"}, "foreground", False),
        (POST, {"helm.sh/hook-delete-policy": "hook-succeeded"}, "foreground", False),
        (POST, {"policy": "HookFailed"}, "leave", True),
        (PRE, {}, "foreground", False),
        (PRE, {"policy": "BeforeHookCreation"}, "foreground", False),
        (PRE, {"policy": "BeforeHookCreation"}, "leave", True),
        (PRE, {"policy": "HookSucceeded"}, "leave", False),
        (PRE, {"policy": "HookFailed", "options": "Delete=false"}, "foreground", True),
    ],
)
def test_which_hook_objects_stay(phase, annotations, deletion, stays):
    played = Removal([obj("Job", "bye", hook=phase, **annotations)], app=application(deletion=deletion))
    played.run()
    played.world.judge("bye", "Healthy")
    assert played.run().done
    assert left(played) == (["bye"] if stays else [])


def test_it_ends_only_when_its_hooks_are_gone():
    played = Removal([obj("Job", "bye", hook=POST)], world=world(sticky=["bye"]))
    played.run()
    played.world.judge("bye", "Healthy")
    assert not played.run().done
    assert played.message == "waiting for deletion of hook batch/Job/bye"


def test_results_tell_what_came_of_the_hooks():
    played = Removal([obj("Job", "bye", hook=PRE)])
    played.run()
    played.world.judge("bye", "Healthy", "done")
    played.run()
    found = [(r.phase, r.hook_type, r.ref.name, r.status, r.hook_phase) for r in played.operation.results]
    assert found == [(PRE, PRE, "bye", "Synced", "Succeeded")]
    assert played.operation.phase == "Succeeded"


# -- a kill at any moment

KINDS = st.sampled_from(["ConfigMap", "Service", "Deployment"])
OBJECTS = st.lists(st.tuples(KINDS, st.integers(-2, 2), st.booleans()), max_size=5)
HOOKS = st.lists(st.tuples(st.sampled_from([PRE, POST, "PreDelete,PostDelete"]), st.booleans()), max_size=3)


def _played(objects: list[tuple[str, int, bool]], hooks: list[tuple[str, bool]]) -> Removal:
    made = [
        obj(kind, f"o{n}", wave=str(wave), **({"options": "Delete=false"} if kept else {}))
        for n, (kind, wave, kept) in enumerate(objects)
    ]
    jobs: list[dict[str, Any]] = [
        obj("Job" if slow else "ConfigMap", f"h{n}", hook=phase) for n, (phase, slow) in enumerate(hooks)
    ]
    return Removal(jobs, world=world(*made))


@settings(max_examples=150, deadline=None)
@given(OBJECTS, HOOKS, st.lists(st.integers(0, 4), max_size=4))
def test_it_always_ends_deletes_all_but_what_stays_and_repeats_no_hook_whatever_is_killed_when(objects, hooks, kills):
    played = _played(objects, hooks)
    for effects in kills:
        played.once(effects=effects)
    for _ in range(40):
        if played.run().done:
            break
        for ref in [ref for ref in played.world.objects if ref.kind == "Job"]:
            played.world.judge(ref.name, "Healthy")
    assert played.operation.phase == "Succeeded"
    assert left(played) == sorted(f"o{n}" for n, (_, _, kept) in enumerate(objects) if kept)
    runs = sum(len(phase.split(",")) for phase, _ in hooks)
    assert len(played.took("apply")) <= runs + len(kills)
    waves = [objects[int(each.rpartition("/o")[2])][1] for each in played.took("delete") if "/o" in each]
    assert waves == sorted(waves, reverse=True)
