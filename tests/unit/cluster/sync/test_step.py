from __future__ import annotations

import pytest
from tests.unit.cluster.sync.playing import Play, World, applying, definition, obj, unavailable

from plat.api import Ref, ref_of
from plat.cluster.effects import DeleteObject

CONFIG = obj("ConfigMap", "c")
WEB = obj("Deployment", "web")


def live(*manifests, status="Healthy") -> World:
    world = World()
    for manifest in manifests:
        world.put(manifest, status if manifest["kind"] in ("Deployment", "Job") else "")
    world.done.clear()
    return world


# -- §4.5, the three scenarios of the spec


def test_a_failed_presync_job_keeps_everything_of_sync_away_and_runs_the_syncfail_hooks():
    play = Play([obj("Job", "before", hook="PreSync"), CONFIG, obj("Job", "rescue", hook="SyncFail")])
    assert play.run().operation.message == "waiting for completion of hook batch/Job/before"
    play.world.judge("before", "Degraded", "it broke")
    assert play.run().operation.message == "waiting for completion of hook batch/Job/rescue"
    play.world.judge("rescue", "Healthy")
    ended = play.run()
    assert ended.operation.phase == "Failed"
    assert "batch/Job/before: it broke" in ended.operation.message
    assert play.took("apply") == ["apply Job/before", "apply Job/rescue"]


def test_a_wave_waits_for_the_health_of_the_one_before():
    service = obj("Service", "s", wave="2")
    play = Play([obj("ConfigMap", "c", wave="0"), obj("Deployment", "x", wave="1"), service])
    waiting = play.run()
    assert waiting.operation.phase == "Running"
    assert waiting.operation.message == "waiting for healthy state of apps/Deployment/x"
    assert play.took() == ["apply ConfigMap/c", "apply Deployment/x"]
    play.world.judge("x", "Healthy")
    assert play.run().operation.phase == "Succeeded"
    assert play.took()[-1] == "apply Service/s"


def test_one_wave_without_hooks_never_waits_for_health():
    play = Play([CONFIG, WEB])
    ended = play.run()
    assert (ended.operation.phase, ended.operation.message) == ("Succeeded", "successfully synced (all tasks run)")
    assert play.results == {"Sync ConfigMap/c": ("Synced", "Running"), "Sync Deployment/web": ("Synced", "Running")}


def test_an_object_of_the_last_wave_may_be_degraded():
    play = Play([obj("ConfigMap", "c"), obj("Deployment", "web", wave="1")])
    play.once()
    play.once()
    play.world.put(obj("Deployment", "web", wave="1"), "Degraded")
    assert play.run().operation.phase == "Succeeded"


# -- checks


def test_everything_is_checked_before_anything_is_applied():
    play = Play([CONFIG, WEB, obj("Job", "h", hook="PreSync")])
    play.world.failing["check Deployment/web"] = "unknown field"
    ended = play.run()
    assert ended.operation.phase == "Failed"
    assert ended.operation.message == "one or more objects failed to apply (dry run): unknown field"
    assert play.took() == []
    assert play.results == {"Sync Deployment/web": ("SyncFailed", "Failed")}


def test_an_apply_that_is_the_whole_sync_is_its_own_check():
    play = Play([CONFIG])
    play.world.failing["apply ConfigMap/c"] = "unknown field"
    ended = play.run()
    assert ended.operation.phase == "Failed"
    assert "unknown field" in ended.operation.message
    assert play.world.done == ["apply ConfigMap/c failed"]


APPLIED = {"manager": "argocd-controller", "operation": "Apply", "fieldsV1": {}}


@pytest.mark.parametrize(
    ("fields", "options", "written"),
    [
        ([APPLIED], {}, ["apply Deployment/web"]),
        ([{**APPLIED, "operation": "Update"}], {}, ["apply ConfigMap/c", "apply Deployment/web"]),
        ([], {}, ["apply ConfigMap/c", "apply Deployment/web"]),
        ([APPLIED], {"options": "Replace=true"}, ["replace ConfigMap/c", "apply Deployment/web"]),
        ([APPLIED], {"options": "Force=true"}, ["apply ConfigMap/c", "apply Deployment/web"]),
    ],
)
def test_what_is_as_wanted_by_our_own_apply_gets_no_write(fields, options, written):
    config = obj("ConfigMap", "c", **options)
    live = {**config, "metadata": {**config["metadata"], "managedFields": fields}}
    play = Play([config, WEB])
    play.world.put(live)
    play.in_sync.add("c")
    assert play.run().operation.phase == "Succeeded"
    assert play.took() == written
    assert set(play.results) == {"Sync ConfigMap/c", "Sync Deployment/web"}


def test_an_unchanged_object_of_an_earlier_wave_is_waited_for_all_the_same():
    config = obj("Deployment", "base", wave="-1")
    play = Play([config, CONFIG])
    play.world.put({**config, "metadata": {**config["metadata"], "managedFields": [APPLIED]}}, "Progressing")
    play.in_sync.add("base")
    assert play.run().operation.phase == "Running"
    assert play.took() == []
    play.world.judge("base", "Healthy")
    assert play.run().operation.phase == "Succeeded"
    assert play.took() == ["apply ConfigMap/c"]


def test_a_failed_check_runs_no_syncfail_hook():
    play = Play([CONFIG, obj("Job", "rescue", hook="SyncFail")])
    play.world.failing["check ConfigMap/c"] = "no"
    assert play.run().operation.phase == "Failed"
    assert play.took() == []


def test_what_is_not_valid_ends_the_operation_before_anything():
    play = Play([CONFIG, WEB])
    play.invalid = {ref_of(WEB): "resource apps:Deployment is not permitted in project team"}
    ended = play.run()
    assert ended.operation.phase == "Failed"
    assert ended.operation.message == (
        "one or more synchronization tasks are not valid: resource apps:Deployment is not permitted in project team"
    )
    assert play.world.done == []


def test_what_is_served_only_after_this_sync_is_not_checked():
    play = Play([definition("widgets.example.com"), obj("Widget", "w")])
    play.unservable = frozenset({Ref(group="example.com", kind="Widget", namespace="prod", name="w")})
    play.once()
    assert [each for each in play.world.done if each.startswith("check")] == [
        "check CustomResourceDefinition/widgets.example.com"
    ]


def test_the_planned_namespace_is_created_before_the_checks():
    play = Play([CONFIG], "CreateNamespace=true")
    play.namespace = obj("Namespace", "prod")
    assert play.run().operation.phase == "Succeeded"
    assert play.world.done == ["apply Namespace/prod", "check ConfigMap/c", "apply ConfigMap/c"]


def test_a_namespace_that_cannot_be_created_ends_the_operation():
    play = Play([CONFIG], "CreateNamespace=true")
    play.namespace = obj("Namespace", "prod")
    play.world.failing["apply Namespace/prod"] = "forbidden"
    ended = play.run()
    assert (ended.operation.phase, ended.operation.message) == ("Failed", "the namespace failed to apply: forbidden")
    assert play.world.done == ["apply Namespace/prod failed"]


def test_only_a_namespace_to_create():
    play = Play([], "CreateNamespace=true")
    play.namespace = obj("Namespace", "prod")
    assert play.run().operation.phase == "Succeeded"
    assert play.took() == ["apply Namespace/prod"]


def test_no_tasks_at_all_is_a_success():
    ended = Play([]).run()
    assert (ended.operation.phase, ended.operation.message) == ("Succeeded", "successfully synced (no more tasks)")
    assert ended.batches == ()


@pytest.mark.parametrize(("forced", "checked"), [({}, True), ({"force": True}, False)])
def test_what_may_be_recreated_is_not_checked_against_what_is_live(forced, checked):
    play = Play([WEB, CONFIG], world=live(WEB), **forced)
    play.once()
    assert ("check Deployment/web" in play.world.done) is checked


# -- applying


def test_kinds_are_applied_one_after_another_and_equal_ones_side_by_side():
    play = Play([obj("Service", "s"), obj("ConfigMap", "b"), obj("ConfigMap", "a"), WEB])
    batches = [[applying(effect).target.ref.name for effect in batch.effects] for batch in play.look().batches[1:]]
    assert batches == [["a", "b"], ["s"], ["web"]]


def test_a_failed_apply_stops_later_waves_but_not_later_kinds():
    play = Play([obj("ConfigMap", "c"), obj("Service", "s"), obj("Service", "later", wave="1")])
    play.world.failing["apply ConfigMap/c"] = "too big"
    ended = play.run()
    assert ended.operation.phase == "Failed"
    assert ended.operation.message == "one or more objects failed to apply, reason: ConfigMap/c: too big"
    assert play.took() == ["apply ConfigMap/c failed", "apply Service/s"]


def test_a_failed_apply_does_not_wait_for_health():
    play = Play([WEB, obj("ConfigMap", "c"), obj("Service", "later", wave="1")])
    play.world.failing["apply ConfigMap/c"] = "no"
    assert play.run().operation.phase == "Failed"


def test_a_failed_apply_waits_for_hooks_that_run():
    play = Play([obj("Job", "h", hook="Sync"), obj("ConfigMap", "c")])
    play.world.failing["apply ConfigMap/c"] = "no"
    assert play.run().operation.message == "waiting for completion of hook batch/Job/h"
    play.world.judge("h", "Healthy")
    assert play.run().operation.phase == "Failed"


def test_the_rest_of_a_wave_waits_for_definitions():
    play = Play([definition("widgets.example.com"), obj("Widget", "w"), obj("ConfigMap", "c")])
    waiting = play.run()
    assert waiting.operation.message == (
        "waiting for healthy state of apiextensions.k8s.io/CustomResourceDefinition/widgets.example.com"
    )
    assert play.took() == ["apply ConfigMap/c", "apply CustomResourceDefinition/widgets.example.com"]
    play.world.judge("widgets.example.com", "Healthy")
    assert play.run().operation.phase == "Succeeded"
    assert play.took()[-1] == "apply Widget/w"


def test_a_definition_at_the_end_is_waited_for_too():
    play = Play([definition("widgets.example.com")])
    assert play.run().operation.phase == "Running"
    play.world.judge("widgets.example.com", "Healthy")
    assert play.run().operation.phase == "Succeeded"


def test_a_definition_that_fails_to_apply_does_not_keep_the_rest_of_its_wave_away():
    play = Play([definition("widgets.example.com"), obj("Service", "s"), obj("Service", "t", wave="1")])
    play.world.failing["apply CustomResourceDefinition/widgets.example.com"] = "no"
    assert play.run().operation.phase == "Failed"
    assert "apply Service/s" in play.took()
    assert "apply Service/t" not in play.took()


def test_a_waited_for_object_that_vanished_is_an_error():
    play = Play([WEB, obj("Service", "s", wave="1")])
    play.run()
    play.world.remove(ref_of(WEB))
    ended = play.run()
    assert ended.operation.phase == "Failed"
    assert "Resource apps/Deployment/web is missing, it might have been deleted" in ended.operation.message


def test_a_degraded_object_fails_a_sync_of_several_waves():
    play = Play([WEB, obj("Service", "s", wave="1")])
    play.run()
    play.world.judge("web", "Degraded", "deadline exceeded")
    ended = play.run()
    assert ended.operation.message == (
        "one or more synchronization tasks completed unsuccessfully, reason: apps/Deployment/web: deadline exceeded"
    )


def test_what_may_pass_by_itself_is_tried_again_and_then_is_a_failure():
    play = Play([CONFIG])
    play.world.failing["apply ConfigMap/c"] = unavailable(10)
    for _ in range(5):
        assert play.once().operation.phase == "Running"
    assert play.took()[-1] == "apply ConfigMap/c failed"
    play.world.failing["apply ConfigMap/c"] = unavailable(500)
    play.once()
    assert play.once().operation.phase == "Failed"


def test_a_retry_has_other_effects():
    first, second = Play([CONFIG]), Play([CONFIG], retry_count=1)
    assert {e.id for b in first.look().batches for e in b.effects}.isdisjoint(
        e.id for b in second.look().batches for e in b.effects
    )


# -- options


@pytest.mark.parametrize(
    ("manifest", "world", "options", "expected"),
    [
        (WEB, None, (), ("apply", False, True)),
        (WEB, None, ("Replace=true",), ("replace", False, True)),
        (obj("Deployment", "web", options="Replace=false"), None, ("Replace=true",), ("apply", False, True)),
        (obj("Deployment", "web", options="Replace=true"), None, (), ("replace", False, True)),
        (WEB, obj("Deployment", "web", options="Replace=true"), (), ("replace", False, True)),
        (WEB, None, ("Force=true",), ("apply", True, True)),
        (obj("Deployment", "web", options="Force=true,Replace=true"), None, (), ("replace", True, True)),
        (obj("Namespace", "web", options="Force=true,Replace=true"), None, (), ("replace", False, True)),
        (obj("Deployment", "web", options="Validate=false"), None, (), ("apply", False, False)),
        (
            obj("Deployment", "web", options=" Validate=true , Prune=false"),
            None,
            ("Validate=false",),
            ("apply", False, True),
        ),
        (obj("Deployment", "web", options="validate=false"), None, (), ("apply", False, True)),
    ],
)
def test_how_an_object_is_applied(manifest, world, options, expected):
    play = Play([manifest], *options, world=live(world) if world else None)
    effects = [applying(e) for batch in play.look().batches for e in batch.effects]
    effect = next(e for e in effects if not e.dry_run)
    assert (effect.how, effect.recreate, effect.validate) == expected


@pytest.mark.parametrize(
    ("options", "manager", "taken"),
    [
        ((), "kubectl-client-side-apply", ("kubectl-client-side-apply",)),
        (("ClientSideApplyMigration=false",), "kubectl-client-side-apply", ()),
        (("Replace=true",), "kubectl-client-side-apply", ()),
        ((), "kubectl-edit", ()),
    ],
)
def test_what_client_side_applies_own_is_taken_over(options, manager, taken):
    fields = [{"manager": manager, "operation": "Update", "fieldsV1": {}}]
    owned = {**CONFIG, "metadata": {**CONFIG["metadata"], "managedFields": fields}}
    play = Play([CONFIG], *options, world=live(owned))
    assert applying(play.look().batches[-1].effects[0]).takes_over == taken


def test_the_options_of_the_operation_count():
    play = Play([WEB], "Replace=true", options=frozenset())
    effects = [applying(e) for batch in play.look().batches for e in batch.effects]
    assert next(e for e in effects if not e.dry_run).how == "apply"


def test_apply_out_of_sync_only_leaves_out_what_is_in_sync():
    play = Play(
        [WEB, obj("ConfigMap", "c"), obj("ConfigMap", "new")], "ApplyOutOfSyncOnly=true", world=live(WEB, CONFIG)
    )
    play.in_sync = {"web"}
    assert play.run().operation.phase == "Succeeded"
    assert play.world.done == ["check ConfigMap/new", "apply ConfigMap/new"]


def test_apply_out_of_sync_only_still_waits_for_what_it_applied():
    play = Play([WEB, obj("ConfigMap", "c", wave="1")], "ApplyOutOfSyncOnly=true")
    assert play.run().operation.message == "waiting for healthy state of apps/Deployment/web"
    play.world.judge("web", "Healthy")
    assert play.run().operation.phase == "Succeeded"


# -- pruning

OLD = obj("ConfigMap", "old")


@pytest.mark.parametrize(
    ("manifest", "options", "prune", "result", "message"),
    [
        (OLD, (), True, "Pruned", "pruned"),
        (OLD, (), False, "PruneSkipped", "ignored (requires pruning)"),
        (OLD, ("Prune=false",), True, "PruneSkipped", "ignored (no prune)"),
        (obj("ConfigMap", "old", options="Prune=false"), (), True, "PruneSkipped", "ignored (no prune)"),
        (obj("ConfigMap", "old", options="Prune=true"), ("Prune=false",), True, "Pruned", "pruned"),
        (obj("ConfigMap", "old", options="Prune=confirm"), (), False, "PruneSkipped", "ignored (requires pruning)"),
    ],
)
def test_pruning(manifest, options, prune, result, message):
    play = Play([CONFIG], *options, world=live(manifest), prune=prune)
    assert play.run().operation.phase == "Succeeded"
    found = next(r for r in play.operation.results if r.ref.name == "old")
    assert (found.status, found.message) == (result, message)
    assert (ref_of(manifest) in play.world.objects) is (result == "PruneSkipped")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), "foreground"),
        (("PrunePropagationPolicy=background",), "background"),
        (("PrunePropagationPolicy=orphan",), "orphan"),
        (("PrunePropagationPolicy=x",), "foreground"),
    ],
)
def test_how_deletions_propagate(options, expected):
    play = Play([], *options, world=live(OLD))
    effect = play.look().batches[-1].effects[0]
    assert isinstance(effect, DeleteObject)
    assert effect.propagation == expected


@pytest.mark.parametrize("options", [(), ("Prune=confirm",)])
def test_a_wave_waits_for_the_confirmation_of_its_prunes(options):
    old = obj("ConfigMap", "old", options="Prune=confirm") if not options else OLD
    play = Play([CONFIG], *options, world=live(old))
    waiting = play.run()
    assert waiting.blocked
    assert waiting.operation.message == "waiting for pruning confirmation of ConfigMap/old"
    assert play.took() == []
    play.confirmed = True
    assert play.run().operation.phase == "Succeeded"
    assert play.took() == ["delete ConfigMap/old", "apply ConfigMap/c"]


def test_prunes_go_first_in_their_wave_and_side_by_side():
    play = Play([CONFIG], world=live(obj("ConfigMap", "a"), obj("Secret", "b")))
    play.run()
    assert play.took() == ["delete ConfigMap/a", "delete Secret/b", "apply ConfigMap/c"] or play.took() == [
        "delete Secret/b",
        "delete ConfigMap/a",
        "apply ConfigMap/c",
    ]


def test_a_failed_prune_stops_the_wave():
    play = Play([CONFIG], world=live(OLD))
    play.world.failing["delete ConfigMap/old"] = "a webhook denies it"
    ended = play.run()
    assert ended.operation.message == "one or more objects failed to apply, reason: ConfigMap/old: a webhook denies it"
    assert play.took() == ["delete ConfigMap/old failed"]


def test_later_waves_wait_for_what_is_being_deleted():
    world = live(OLD, obj("ConfigMap", "second", wave="3"))
    world.sticky = {"second"}
    play = Play([obj("Service", "s", wave="4")], world=world)
    waiting = play.run()
    assert waiting.operation.message == "waiting for deletion of ConfigMap/second"
    world.remove(Ref(kind="ConfigMap", namespace="prod", name="second"))
    assert play.run().operation.phase == "Succeeded"
    assert play.took() == ["delete ConfigMap/second", "delete ConfigMap/old", "apply Service/s"]


def test_results_of_what_is_gone_are_kept():
    play = Play([obj("ConfigMap", "c", wave="5")], world=live(OLD))
    play.run()
    assert play.results == {"Sync ConfigMap/old": ("Pruned", "Succeeded"), "Sync ConfigMap/c": ("Synced", "Running")}


def test_many_waves_that_only_skip_are_passed_over_at_once():
    play = Play([], world=live(*(obj("ConfigMap", f"old-{n}", wave=str(n)) for n in range(40))), prune=False)
    assert play.run(limit=2).operation.phase == "Succeeded"
    assert len(play.operation.results) == 40


def test_prunes_of_a_deleted_object_delete_nothing_again():
    world = World()
    world.put(OLD, deleting=True)
    play = Play([], world=world)
    assert play.run().operation.phase in ("Running", "Succeeded")
    assert play.took() == []


# -- hooks


def test_a_hook_keeps_its_finalizer_until_its_result_is_known():
    play = Play([obj("Job", "h", hook="PostSync")])
    play.run()
    job = play.world.objects[ref_of(obj("Job", "h"))]
    assert job.manifest["metadata"]["finalizers"] == ["argocd.argoproj.io/hook-finalizer"]
    play.world.judge("h", "Healthy", "done")
    assert play.run().operation.phase == "Succeeded"
    assert play.world.objects[job.ref].manifest["metadata"]["finalizers"] == []
    assert [r.message for r in play.operation.results] == ["done"]


def test_what_an_earlier_sync_left_of_a_hook_goes_first():
    hook = obj("Job", "h", hook="PreSync")
    held = {**hook, "metadata": {**hook["metadata"], "finalizers": ["argocd.argoproj.io/hook-finalizer"]}}
    play = Play([hook, CONFIG], world=live(held))
    play.once()
    assert play.took() == ["release Job/h", "delete Job/h"]
    play.run()
    assert play.took()[2:] == ["apply Job/h"]


def test_a_leftover_that_does_not_go_is_waited_for():
    hook = obj("Job", "h", hook="PreSync")
    world = live(hook)
    world.sticky = {"h"}
    play = Play([hook], world=world)
    play.once()
    assert play.run().operation.message == "waiting for deletion of hook batch/Job/h"
    assert play.took() == ["delete Job/h"]


def test_a_leftover_that_cannot_be_deleted_fails_the_sync():
    hook = obj("Job", "h", hook="PreSync")
    play = Play([hook, CONFIG], world=live(hook))
    play.world.failing["delete Job/h"] = "forbidden"
    ended = play.run()
    assert ended.operation.phase == "Failed"
    assert "batch/Job/h: failed to delete hook: forbidden" in ended.operation.message
    assert play.took("apply") == []


def test_a_leftover_is_kept_where_the_policy_says_nothing_of_creation():
    hook = obj("Job", "h", hook="PreSync", policy="HookFailed")
    play = Play([hook], world=live(hook))
    play.run()
    assert play.took() == ["apply Job/h"]


@pytest.mark.parametrize(
    ("policy", "verdict", "deleted"),
    [
        ("HookSucceeded", "Healthy", True),
        ("HookSucceeded", "Degraded", False),
        ("HookFailed", "Degraded", True),
        ("HookFailed", "Healthy", False),
        ("HookFailed,HookSucceeded", "Healthy", True),
        ("BeforeHookCreation", "Healthy", False),
        ("nonsense", "Healthy", False),
    ],
)
def test_hooks_are_deleted_by_how_the_whole_sync_ended(policy, verdict, deleted):
    play = Play([obj("Job", "h", hook="PreSync", policy=policy), CONFIG])
    play.run()
    play.world.judge("h", verdict)
    assert play.run().operation.phase == ("Succeeded" if verdict == "Healthy" else "Failed")
    assert (ref_of(obj("Job", "h")) not in play.world.objects) is deleted
    assert "release Job/h" in play.took()


def test_a_successful_hook_is_deleted_only_if_the_rest_succeeds_too():
    play = Play([obj("Job", "h", hook="PreSync", policy="HookSucceeded"), CONFIG])
    play.run()
    play.world.judge("h", "Healthy")
    play.world.failing["apply ConfigMap/c"] = "no"
    assert play.run().operation.phase == "Failed"
    assert "delete Job/h" not in play.took()


def test_a_hook_without_a_rule_is_done_when_it_is_there():
    play = Play([obj("ConfigMap", "h", hook="PreSync"), CONFIG])
    assert play.run().operation.phase == "Succeeded"
    assert play.took("apply") == ["apply ConfigMap/h", "apply ConfigMap/c"]


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("Degraded", "Failed"),
        ("Unknown", "Failed"),
        ("Suspended", "Running"),
        ("Missing", "Running"),
        ("Progressing", "Running"),
        ("Healthy", "Succeeded"),
    ],
)
def test_verdicts_on_a_hook(status, phase):
    play = Play([obj("Job", "h", hook="Sync")])
    play.run()
    play.world.judge("h", status)
    assert play.run().operation.phase == phase


def test_a_hook_of_two_phases_runs_in_both():
    play = Play([obj("Job", "h", hook="PreSync,PostSync"), CONFIG])
    play.run()
    play.world.judge("h", "Healthy")
    play.run()
    play.world.judge("h", "Healthy")
    assert play.run().operation.phase == "Succeeded"
    assert play.took("apply", "delete") == ["apply Job/h", "apply ConfigMap/c", "delete Job/h", "apply Job/h"]
    assert play.results["PreSync Job/h"] == play.results["PostSync Job/h"] == ("Synced", "Succeeded")


def test_syncfail_hooks_run_only_when_something_failed():
    play = Play([CONFIG, obj("Job", "rescue", hook="SyncFail")])
    assert play.run().operation.phase == "Succeeded"
    assert play.took() == ["apply ConfigMap/c"]


def test_a_syncfail_hook_that_fails_is_told_of():
    play = Play([CONFIG, obj("Job", "rescue", hook="SyncFail")])
    play.world.failing["apply ConfigMap/c"] = "no"
    play.run()
    play.world.judge("rescue", "Degraded", "hopeless")
    ended = play.run()
    assert ended.operation.phase == "Failed"
    assert ended.operation.message == (
        "one or more synchronization tasks completed unsuccessfully, reason: ConfigMap/c: no\n"
        "one or more SyncFail hooks failed, reason: batch/Job/rescue: hopeless"
    )


@pytest.mark.parametrize("given", [{"hooks": False}, {"resources": (Ref(kind="ConfigMap", name="c"),)}])
def test_no_hooks_run_in_a_selective_sync_nor_with_the_strategy_apply(given):
    play = Play([obj("Job", "h", hook="PreSync"), CONFIG], **given)
    assert play.run().operation.phase == "Succeeded"
    assert play.took() == ["apply ConfigMap/c"]


def test_a_hook_with_only_a_generated_name_runs_and_is_found_again():
    play = Play([obj("Job", "", generate="migrate-", hook="PreSync", policy="HookSucceeded"), CONFIG])
    play.run()
    assert play.took() == ["apply Job/migrate-abcdef0-presync-1767268800"]
    assert (
        "migrate-abcdef0-presync-1767268800"
        in play.world.objects[next(iter(play.world.objects))].manifest["metadata"]["annotations"][
            "argocd.argoproj.io/tracking-id"
        ]
    )
    play.world.judge("migrate-abcdef0-presync-1767268800", "Healthy")
    assert play.run().operation.phase == "Succeeded"
    assert "delete Job/migrate-abcdef0-presync-1767268800" in play.took()


# -- terminating


def test_terminating_deletes_the_hooks_that_run_and_keeps_results():
    play = Play([obj("Job", "done", hook="PreSync", wave="-1"), obj("Job", "h", hook="PreSync"), CONFIG])
    play.run()
    play.world.judge("done", "Healthy")
    play.run()
    play.operation = play.operation.__class__(**{**vars(play.operation), "phase": "Terminating"})
    ended = play.run()
    assert (ended.operation.phase, ended.operation.message) == ("Failed", "Operation terminated")
    assert play.results == {"PreSync Job/done": ("Synced", "Succeeded"), "PreSync Job/h": ("Synced", "Failed")}
    assert ref_of(obj("Job", "h")) not in play.world.objects
    assert ref_of(obj("Job", "done")) in play.world.objects
    assert play.took("apply") == ["apply Job/done", "apply Job/h"]


# -- dry runs


def test_a_dry_run_changes_nothing():
    play = Play([CONFIG, obj("Job", "h", hook="PreSync")], world=live(OLD), dry_run=True)
    ended = play.run()
    assert ended.operation.phase == "Succeeded"
    assert play.took() == []
    found = {r.ref.name: (r.status, r.message) for r in play.operation.results}
    assert found == {
        "c": ("Synced", "configmap/c (dry run)"),
        "h": ("Synced", "job.batch/h (dry run)"),
        "old": ("Pruned", "pruned (dry run)"),
    }


def test_a_dry_run_says_what_would_fail():
    play = Play([CONFIG], dry_run=True)
    play.world.failing["check ConfigMap/c"] = "unknown field"
    assert play.run().operation.phase == "Failed"


# -- crashes


@pytest.mark.parametrize("at", range(8))
def test_a_crash_at_any_moment_is_made_up_for(at):
    play = Play(
        [
            obj("Job", "pre", hook="PreSync"),
            WEB,
            obj("Service", "s", wave="1"),
            obj("Job", "post", hook="PostSync", policy="HookSucceeded"),
        ],
        world=live(OLD),
    )
    for number in range(40):
        if number == at:
            play.crash()
        stepped = play.once()
        if stepped.completed:
            break
        if not stepped.batches:
            for name in ("pre", "web", "post"):
                play.world.judge(name, "Healthy")
    assert play.operation.phase == "Succeeded"
    assert {ref.name for ref in play.world.objects} == {"pre", "web", "s"}


# -- shared objects, and what tells operations apart


@pytest.mark.parametrize(
    ("options", "phase"),
    [((), "Succeeded"), (("FailOnSharedResource=true",), "Failed"), (("FailOnSharedResource=false",), "Succeeded")],
)
def test_an_object_of_another_application(options, phase):
    play = Play([CONFIG], *options)
    play.shared = "ConfigMap/c is part of applications argocd/shop and bill"
    assert play.run().operation.phase == phase
    if phase == "Failed":
        assert (
            play.operation.message == "Shared resource found: ConfigMap/c is part of applications argocd/shop and bill"
        )
        assert play.world.done == []


@pytest.mark.parametrize(
    "other",
    [
        {"heals": 1},
        {"retry_count": 1},
        {"dry_run": True},
        {"prune": False},
        {"by": "ann"},
        {"force": True},
        {"revisions": ("b",)},
    ],
)
def test_two_operations_of_one_second_take_nothing_of_each_other_for_done(other):
    first = Play([CONFIG])
    first.run()
    second = Play([CONFIG], world=first.world, **other)
    second.outcomes = dict(first.outcomes)
    first.world.done.clear()
    second.run()
    assert second.world.done
