from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.cluster.sync.playing import FakeLive, application, obj, target

from plat.api import Automated, OperationState, Ref, Retry, ref_of
from plat.cluster.comparison.compare import Compared, Status
from plat.cluster.sync.fights import Fight
from plat.cluster.sync.gate import GateInput, gate, heal_delay, healed_refs, may_retry, retry_of, retry_wait

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
REVISION = ("b" * 40,)
WEB = obj("Deployment", "web")
FIGHT = Fight(ref_of(WEB), ".spec.replicas", "hpa", 3)


def differing(name: str = "web", *, extra: bool = False, status: Status = "OutOfSync", **annotations) -> Compared:
    manifest = obj("Deployment", name, **annotations)
    live = FakeLive(ref_of(manifest), "u", "1", False, manifest)
    return Compared(live.ref, "v1", status, None if extra else target(manifest), live)


Ended = Literal["Succeeded", "Failed", "Error"]


def ended(phase: Ended = "Succeeded", *, seconds: float = 3600, revisions=REVISION, **fields) -> OperationState:
    at = (NOW - timedelta(seconds=seconds)).isoformat()
    return OperationState(phase=phase, message="it broke", finished_at=at, revisions=revisions, **fields)


WEB_DIFFERS, ON = (differing(),), Automated()


def asked(compared=WEB_DIFFERS, *, automated=ON, operation=None, sync="OutOfSync", options=(), **fields) -> GateInput:
    app = application(*options, automated=automated)
    return GateInput(app=app, sync=sync, compared=tuple(compared), revisions=REVISION, operation=operation, **fields)


PRUNE, HEAL, EMPTY = Automated(prune=True), Automated(self_heal=True), Automated(prune=True, allow_empty=True)
OLD = differing("old", extra=True)
GOING = replace(OLD, live=FakeLive(OLD.ref, "u", "1", True, obj("Deployment", "old")))
FINE = differing("fine", status="Synced")


@pytest.mark.parametrize(
    ("given", "start", "code"),
    [
        # 1
        (asked(automated=None), False, "manual"),
        (asked(removing=True), False, "manual"),
        (asked(operation=OperationState(phase="Running")), False, "manual"),
        # 2
        (asked(sync="Synced"), False, "in-sync"),
        (asked(sync="Unknown"), False, "in-sync"),
        # what was deleted already, and is not gone yet, is nothing to sync
        (asked([GOING, FINE], automated=PRUNE), False, "leaving"),
        (asked([GOING, OLD, FINE], automated=PRUNE), True, "new-revision"),
        # 3
        (asked([OLD, FINE]), False, "only-pruning"),
        (asked([OLD, differing()]), True, "new-revision"),
        (asked([OLD, FINE], automated=PRUNE), True, "new-revision"),
        (asked([differing("old", extra=True, options="Prune=false"), FINE], automated=PRUNE), False, "only-pruning"),
        (asked([OLD, FINE], automated=PRUNE, options=("Prune=false",)), False, "only-pruning"),
        (
            asked(
                [differing("old", extra=True, options="Prune=true"), FINE], automated=PRUNE, options=("Prune=false",)
            ),
            True,
            "new-revision",
        ),
        (asked([FINE]), True, "new-revision"),
        # 4
        (asked([OLD], automated=PRUNE), False, "would-wipe"),
        (asked([OLD], automated=EMPTY), True, "new-revision"),
        # 5
        (asked(operation=ended(revisions=("a" * 40,))), True, "new-revision"),
        (asked(operation=ended(revisions=("a" * 40,)), inputs_changed=False), False, "no-self-heal"),
        (asked(operation=ended(), sources_changed=True), True, "new-revision"),
        (asked(operation=ended()), False, "no-self-heal"),
        (asked(operation=ended(dry_run=True)), True, "new-revision"),
        (asked(operation=ended(), automated=HEAL), True, "self-heal"),
        (asked(operation=ended("Failed")), True, "retry"),
        (asked(operation=ended("Error")), True, "retry"),
        (asked(operation=ended("Failed", seconds=1)), False, "backing-off"),
        (asked(operation=ended(seconds=0), automated=HEAL), True, "self-heal"),
        (asked(operation=ended(seconds=200), automated=HEAL, fought=(FIGHT,)), False, "fighting"),
        (asked(operation=ended(seconds=301), automated=HEAL, fought=(FIGHT,)), True, "self-heal"),
    ],
)
def test_the_first_rule_that_hits_decides(given, start, code):
    answer = gate(given, NOW)
    assert (answer.start, answer.code) == (start, code)


def test_wiping_out_everything_is_told_of():
    assert (
        gate(asked([OLD], automated=PRUNE), NOW).error
        == f"Skipping sync attempt to {REVISION[0]}: auto-sync will wipe out all resources"
    )


def test_a_failed_sync_is_told_of_until_it_is_tried_again():
    answer = gate(asked(operation=ended("Failed", seconds=0.5)), NOW)
    assert answer.error == f"Failed last sync attempt to {REVISION[0]}: it broke"
    assert answer.wake_at == NOW + timedelta(seconds=1.5)


def test_a_heal_is_selective_and_a_retry_is_not():
    assert gate(asked(operation=ended(), automated=HEAL), NOW).heal
    assert not gate(asked(operation=ended("Failed")), NOW).heal
    assert not gate(asked(), NOW).heal


@pytest.mark.parametrize(
    ("attempt", "seconds"), [(0, 0), (1, 2), (2, 6), (3, 18), (4, 54), (5, 162), (6, 300), (7, 300), (10**9, 300)]
)
def test_back_off(attempt, seconds):
    assert heal_delay(attempt) == seconds


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_every_attempt_waits_longer_from_the_end_of_the_last(phase):
    operation, waits = ended(phase, seconds=0), []
    moment = NOW
    for _ in range(8):
        answer = gate(asked(operation=operation, automated=HEAL), moment)
        assert answer.start or answer.wake_at is not None
        wake = answer.wake_at or moment
        waits.append(0 if answer.start else (wake - moment).total_seconds())
        moment = wake
        answer = gate(asked(operation=operation, automated=HEAL), moment)
        assert answer.start
        operation = OperationState(phase=phase, finished_at=moment.isoformat(), revisions=REVISION, heals=answer.heals)
    assert waits == ([0, 2, 6, 18, 54, 162, 300, 300] if phase == "Succeeded" else [2, 6, 18, 54, 162, 300, 300, 300])


def test_ten_quiet_minutes_begin_anew():
    answer = gate(asked(operation=ended(seconds=600, heals=5), automated=HEAL), NOW)
    assert (answer.start, answer.heals) == (True, 1)
    assert gate(asked(operation=ended(seconds=299, heals=5), automated=HEAL), NOW).heals == 6


def test_heals_that_the_history_knows_count_too():
    heals = tuple((NOW - timedelta(seconds=n)).isoformat() for n in (900, 30, 20))
    answer = gate(asked(operation=ended(seconds=1), automated=HEAL, heals=heals), NOW)
    assert answer.wake_at == NOW + timedelta(seconds=5)


def test_a_new_revision_begins_anew():
    assert gate(asked(operation=ended(revisions=("a" * 40,), heals=7, seconds=0), automated=HEAL), NOW).heals == 0


@given(st.integers(0, 20), st.floats(0, 2000), st.sampled_from(["Succeeded", "Failed", "Error"]), st.booleans())
def test_whoever_does_not_start_now_says_when(heals, seconds, phase, fought):
    operation = ended(phase, seconds=seconds, heals=heals)
    answer = gate(asked(operation=operation, automated=HEAL, fought=(FIGHT,) if fought else ()), NOW)
    if not answer.start:
        assert answer.wake_at is not None
        assert timedelta() < answer.wake_at - NOW <= timedelta(seconds=300)
        assert gate(asked(operation=operation, automated=HEAL, fought=(FIGHT,) if fought else ()), answer.wake_at).start


def test_what_a_heal_syncs():
    ignored: dict[str, Any] = {"argocd.argoproj.io/compare-options": "IgnoreExtraneous"}
    items = [differing(), FINE, OLD, differing("x", extra=True, **ignored)]
    web, old = (Ref(group="apps", kind="Deployment", namespace="prod", name=name) for name in ("web", "old"))
    assert healed_refs(items, prune=False) == (web,)
    assert healed_refs(items, prune=True) == (web, old)


# -- §1.1


@pytest.mark.parametrize(
    ("retry", "number", "seconds"),
    [
        (Retry(), 1, 5),
        (Retry(), 2, 10),
        (Retry(), 3, 20),
        (Retry(), 7, 180),
        (Retry(max_duration=timedelta()), 7, 320),
        (Retry(factor=3, duration=timedelta(seconds=1)), 4, 27),
        (Retry(), 10**6, 180),
    ],
)
def test_waits_between_retries(retry, number, seconds):
    assert retry_wait(retry, number) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("retry", "automated", "limit"), [(None, True, 5), (None, False, 0), (Retry(), True, 0), (Retry(limit=3), False, 3)]
)
def test_how_often_is_retried(retry, automated, limit):
    assert retry_of(application(retry=retry), OperationState(phase="Failed", automated=automated)).limit == limit


@pytest.mark.parametrize(("limit", "done", "expected"), [(0, 0, False), (2, 1, True), (2, 2, False), (-1, 10**6, True)])
def test_whether_one_is_left(limit, done, expected):
    assert may_retry(Retry(limit=limit), done) is expected
