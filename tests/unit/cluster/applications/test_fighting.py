from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.cluster.sync.playing import FakeLive, application, obj, target

from plat.api import ApplicationState, Automated, Health, HealthStatus, OperationState, ref_of
from plat.cluster.applications import Observed, decide
from plat.cluster.comparison.compare import Compared
from plat.cluster.effects import ApplyObject, SaveState
from plat.cluster.sync.fights import Taken

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
WEB = obj("Deployment", "web")
REVISION = ("a" * 40,)


def observed(*, times: int, seconds: float) -> Observed:
    at = (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    operation = OperationState(phase="Succeeded", started_at=at, finished_at=at, revisions=REVISION, automated=True)
    live = FakeLive(ref_of(WEB), "u", "1", False, WEB)
    return Observed(
        app=application(automated=Automated(self_heal=True)),
        cluster="c1",
        state=ApplicationState(sync="OutOfSync", health=Health(HealthStatus.HEALTHY), operation=operation),
        revisions=REVISION,
        compared=(Compared(live.ref, "v1", "OutOfSync", target(WEB), live),),
        health={live.ref: None},
        taken=tuple(Taken(live.ref, ".spec.replicas", "hpa", NOW - timedelta(minutes=n)) for n in range(times)),
    )


@pytest.mark.parametrize(("times", "seconds", "heals"), [(2, 5, True), (3, 5, False), (3, 301, True)])
def test_a_fight_is_told_of_and_backed_off_from(times, seconds, heals):
    decision = decide(observed(times=times, seconds=seconds), NOW)
    effects = [effect for batch in decision.batches for effect in batch.effects]
    assert any(isinstance(effect, ApplyObject) for effect in effects) is heals
    (saved,) = [effect.state for effect in effects if isinstance(effect, SaveState)]
    told = [condition.message for condition in saved.conditions if condition.type == "DriftFightWarning"]
    assert len(told) == (times >= 3)
    assert not told or "jsonPointers: [/spec/replicas]" in told[0]
    if not heals:
        assert decision.wake_at == NOW + timedelta(seconds=295)
    else:
        assert saved.operation is not None
        assert saved.operation.heals == 1
        assert saved.operation.resources == (ref_of(WEB),)
