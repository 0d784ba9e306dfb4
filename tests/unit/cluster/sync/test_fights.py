from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from plat.api import Ref
from plat.cluster.sync.fights import Fight, Taken, fights, taken, warning

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
WEB = Ref(group="apps", kind="Deployment", namespace="prod", name="web")


def event(minutes: float, path: str = ".spec.replicas", manager: str = "hpa", ref: Ref = WEB) -> Taken:
    return Taken(ref, path, manager, NOW - timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("events", "times"),
    [
        ([], []),
        ([event(1), event(2)], []),
        ([event(1), event(2), event(9)], [3]),
        ([event(1), event(2), event(10)], []),
        ([event(1), event(2), event(3, manager="kubectl")], []),
        ([event(1), event(2), event(3, path=".spec.paused")], []),
        ([event(1), event(2), event(3, ref=Ref(kind="Service", namespace="prod", name="web"))], []),
        ([event(n) for n in range(5)] + [event(n, path=".spec.paused") for n in range(3)], [5, 3]),
    ],
)
def test_the_same_field_by_the_same_manager_three_times_in_ten_minutes(events, times):
    assert [fight.times for fight in fights(events, NOW)] == times


@pytest.mark.parametrize(
    ("ref", "path", "entry"),
    [
        (
            WEB,
            ".spec.replicas",
            "{group: apps, kind: Deployment, name: web, namespace: prod, jsonPointers: [/spec/replicas]}",
        ),
        (Ref(kind="Node", name="n"), ".spec.a/b~c", "{kind: Node, name: n, jsonPointers: [/spec/a~1b~0c]}"),
        (
            WEB,
            '.spec.containers[name="web"].image',
            "{group: apps, kind: Deployment, name: web, namespace: prod, managedFieldsManagers: [hpa]}",
        ),
    ],
)
def test_the_entry_that_ends_a_fight(ref, path, entry):
    assert Fight(ref, path, "hpa", 3).ends_by == entry


def test_the_warning_names_manager_field_and_way_out():
    found = warning([Fight(WEB, ".spec.replicas", "hpa", 4)])
    assert found is not None
    assert found.type == "DriftFightWarning"
    assert found.message.startswith("hpa has taken .spec.replicas of apps/Deployment prod/web back 4 times")
    assert "jsonPointers: [/spec/replicas]" in found.message
    assert warning([]) is None


def test_rows_of_the_ledger_are_read():
    fields = [{"path": ".spec.replicas", "manager": "hpa"}, {"path": ".spec.paused", "manager": ""}]
    facts = {"group": "apps", "kind": "Deployment", "namespace": "prod", "name": "web", "fields": fields}
    assert taken(facts, NOW) == (Taken(WEB, ".spec.replicas", "hpa", NOW),)
    assert taken({**facts, "fields": None}, NOW) == ()
