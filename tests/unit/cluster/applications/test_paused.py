from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.unit.cluster.sync.playing import FakeLive, application, obj, target

from plat.api import ApplicationState, Automated, Condition, Health, HealthStatus, OperationState, ref_of
from plat.cluster.applications import Asked, Observed, decide
from plat.cluster.applications.foreseeing import foresee
from plat.cluster.comparison.compare import Compared
from plat.engine import Standing

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
WEB = obj("Deployment", "web")
LIVE = FakeLive(ref_of(WEB), "u", "1", False, WEB)
RUNNING = ApplicationState(
    sync="OutOfSync",
    health=Health(HealthStatus.HEALTHY),
    operation=OperationState(phase="Running", started_at="2026-01-01T11:00:00Z"),
)
OBSERVED = Observed(
    app=application(automated=Automated(self_heal=True)),
    cluster="c1",
    state=None,
    revisions=("a" * 40,),
    compared=(Compared(LIVE.ref, "v1", "OutOfSync", target(WEB), LIVE),),
    health={LIVE.ref: None},
)


@pytest.mark.parametrize(
    "observed",
    [
        OBSERVED,
        replace(OBSERVED, state=RUNNING),
        replace(OBSERVED, asked=Asked(by="ann")),
        replace(OBSERVED, problem=Condition(type="ComparisonError", message="git is down")),
    ],
    ids=["differs", "syncing", "asked", "broken"],
)
def test_an_application_that_says_so_is_left_alone(observed: Observed) -> None:
    paused = replace(observed, app=observed.app.model_copy(update={"paused": True}))
    assert decide(observed, NOW).batches != ()
    decision = decide(paused, NOW)
    assert (decision.batches, decision.standing, decision.because.code) == ((), Standing.SETTLED, "left-alone")
    prospect = foresee(paused, NOW)
    assert (prospect.objects, prospect.automatic, prospect.problem) == ((), False, "")
