"""What never happens in a sync, over random objects: the order in which effects reach the cluster."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.cluster.sync.playing import GATED, Play, World, obj

from plat.api import Health, HealthStatus, Manifest
from plat.cluster.effects import ApplyObject, DeleteObject
from plat.cluster.sync.annotations import SYNC_PHASES

KINDS = st.sampled_from(["ConfigMap", "Service", "Deployment", "Job"])
HOOKS = st.sampled_from(["", "", "", "", "PreSync", "Sync", "PostSync", "SyncFail"])
OBJECTS = st.builds(
    lambda kind, name, wave, hook: obj(kind, name, wave=str(wave), **({"hook": hook} if hook else {})),
    KINDS,
    st.sampled_from("abcdef"),
    st.integers(-1, 2),
    HOOKS,
)
TARGETS = st.lists(OBJECTS, max_size=7, unique_by=lambda m: (m["kind"], m["metadata"]["name"]))
VERDICTS = st.lists(st.sampled_from(["Healthy", "Healthy", "Degraded", "Progressing"]), min_size=40, max_size=40)
OLD = st.lists(st.integers(-1, 2), max_size=3)


def started(targets: list[Manifest], old: list[int], *, failing: dict[str, str] | None = None) -> Play:
    world = World()
    for number, wave in enumerate(old):
        world.put(obj("ConfigMap", f"old-{number}", wave=str(wave)))
    world.failing = dict(failing or {})
    world.done.clear()
    return Play(targets, world=world)


def unhealthy(play: Play) -> set[tuple[str, str]]:
    """Gated objects that are there and not healthy."""
    found = set()
    for ref in play.world.objects:
        health = play.world.health.get(ref)
        if ref.kind in GATED and (health is None or health.status is not HealthStatus.HEALTHY):
            found.add((ref.kind, ref.name))
    return found


def judge(play: Play, kind: str, name: str, status: str) -> None:
    """Judge one object: names are given to several kinds, and what is healthy stays so here."""
    ref = next(ref for ref in play.world.objects if (ref.kind, ref.name) == (kind, name))
    play.world.health[ref] = Health(HealthStatus(status))


@settings(max_examples=150, deadline=None)
@given(TARGETS, OLD, VERDICTS)
def test_no_wave_begins_before_the_one_before_it_is_healthy(targets, old, verdicts):
    play, left = started(targets, old), iter(verdicts)
    done: dict[tuple[str, str], tuple[int, int]] = {}
    for _ in range(80):
        places = {task.id: (SYNC_PHASES.index(task.phase), task.wave) for task in play.tasks()}
        stepped = play.look()
        for effect in (e for batch in stepped.batches for e in batch.effects):
            if not isinstance(effect, ApplyObject) or effect.dry_run or "SyncFail" in effect.id:
                continue
            ref = effect.target.ref
            place = next(where for name, where in places.items() if f" {name} " in f" {effect.id} ")
            waiting = {key for key in unhealthy(play) if done.get(key, place) < place}
            assert not waiting, f"{ref} is applied while {waiting} of an earlier wave is not healthy"
            done[ref.kind, ref.name] = place
        if play.once().completed:
            return
        if not stepped.batches:
            for kind, name in sorted(unhealthy(play)):
                judge(play, kind, name, next(left, "Healthy"))


@settings(max_examples=100, deadline=None)
@given(TARGETS, OLD, st.sampled_from(["Degraded", "Unknown"]))
def test_a_failed_presync_hook_keeps_all_of_sync_away_and_the_rescue_runs(targets, old, verdict):
    named = [m for m in targets if m["metadata"]["name"] != "gate"]
    rescue = obj("Job", "rescue", hook="SyncFail", policy="BeforeHookCreation")
    play = started([*named, obj("Job", "gate", hook="PreSync", wave="9"), rescue], old)
    for _ in range(80):
        stepped = play.once()
        if stepped.completed:
            break
        if not stepped.batches:
            for ref in list(play.world.objects):
                play.world.judge(ref.name, verdict if ref.name == "gate" else "Healthy")
    assert play.operation.phase == "Failed"
    assert play.results["SyncFail Job/rescue"] == ("Synced", "Succeeded")
    assert not [result for result in play.results if result.startswith(("Sync ", "PostSync "))]
    assert {ref.name for ref in play.world.objects if ref.name.startswith("old-")} == {
        f"old-{n}" for n in range(len(old))
    }


@settings(max_examples=100, deadline=None)
@given(TARGETS, OLD)
def test_one_refused_check_and_nothing_is_touched(targets, old):
    named = [m for m in targets if m["metadata"]["name"] != "bad"]
    refused = {f"{verb} ConfigMap/bad": "no such field" for verb in ("check", "apply")}
    play = started([*named, obj("ConfigMap", "bad", wave="2")], old, failing=refused)
    before = dict(play.world.objects)
    assert play.run().completed
    assert play.operation.phase == "Failed"
    assert "no such field" in play.operation.message
    assert [each for each in play.took() if not each.endswith(" failed")] == []
    assert play.world.objects == before


@settings(max_examples=100, deadline=None)
@given(TARGETS, st.lists(st.integers(-2, 3), min_size=1, max_size=4))
def test_prunes_run_in_reverse_of_how_their_objects_came(targets, old):
    play = started(targets, old)
    deleted: list[int] = []
    for _ in range(80):
        stepped = play.look()
        effects = [effect for batch in stepped.batches for effect in batch.effects if isinstance(effect, DeleteObject)]
        deleted += [old[int(e.ref.name.removeprefix("old-"))] for e in effects if e.ref.name.startswith("old-")]
        if play.once().completed:
            break
        if not stepped.batches:
            for ref in list(play.world.objects):
                play.world.judge(ref.name, "Healthy")
    assert play.operation.phase == "Succeeded"
    assert deleted == sorted(old, reverse=True)
