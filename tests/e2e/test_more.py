"""What happens seldom and must not go wrong: confirmations, selections, clusters and state that are gone."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from tests.e2e.kube import until
from tests.e2e.objects import PREFIX, config, definition, deployment, job, noted, service
from tests.e2e.world import GIT

# -- confirmations


def test_a_prune_that_asks_waits_until_it_is_approved(world):
    app = world.application()
    world.begin({"app/a.yaml": config("stays"), "app/b.yaml": config("goes", options="Prune=confirm")}, app)
    world.up()
    world.repository().commit({"app/b.yaml": None})
    ran = world.up(code=3, timeout="5s")
    assert "confirmation" in ran.out
    assert world.kube.names("ConfigMap") == {"stays", "goes"}
    app["metadata"]["annotations"] = {f"{PREFIX}/deletion-approved": "2100-01-01T00:00:00Z"}
    world.declare(app)
    world.up()
    assert world.kube.names("ConfigMap") == {"stays"}


def test_a_deletion_that_asks_waits_and_is_told(world):
    world.begin(
        {"app/a.yaml": [config("goes"), config("asks", options="Delete=confirm")]}, world.application(finalizer=True)
    )
    world.up()
    world.declare()
    ran = world.up(code=3, timeout="5s")
    assert "asks" in ran.out or "confirm" in ran.out
    assert "asks" in world.kube.names("ConfigMap")


# -- some of many


def test_only_the_applications_that_are_named_are_brought_up(world):
    world.stack()
    world.repository(files={"a/x.yaml": config("a"), "b/x.yaml": config("b")})
    world.declare(world.application("a", "a"), world.application("b", "b"))
    world.up(world.named("a"))
    assert world.kube.names("ConfigMap") == {"a"}
    for command in ("up", "preview"):
        ran = world.plat(command, world.named("aa"))
        assert ran.code == 1, ran
        assert f"there is no application '{world.named('aa')}'" in ran.err
        assert f"did you mean '{world.named('a')}'?" in ran.err
    assert world.kube.names("ConfigMap") == {"a"}
    world.up()
    assert world.kube.names("ConfigMap") == {"a", "b"}


def test_an_application_without_automation_waits_for_a_person(world):
    app = world.application()
    del app["spec"]["syncPolicy"]["automated"]
    world.begin({"app/x.yaml": config("web")}, app)
    ran = world.up(code=3, timeout="5s")
    assert "plat apps sync" in ran.out
    assert world.kube.names("ConfigMap") == set()
    done = world.plat("apps", "sync", world.name)
    assert done.code == 0, done
    assert world.kube.names("ConfigMap") == {"web"}
    world.up()


def test_automation_that_is_switched_off(world):
    world.begin({"app/x.yaml": config("web")}, world.application(automated={"prune": True, "enabled": False}))
    world.up(code=3, timeout="5s")
    assert world.kube.names("ConfigMap") == set()


def test_an_application_that_is_to_be_left_alone(world):
    app = world.application()
    app["metadata"]["annotations"] = {f"{PREFIX}/skip-reconcile": "true"}
    world.begin({"app/x.yaml": config("web")}, app)
    world.plat("up", "--timeout=5s")
    assert world.kube.names("ConfigMap") == set()


# -- what is gone


def test_an_application_whose_cluster_is_gone_is_let_go(world):
    world.begin(
        {"app/x.yaml": config("web")},
        world.application(finalizer=True, destination={"name": "one", "namespace": world.name}),
    )
    world.up()
    path = world.clusters.pop("one")
    world.clusters["other"] = path
    world.stack()
    world.declare()
    ran = world.plat("up", "--timeout=10s")
    assert ran.code == 0, ran
    assert world.states() == {}
    assert world.kube.names("ConfigMap") == {"web"}


@pytest.mark.parametrize("lost", [".plat", "cache", "both"])
def test_state_and_cache_may_be_lost(world, lost, cache):
    world.begin({"app/x.yaml": [config("web"), config("old")]})
    world.up()
    if lost != "cache":
        shutil.rmtree(world.root / ".plat")
    if lost != ".plat":
        world.environ["PLAT_CACHE"] = str(world.folder / "cache")
    ran = world.up()
    assert "nothing to do" in ran.out
    world.repository().commit({"app/x.yaml": config("web", {"a": "2"})})
    world.up()
    assert world.kube.names("ConfigMap") == {"web"}


def test_an_application_that_lost_its_state_still_prunes_what_is_its_own(world):
    world.begin({"app/x.yaml": config("web"), "app/y.yaml": service("gone")})
    world.up()
    shutil.rmtree(world.root / ".plat")
    world.repository().commit({"app/y.yaml": None})
    world.up()
    assert world.kube.names("Service") == set()


def test_a_repository_whose_history_was_rewritten(world):
    world.begin({"app/x.yaml": config("web")})
    world.up()
    repository = world.repository()
    shutil.rmtree(repository.checkout / ".git")
    for arguments in (["init", "--quiet", "--initial-branch=main"], ["remote", "add", "origin", str(repository.bare)]):
        subprocess.run(["git", *arguments], cwd=repository.checkout, check=True)
    repository.commit({"app/x.yaml": config("web", {"a": "2"})})
    subprocess.run(["git", "-C", str(repository.bare), "gc", "--quiet", "--prune=now"], check=True)
    world.up()
    assert world.kube.get("ConfigMap", "web")["data"] == {"a": "2"}


# -- hooks of charts, and of kinds that are no jobs


def test_the_hooks_of_a_chart(world):
    def hooked(manifest, **annotations):
        manifest["metadata"]["annotations"] = {
            f"helm.sh/{key.replace('_', '-')}": value for key, value in annotations.items()
        }
        return manifest

    world.begin(
        {
            "app/Chart.yaml": {"apiVersion": "v2", "name": "web", "version": "1.0.0"},
            "app/templates/web.yaml": config("web"),
            "app/templates/hooks.yaml": [
                hooked(job("before"), hook="pre-install,pre-upgrade", hook_weight="-5"),
                hooked(job("after"), hook="post-install", hook_delete_policy="hook-succeeded"),
                hooked(job("test"), hook="test"),
                hooked(config("rolled"), hook="pre-rollback"),
            ],
        }
    )
    world.up()
    assert world.kube.names("ConfigMap") == {"web"}
    until(lambda: world.kube.names("Job") == {"before"}, what="the hook that succeeded to be deleted")
    assert "nothing to do" in world.up().out


def test_a_hook_that_is_no_job(world):
    world.begin({"app/a.yaml": config("pre", hook="PreSync"), "app/b.yaml": config("web")})
    world.up()
    assert world.kube.names("ConfigMap") == {"pre", "web"}
    assert "nothing to do" in world.up().out
    world.repository().commit({"app/a.yaml": None})
    world.up()


def test_one_object_that_is_a_hook_of_two_phases(world):
    world.begin({"app/a.yaml": job("both", hook="PreSync,PostSync"), "app/b.yaml": config("web")})
    world.up()
    assert world.kube.names("Job") == {"both"}
    assert world.kube.names("ConfigMap") == {"web"}


# -- identity


def test_a_renamed_object_and_a_moved_file(world):
    world.begin({"app/x.yaml": config("old")})
    world.up()
    world.repository().commit({"app/x.yaml": None, "app/y.yaml": config("new")})
    world.up()
    assert world.kube.names("ConfigMap") == {"new"}


def test_the_same_object_twice_in_one_application(world):
    world.begin({"app/x.yaml": config("web", {"a": "1"}), "app/y.yaml": config("web", {"a": "2"})})
    world.up()
    assert world.kube.get("ConfigMap", "web")["data"] == {"a": "2"}
    assert "appeared 2 times" in json.dumps(world.plat("status", "-o", "json").json)


def test_an_object_moves_from_one_application_to_another(world):
    """Whoever is synced first, the object is never lost."""
    world.stack()
    repository = world.repository(files={"a/x.yaml": [config("moves"), config("a")], "b/x.yaml": config("b")})
    world.declare(world.application("a", "a"), world.application("b", "b"))
    world.up()
    uid = world.kube.get("ConfigMap", "moves")["metadata"]["uid"]
    repository.commit({"a/x.yaml": config("a"), "b/x.yaml": [config("b"), config("moves")]})
    world.up()
    world.up()
    assert world.kube.names("ConfigMap") == {"a", "b", "moves"}
    tracking = world.kube.get("ConfigMap", "moves")["metadata"]["annotations"][f"{PREFIX}/tracking-id"]
    assert tracking.startswith(world.named("b") + ":")
    assert uid


def test_an_application_that_is_renamed_takes_its_objects_along(world):
    world.begin({"app/x.yaml": config("web")}, world.application("old"))
    world.up()
    world.declare(world.application("new"))
    world.up()
    assert world.kube.names("ConfigMap") == {"web"}
    tracking = world.kube.get("ConfigMap", "web")["metadata"]["annotations"][f"{PREFIX}/tracking-id"]
    assert tracking.startswith(world.named("new") + ":")


def test_an_application_that_is_renamed_with_its_finalizer_loses_nothing(world):
    world.begin({"app/x.yaml": config("web")}, world.application("old", finalizer=True))
    world.up()
    world.declare(world.application("new", finalizer=True))
    world.up()
    world.up()
    assert world.kube.names("ConfigMap") == {"web"}


# -- definitions


def test_a_definition_that_is_pruned_after_its_objects(world):
    group = f"{world.name}.example.com"
    widget = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 3}}
    tracked = noted(definition(group), options="Prune=true")
    world.begin({"app/a.yaml": [tracked, widget], "app/z.yaml": config("z")}, world.application(finalizer=True))
    try:
        world.up()
        world.repository().commit({"app/a.yaml": tracked})
        world.up()
        assert world.kube.list(f"{group}/v1/widgets") == []
        world.repository().commit({"app/a.yaml": [tracked, widget]})
        world.up()
        world.declare()
        world.up()
        assert world.kube.get("CustomResourceDefinition", f"widgets.{group}") is not None, (
            "definitions are never deleted"
        )
        assert world.kube.list(f"{group}/v1/widgets") == []
    finally:
        world.kube.delete("CustomResourceDefinition", f"widgets.{group}")


def test_an_unknown_kind_that_may_be_missing(world):
    thing = {"apiVersion": "later.example.com/v1", "kind": "Later", "metadata": {"name": "x"}}
    noted(thing, options="SkipDryRunOnMissingResource=true")
    world.begin({"app/a.yaml": thing, "app/b.yaml": config("web")})
    ran = world.up(code=1, timeout="20s")
    assert "Later" in ran.out
    assert world.kube.names("ConfigMap") == {"web"}, "what can be applied is"


# -- health


def test_a_failing_release_is_told_with_its_reason(world):
    web = deployment("web", bad=True)
    web["spec"]["progressDeadlineSeconds"] = 1
    world.begin({"app/x.yaml": web})
    ran = world.up(code=1, timeout="20s")
    assert "Degraded" in ran.out
    assert "web" in ran.out
    assert world.states()[""]["health"] == "Degraded"


def test_health_that_is_to_be_ignored(world):
    web = deployment("web", bad=True)
    web["metadata"]["annotations"] = {f"{PREFIX}/ignore-healthcheck": "true"}
    world.begin({"app/x.yaml": web})
    world.up()


def test_an_address_of_a_source_in_any_spelling(world):
    world.begin({"app/x.yaml": config("web")})
    app = world.application()
    app["spec"]["source"]["repoURL"] = GIT + "app.git"
    world.declare(app)
    ran = world.plat("up", "--timeout=5s")
    assert ran.code in (1, 3)
    assert "app.git" in ran.all


# -- what is shown before


def test_a_preview_shows_what_is_about_to_go(world):
    world.stack()
    world.repository(files={"a/x.yaml": [config("a1"), config("a2")], "b/x.yaml": config("b"), "c/x.yaml": config("c")})
    world.declare(world.application("a", "a", finalizer=True), world.application("b", "b"), world.application("c", "c"))
    world.up()
    world.declare(world.application("c", "c"))
    ran = world.plat("preview")
    assert ran.code == 0, ran
    assert "a1" in ran.out
    assert "a2" in ran.out
    assert world.named("b") in ran.out
    facts = world.plat("preview", "-o", "json").json["applications"]
    verbs = {(item["verb"], item["name"]) for app in facts for item in app["objects"]}
    assert verbs == {("delete", "a1"), ("delete", "a2")}
    assert world.kube.names("ConfigMap") == {"a1", "a2", "b", "c"}


def test_a_preview_of_a_change_names_the_field_and_both_values(world):
    world.begin({"app/x.yaml": [config("web", {"a": "1"}), config("old")]})
    world.up()
    world.repository().commit({"app/x.yaml": [config("web", {"a": "2"}), config("new")]})
    facts = world.plat("preview", "-o", "json").json["applications"]
    found = {item["name"]: (item["verb"], item["changes"]) for item in facts[0]["objects"]}
    assert found["web"] == ("configure", [{"path": ".data.a", "git": "2", "live": "1"}])
    assert found["new"][0] == "create"
    assert found["old"][0] == "delete"


def test_a_preview_beside_a_run(world):
    world.begin({"app/x.yaml": deployment("web", bad=True), "app/y.yaml": service("late", wave="1")})
    process = world.start("up", "--timeout=60s")
    try:
        until(lambda: world.kube.get("Deployment", "web"), what="the run to begin")
        assert world.plat("preview").code == 0
        assert world.plat("why", world.name).code == 0
    finally:
        process.kill()
        process.communicate()
