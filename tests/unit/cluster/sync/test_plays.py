"""Whole operations over random objects, failures, crashes and verdicts."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.cluster.sync.playing import Play, World, applying, obj

from plat.cluster.sync.annotations import SYNC_PHASES

KINDS = st.sampled_from(["ConfigMap", "Service", "Deployment", "Job"])
OBJECTS = st.builds(
    lambda kind, name, wave, hook, policy: obj(
        kind, name, wave=str(wave), **({"hook": hook} if hook else {}), **({"policy": policy} if policy else {})
    ),
    KINDS,
    st.sampled_from("abcdef"),
    st.integers(-1, 2),
    st.sampled_from(["", "", "", "PreSync", "Sync", "PostSync", "SyncFail", "PreSync,PostSync", "Skip"]),
    st.sampled_from(["", "HookSucceeded", "HookFailed", "HookFailed,HookSucceeded"]),
)


def unique(manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


TARGETS = st.lists(OBJECTS, max_size=7, unique_by=unique)
OLD = st.lists(
    st.builds(lambda n, w: obj("ConfigMap", f"old-{n}", wave=str(w)), st.integers(0, 3), st.integers(-1, 2)),
    max_size=3,
    unique_by=unique,
)
VERDICTS = st.lists(
    st.sampled_from(["Healthy", "Healthy", "Healthy", "Degraded", "Suspended"]), min_size=30, max_size=30
)
FAILURES = st.dictionaries(
    st.builds(
        lambda v, k, n: f"{v} {k}/{n}",
        st.sampled_from(["apply", "delete", "check", "release"]),
        KINDS,
        st.sampled_from("abc"),
    ),
    st.just("no"),
    max_size=2,
)


def play_to_the_end(play: Play, verdicts: list[str], crashes: frozenset[int] = frozenset()) -> list[tuple[str, str]]:
    """Judge whatever runs when nothing else goes on. Returns what was applied, with its phase, in order."""
    applied: list[tuple[str, str]] = []
    left = iter(verdicts)
    for number in range(120):
        if number in crashes:
            play.crash()
        stepped = play.look()
        effects = [e for b in stepped.batches for e in b.effects]
        applied += [(e.id.split(" ")[1], applying(e).target.ref.name) for e in effects if e.id.startswith("apply ")]
        stepped = play.once()
        if stepped.completed:
            return applied
        if not effects:
            for ref in list(play.world.objects):
                play.world.judge(ref.name, next(left, "Healthy"))
    raise AssertionError(f"it never ends: {play.operation.message}")


@settings(max_examples=150, deadline=None)
@given(TARGETS, OLD, VERDICTS, FAILURES, st.frozensets(st.integers(0, 15), max_size=3), st.booleans())
def test_every_operation_ends_whatever_happens(targets, old, verdicts, failures, crashes, prune):
    world = World()
    for manifest in old:
        world.put(manifest)
    world.failing = dict(failures)
    play = Play(targets, world=world, prune=prune)
    play_to_the_end(play, verdicts, crashes)
    checked = "(dry run)" in play.operation.message  # a hook for the failing case is checked like everything else
    bad = [
        r for r in play.operation.results if r.hook_phase in ("Failed", "Error") and (checked or r.phase != "SyncFail")
    ]
    assert (play.operation.phase == "Succeeded") is not bool(bad)
    assert play.operation.phase in ("Succeeded", "Failed")
    assert all(r.status for r in play.operation.results)


@settings(max_examples=100, deadline=None)
@given(TARGETS, OLD)
def test_when_all_is_well_everything_is_applied_in_order_and_what_is_old_is_gone(targets, old):
    world = World()
    for manifest in old:
        world.put(manifest)
    play = Play(targets, world=world)
    expected = [(t.phase.value, t.ref.name) for t in play.tasks() if not t.prunes and t.phase != "SyncFail"]
    applied = play_to_the_end(play, ["Healthy"] * 30)
    assert play.operation.phase == "Succeeded"
    phases = [SYNC_PHASES.index(phase) for phase, _ in applied]
    assert phases == sorted(phases)
    assert sorted(applied) == sorted(expected)
    assert not any(ref.name.startswith("old-") for ref in world.objects)


@settings(max_examples=60, deadline=None)
@given(TARGETS, st.frozensets(st.integers(0, 20), max_size=5))
def test_a_crash_leads_to_the_same_world(targets, crashes):
    calm, rough = Play(targets), Play(targets)
    play_to_the_end(calm, ["Healthy"] * 30)
    play_to_the_end(rough, ["Healthy"] * 30, crashes)
    assert rough.operation.phase == calm.operation.phase
    assert set(rough.world.objects) == set(calm.world.objects)
    assert rough.results == calm.results


@settings(max_examples=60, deadline=None)
@given(TARGETS, st.integers(0, 12), VERDICTS)
def test_terminating_ends_at_once_and_leaves_no_hook_that_runs(targets, after, verdicts):
    play = Play(targets)
    left = iter(verdicts)
    for _ in range(after):
        if (stepped := play.once()).completed:
            return
        if not stepped.batches:
            for ref in list(play.world.objects):
                play.world.judge(ref.name, next(left, "Healthy"))
    play.operation = type(play.operation)(**{**vars(play.operation), "phase": "Terminating"})
    running = {r.ref for r in play.look().operation.results if r.hook_type and r.message == "Terminated"}
    assert play.once().completed
    assert play.operation.message == "Operation terminated"
    assert not running & set(play.world.objects)


@settings(max_examples=60, deadline=None)
@given(TARGETS, OLD, FAILURES)
def test_a_dry_run_never_changes_anything(targets, old, failures):
    world = World()
    for manifest in old:
        world.put(manifest)
    world.failing = dict(failures)
    before = dict(world.objects)
    play = Play(targets, world=world, dry_run=True)
    play.run()
    assert play.operation.phase in ("Succeeded", "Failed")
    assert world.objects == before
