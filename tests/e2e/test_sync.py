"""What one sync does to a cluster, and in which order (spec/cluster §4)."""

from __future__ import annotations

import pytest
from tests.e2e.kube import until
from tests.e2e.objects import config, definition, deployment, job, noted, service

# -- pruning (§4.5.2, §4.7)


@pytest.mark.parametrize(
    ("automated", "notes", "gone", "code"),
    [
        pytest.param({"prune": True}, {}, True, 0, id="prune"),
        pytest.param({"selfHeal": True}, {}, False, 3, id="prune-off"),
        pytest.param({"prune": True}, {"options": "Prune=false"}, False, 3, id="Prune=false"),
        pytest.param(
            {"prune": True}, {"compare": "IgnoreExtraneous", "options": "Prune=false"}, False, 0, id="IgnoreExtraneous"
        ),
    ],
)
def test_an_object_taken_out_of_git_is_pruned_only_where_that_is_wanted(world, automated, notes, gone, code):
    world.begin(
        {"app/a.yaml": config("stays"), "app/b.yaml": config("goes", **notes)}, world.application(automated=automated)
    )
    world.up()
    world.repository().commit({"app/b.yaml": None})
    ran = world.up(code=code)
    assert world.kube.names("ConfigMap") == ({"stays"} if gone else {"stays", "goes"}), ran


def test_what_takes_its_time_to_go_is_waited_for(world):
    files = {"app/a.yaml": config("stays"), "app/b.yaml": deployment("goes")}
    world.begin(files, world.application(automated={"prune": True}))
    world.up()
    world.repository().commit({"app/b.yaml": None})
    world.up()
    assert world.kube.names("Deployment") == set()
    assert world.states()[""]["sync"] == "Synced"


def test_prune_true_and_a_change_beside_it(world):
    world.begin({"app/a.yaml": config("stays"), "app/b.yaml": config("goes", options="Prune=false")})
    world.up()
    world.repository().commit({"app/b.yaml": None, "app/a.yaml": config("stays", {"a": "2"})})
    ran = world.plat("up", "--timeout=20s")
    assert world.kube.get("ConfigMap", "stays")["data"] == {"a": "2"}, ran
    assert world.kube.names("ConfigMap") == {"stays", "goes"}


@pytest.mark.parametrize(("allowed", "left", "code"), [(False, {"one", "two"}, 1), (True, set(), 0)])
def test_everything_taken_out_of_git_at_once_is_believed_only_with_allowempty(world, allowed, left, code):
    automated = {"prune": True, "selfHeal": True, "allowEmpty": allowed}
    world.begin({"app/a.yaml": config("one"), "app/b.yaml": config("two")}, world.application(automated=automated))
    world.up()
    world.repository().commit({"app/a.yaml": None, "app/b.yaml": None, "app/README.txt": "nothing left"})
    ran = world.up(code=code)
    assert world.kube.names("ConfigMap") == left
    assert ("allowEmpty" in ran.all) is not allowed


# -- order (§4.3, §4.4)


def test_a_later_wave_waits_until_the_earlier_one_is_healthy(world):
    world.begin(
        {
            "app/0.yaml": config("first", wave="-1"),
            "app/1.yaml": deployment("web", bad=True, wave="1"),
            "app/2.yaml": service("late", wave="2"),
        }
    )
    ran = world.up(code=3, timeout="2s")
    assert "waiting for healthy state of apps/Deployment/web" in ran.out
    assert world.kube.names("ConfigMap") == {"first"}
    assert world.kube.names("Deployment") == {"web"}
    assert world.kube.names("Service") == set()

    world.repository().commit({"app/1.yaml": deployment("web", wave="1", tag="v2")})
    world.up()
    assert world.kube.names("Service") == {"late"}


def test_a_degraded_object_fails_the_sync_and_keeps_later_waves_out(world):
    web = deployment("web", bad=True)
    web["spec"]["progressDeadlineSeconds"] = 1
    world.begin({"app/1.yaml": web, "app/2.yaml": service("late", wave="2")})
    ran = world.up(code=1)
    assert "exceeded its progress deadline" in ran.out
    assert world.kube.names("Service") == set()


def test_a_sync_that_only_waits_is_superseded_by_a_newer_commit_and_a_running_hook_is_not(world):
    world.begin({"app/1.yaml": deployment("web", bad=True), "app/2.yaml": service("late", wave="2")})
    world.up(code=3, timeout="2s")
    world.repository().commit({"app/1.yaml": deployment("web", tag="v2"), "app/2.yaml": service("later", wave="2")})
    ran = world.up()
    assert "Superseded by" in ran.out
    assert world.kube.names("Service") == {"later"}
    assert world.states()[""]["health"] == "Healthy"


def test_without_waves_everything_is_applied_and_health_is_told(world):
    world.begin({"app/1.yaml": deployment("web", bad=True), "app/2.yaml": service("beside")})
    ran = world.plat("up", "--timeout=4s")
    assert ran.code in (1, 3)
    assert world.kube.names("Service") == {"beside"}
    assert "web" in ran.out
    assert "Degraded" in ran.out or "Progressing" in ran.out


def test_objects_come_in_the_order_of_their_kinds_and_waves(world):
    world.begin(
        {
            "app/all.yaml": [
                deployment("d"),
                config("c"),
                service("s"),
                config("early", wave="-5"),
                config("late", wave="5"),
            ]
        }
    )
    world.up()
    found = [("ConfigMap", "early"), ("ConfigMap", "c"), ("Service", "s"), ("Deployment", "d"), ("ConfigMap", "late")]
    times = [world.kube.get(kind, name)["metadata"]["creationTimestamp"] for kind, name in found]
    assert times == sorted(times)


def test_pruning_goes_backwards_through_the_waves(world):
    """§4.3.1: what came last goes first. An object that cannot go yet keeps those of earlier waves."""
    held = config("second", wave="2")
    held["metadata"]["finalizers"] = ["example.com/held"]
    world.begin({"app/0.yaml": config("stays"), "app/1.yaml": config("first", wave="1"), "app/2.yaml": held})
    world.up()
    world.repository().commit({"app/1.yaml": None, "app/2.yaml": None})
    world.plat("up", "--timeout=3s")
    assert world.kube.names("ConfigMap") == {"stays", "first", "second"}
    world.kube.patch("ConfigMap", "second", {"metadata": {"finalizers": None}})
    world.up()
    assert world.kube.names("ConfigMap") == {"stays"}


# -- hooks (§4.2, §4.4, §4.5)


def test_hooks_run_before_and_after_and_the_job_between_phases_is_waited_for(world):
    world.begin(
        {
            "app/pre.yaml": job("migrate", hook="PreSync"),
            "app/web.yaml": config("web"),
            "app/post.yaml": job("announce", hook="PostSync"),
        }
    )
    ran = world.up()
    assert world.kube.names("Job") == {"migrate", "announce"}
    done = {name: world.kube.get("Job", name) for name in ("migrate", "announce")}
    assert all(item["status"].get("succeeded") == 1 for item in done.values())
    assert all("finalizers" not in item["metadata"] for item in done.values()), "a hook that has ended is let go"
    web = world.kube.get("ConfigMap", "web")["metadata"]["creationTimestamp"]
    assert done["migrate"]["status"]["completionTime"] <= web <= done["announce"]["metadata"]["creationTimestamp"]
    assert "Synced and Healthy" in ran.out


def test_a_failing_presync_hook_keeps_everything_else_out_and_the_syncfail_hook_runs(world):
    world.begin(
        {
            "app/pre.yaml": job("migrate", bad=True, hook="PreSync"),
            "app/web.yaml": [config("web"), deployment("web")],
            "app/fail.yaml": job("rescue", hook="SyncFail"),
            "app/post.yaml": job("announce", hook="PostSync"),
        }
    )
    ran = world.up(code=1)
    assert world.kube.names("ConfigMap") == set()
    assert world.kube.names("Deployment") == set()
    assert world.kube.names("Job") == {"migrate", "rescue"}
    assert world.kube.get("Job", "rescue")["status"].get("succeeded") == 1
    assert "migrate" in ran.out

    world.repository().commit({"app/pre.yaml": job("migrate", hook="PreSync")})
    world.up()
    assert world.kube.names("ConfigMap") == {"web"}
    assert world.kube.names("Job") == {"migrate", "rescue", "announce"}


@pytest.mark.parametrize(
    ("policy", "bad", "left"),
    [
        ("HookSucceeded", False, False),
        ("HookSucceeded", True, True),
        ("HookFailed", False, True),
        ("HookFailed", True, False),
        ("BeforeHookCreation", False, True),
    ],
)
def test_hook_delete_policies(world, policy, bad, left):
    world.begin({"app/pre.yaml": job("migrate", bad=bad, hook="PreSync", policy=policy), "app/web.yaml": config("web")})
    world.up(code=int(bad))
    if left:
        assert world.kube.names("Job") == {"migrate"}
    else:
        until(lambda: world.kube.names("Job") == set(), what="the hook to be deleted")


def test_a_hook_runs_anew_with_every_sync(world):
    world.begin({"app/pre.yaml": job("migrate", hook="PreSync"), "app/web.yaml": config("web")})
    world.up()
    first = world.kube.get("Job", "migrate")["metadata"]["uid"]
    world.repository().commit({"app/web.yaml": config("web", {"a": "2"})})
    world.up()
    assert world.kube.get("Job", "migrate")["metadata"]["uid"] != first


def test_a_hook_with_generatename_gets_a_name_for_each_sync(world):
    hook = job("x", hook="PreSync")
    hook["metadata"] = {**hook["metadata"], "generateName": "migrate-"}
    del hook["metadata"]["name"]
    world.begin({"app/pre.yaml": hook, "app/web.yaml": config("web")})
    world.up()
    world.repository().commit({"app/web.yaml": config("web", {"a": "2"})})
    world.up()
    names = world.kube.names("Job")
    assert len(names) == 2
    assert all(name.startswith("migrate-") and "-presync-" in name for name in names)


@pytest.mark.parametrize("hook", ["Skip", "Nonsense"])
def test_what_is_skipped_is_never_applied(world, hook):
    world.begin({"app/a.yaml": config("web"), "app/b.yaml": config("skipped", hook=hook)})
    world.up()
    assert world.kube.names("ConfigMap") == {"web"}


# -- kinds and namespaces (§4.3.4, §4.4.1, §4.5.5)


def test_a_definition_and_an_object_of_its_kind_in_one_application(world):
    group = f"{world.name}.example.com"
    widget = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 3}}
    world.begin({"app/a.yaml": widget, "app/z.yaml": definition(group)})
    try:
        world.up()
        assert world.kube.get(f"{group}/v1/widgets", "w")["spec"] == {"size": 3}
        ran = world.up()
        assert "nothing to do" in ran.out
    finally:
        world.kube.delete("CustomResourceDefinition", f"widgets.{group}")


def test_a_namespace_in_git_and_what_lives_in_it(make_world):
    world = make_world(namespace=False)
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": world.name, "labels": {"team": "shop"}}}
    world.begin({"app/a.yaml": config("inside"), "app/z.yaml": space})
    world.up()
    assert world.kube.names("ConfigMap") == {"inside"}
    assert world.kube.get("Namespace", world.name)["metadata"]["labels"]["team"] == "shop"


def test_createnamespace_with_metadata_and_its_change(make_world):
    world = make_world(namespace=False)
    app = world.application(options=["CreateNamespace=true"])
    app["spec"]["syncPolicy"]["managedNamespaceMetadata"] = {"labels": {"team": "shop"}, "annotations": {"note": "x"}}
    world.begin({"app/a.yaml": config("inside")}, app)
    world.up()
    metadata = world.kube.get("Namespace", world.name)["metadata"]
    assert metadata["labels"]["team"] == "shop"
    assert metadata["annotations"]["note"] == "x"
    assert "argocd.argoproj.io/tracking-id" not in metadata["annotations"]
    assert "nothing to do" in world.up().out

    app["spec"]["syncPolicy"]["managedNamespaceMetadata"] = {"labels": {"team": "till"}}
    world.declare(app)
    world.up()
    metadata = world.kube.get("Namespace", world.name)["metadata"]
    assert metadata["labels"]["team"] == "till"
    assert "note" not in metadata.get("annotations", {}), "what is no longer wanted is taken off"


def test_without_createnamespace_a_missing_namespace_is_said(make_world):
    world = make_world(namespace=False)
    world.begin({"app/a.yaml": config("inside")})
    ran = world.up(code=1)
    assert world.name in ran.out
    assert "not found" in ran.out
    assert world.kube.get("Namespace", world.name) is None


def test_an_object_keeps_its_own_namespace_and_a_cluster_scoped_one_has_none(make_world):
    world, other = make_world(), make_world()
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": world.name, "namespace": "nonsense"},
            "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}  # fmt: skip
    elsewhere = config("there")
    elsewhere["metadata"]["namespace"] = other.name
    world.begin({"app/a.yaml": [config("here"), elsewhere, role]})
    try:
        world.up()
        assert world.kube.names("ConfigMap") == {"here"}
        assert other.kube.names("ConfigMap") == {"there"}
        assert world.kube.get("ClusterRole", world.name) is not None
        assert "nothing to do" in world.up().out
    finally:
        world.kube.delete("ClusterRole", world.name)


# -- what is invalid (§4.4.1-2)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        pytest.param(deployment("web") | {"spec": {"replicas": 1}}, ("Deployment", "web", "selector"), id="refused"),
        pytest.param(config("Not_A_Name"), ("ConfigMap", "Not_A_Name"), id="name"),
        pytest.param(
            {"apiVersion": "nope.example.com/v1", "kind": "Gadget", "metadata": {"name": "g"}},
            ("nope.example.com/v1", "Gadget"),
            id="kind",
        ),
        pytest.param({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}, ("metadata.name",), id="nameless"),
        pytest.param(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: on}\n", ("ConfigMap", "is True", "quotes"), id="bool"
        ),
        pytest.param({**config("web"), "dada": {"a": "1"}}, ("dada",), id="unknown-field"),
        pytest.param({**config("web"), "data": {"a": 1}}, ("ConfigMap", "web"), id="type"),
    ],
)
def test_an_invalid_object_stops_its_application_and_no_other(world, bad, said):
    world.stack()
    world.repository(files={"good/a.yaml": config("good"), "bad/a.yaml": config("beside"), "bad/b.yaml": bad})
    world.declare(world.application("good", "good"), world.application("bad", "bad"))
    ran = world.up(code=1)
    assert world.kube.names("ConfigMap") == {"good"}, "nothing of the bad application"
    assert all(word in ran.out for word in said), ran
    assert f"{world.named('good')} is Synced and Healthy" in ran.out

    world.repository().commit({"bad/b.yaml": None})
    world.up()
    assert world.kube.names("ConfigMap") == {"good", "beside"}


# -- options (§4.6)


def test_replace_puts_the_object_as_a_whole(world):
    world.begin({"app/a.yaml": config("web", {"a": "1"}, options="Replace=true")})
    world.up()
    world.kube.apply(config("web", {"extra": "by-hand"}), manager="somebody")
    world.repository().commit({"app/a.yaml": config("web", {"a": "2"}, options="Replace=true")})
    world.up()
    assert world.kube.get("ConfigMap", "web")["data"] == {"a": "2"}


def test_apply_leaves_the_fields_of_others(world):
    world.begin({"app/a.yaml": config("web", {"a": "1"})})
    world.up()
    world.kube.apply(config("web", {"extra": "by-hand"}), manager="somebody")
    world.repository().commit({"app/a.yaml": config("web", {"a": "2"})})
    world.up()
    assert world.kube.get("ConfigMap", "web")["data"] == {"a": "2", "extra": "by-hand"}


def _immutable(value, **notes):
    return noted({**config("fixed", {"a": value}), "immutable": True}, **notes) if notes else {
        **config("fixed", {"a": value}), "immutable": True}  # fmt: skip


def test_force_recreates_where_a_field_cannot_change(world):
    world.begin({"app/a.yaml": _immutable("1", options="Force=true")})
    world.up()
    first = world.kube.get("ConfigMap", "fixed")["metadata"]["uid"]
    world.repository().commit({"app/a.yaml": _immutable("2", options="Force=true")})
    world.up()
    now = world.kube.get("ConfigMap", "fixed")
    assert now["data"] == {"a": "2"}
    assert now["metadata"]["uid"] != first


def test_without_force_the_refusal_is_told_and_nothing_is_changed(world):
    world.begin({"app/a.yaml": _immutable("1"), "app/b.yaml": config("beside")})
    world.up()
    before = world.kube.versions("ConfigMap")
    world.repository().commit({"app/a.yaml": _immutable("2"), "app/b.yaml": config("beside", {"a": "2"})})
    ran = world.up(code=1)
    assert "immutable" in ran.out
    assert "fixed" in ran.out
    assert world.kube.versions("ConfigMap") == before


@pytest.mark.parametrize("option", ["ServerSideApply=true", "ServerSideApply=false"])
def test_both_ways_of_applying_remove_a_field_that_leaves_git(world, option):
    world.begin({"app/a.yaml": config("web", {"a": "1", "b": "2"})}, world.application(options=[option]))
    world.up()
    world.repository().commit({"app/a.yaml": config("web", {"a": "1"})})
    world.up()
    assert world.kube.get("ConfigMap", "web")["data"] == {"a": "1"}
    assert "nothing to do" in world.up().out


def test_applyoutofsynconly_touches_only_what_differs(world):
    world.begin(
        {"app/a.yaml": config("one"), "app/b.yaml": config("two")},
        world.application(options=["ApplyOutOfSyncOnly=true"]),
    )
    world.up()
    before = world.kube.versions("ConfigMap")
    world.repository().commit({"app/a.yaml": config("one", {"a": "2"})})
    world.up()
    after = world.kube.versions("ConfigMap")
    assert after["ConfigMap/two"] == before["ConfigMap/two"]
    assert after["ConfigMap/one"] != before["ConfigMap/one"]


def test_prunelast_goes_after_everything_else(world):
    world.begin({"app/a.yaml": config("goes", options="PruneLast=true"), "app/b.yaml": config("stays")})
    world.up()
    world.repository().commit({"app/a.yaml": None, "app/c.yaml": deployment("web", bad=True)})
    world.plat("up", "--timeout=4s")
    assert "goes" in world.kube.names("ConfigMap"), "the Deployment before it never becomes healthy"
    world.repository().commit({"app/c.yaml": deployment("web", tag="v2")})
    world.up()
    assert world.kube.names("ConfigMap") == {"stays"}


# -- applications that need one another: no order between them is written down anywhere


def test_the_definition_in_one_application_and_its_objects_in_another(world):
    group = f"{world.name}.example.com"
    widget = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 3}}
    world.stack()
    world.repository(files={"defines/a.yaml": definition(group), "uses/a.yaml": widget})
    world.declare(world.application("a-uses", "uses"), world.application("b-defines", "defines"))
    try:
        world.up()
        assert world.kube.get(f"{group}/v1/widgets", "w")["spec"] == {"size": 3}
    finally:
        world.kube.delete("CustomResourceDefinition", f"widgets.{group}")


def test_the_namespace_in_one_application_and_its_objects_in_another(make_world):
    world = make_world(namespace=False)
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": world.name}}
    world.stack()
    world.repository(files={"makes/a.yaml": space, "uses/a.yaml": config("inside")})
    world.declare(world.application("a-uses", "uses"), world.application("b-makes", "makes"))
    world.up()
    assert world.kube.names("ConfigMap") == {"inside"}
