from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plat.api import Application, Destination, Health, HealthStatus, Ref, Source
from plat.cluster.health.rollup import Judged, judged, own_ref, roll_up, worse

ORDER = ["Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown"]


def item(kind: str, status: str | None, *, live: bool = True, group: str = "apps", **more) -> Judged:
    health = None if status is None else Health(HealthStatus(status), f"{kind} says so")
    return Judged(Ref(group=group, kind=kind, namespace="n", name=kind.lower()), live=live, health=health, **more)


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ([], "Healthy"),
        ([item("Deployment", "Healthy"), item("Job", "Progressing", counts=False)], "Healthy"),
        ([item("Deployment", "Healthy"), item("ConfigMap", None, live=False)], "Healthy"),
        ([item("Deployment", None, live=False), item("Service", None, live=False)], "Missing"),
        ([item("Deployment", "Degraded"), item("Pod", "Unknown")], "Unknown"),
        ([item("Deployment", "Degraded"), item("Pod", "Progressing")], "Degraded"),
        ([item("Deployment", "Suspended"), item("Pod", "Progressing")], "Progressing"),
        ([item("Deployment", "Healthy"), item("Pod", "Suspended")], "Suspended"),
        ([item("ConfigMap", None)], "Healthy"),
        ([item("Job", None, live=False, counts=False)], "Healthy"),
        # There, and told not to matter: neither bad nor missing.
        ([item("Deployment", "Degraded", weighs=False)], "Healthy"),
        ([item("Deployment", "Degraded", weighs=False), item("Service", None, live=False)], "Healthy"),
    ],
)
def test_the_worst_that_counts(objects, expected):
    assert roll_up(objects).status.value == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [("Missing", "Healthy"), ("Unknown", "Healthy"), ("Degraded", "Degraded"), ("Progressing", "Progressing")],
)
def test_child_applications_that_are_missing_or_unknown_do_not_count(status, expected):
    assert roll_up([item("Application", status, group="argoproj.io")]).status.value == expected
    assert roll_up([item("Application", status, group="other.io")]).status.value == status


def test_the_reason_names_the_object():
    found = roll_up([item("Deployment", "Degraded"), item("Pod", "Progressing")])
    assert found.because == "apps/Deployment n/deployment: Deployment says so"


def test_the_order_of_statuses():
    statuses = [HealthStatus(name) for name in ORDER]
    assert [[worse(a, b) for b in statuses] for a in statuses] == [[i > j for j in range(6)] for i in range(6)]


@given(st.lists(st.sampled_from(ORDER), min_size=1, max_size=6), st.randoms())
def test_it_is_the_worst_and_does_not_depend_on_the_order(statuses, random):
    objects = [item(f"Kind{n}", status) for n, status in enumerate(statuses)]
    shuffled = list(objects)
    random.shuffle(shuffled)
    assert roll_up(shuffled).status.value == roll_up(objects).status.value == max(statuses, key=ORDER.index)


REF = Ref(group="", kind="ConfigMap", namespace="n", name="c")
BAD = Health(HealthStatus.DEGRADED)


def manifest(**annotations: str) -> dict:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "annotations": annotations}}


HOOK = manifest(**{"argocd.argoproj.io/hook": "PreSync"})
SKIP = manifest(**{"argocd.argoproj.io/hook": "Skip"})
IGNORED = manifest(**{"argocd.argoproj.io/ignore-healthcheck": "true"})
PLAIN = manifest()


@pytest.mark.parametrize(
    ("target", "live", "counts", "weighs"),
    [
        (PLAIN, PLAIN, True, True),
        (PLAIN, None, True, True),
        (None, PLAIN, True, True),
        (SKIP, None, False, True),
        (SKIP, PLAIN, False, True),
        (None, HOOK, False, True),
        (PLAIN, IGNORED, True, False),
        # What is live decides, as its health is the one that is ignored.
        (IGNORED, PLAIN, True, True),
    ],
)
def test_what_counts(target, live, counts, weighs):
    found = judged(REF, BAD, target=target, live=live)
    assert (found.live, found.counts, found.weighs) == (live is not None, counts, weighs)


def test_an_application_does_not_weigh_on_its_own_health():
    app = Application(name="self", namespace="argocd", sources=(Source(url="u"),), destination=Destination(name="c"))
    myself = judged(own_ref(app), BAD, target=PLAIN, live=PLAIN, own=own_ref(app))
    assert roll_up([myself]).status is HealthStatus.HEALTHY
    other = Ref(group="argoproj.io", kind="Application", namespace="argocd", name="other")
    assert roll_up([judged(other, BAD, target=PLAIN, live=PLAIN, own=own_ref(app))]).status is HealthStatus.DEGRADED
