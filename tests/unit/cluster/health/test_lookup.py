from __future__ import annotations

from typing import ClassVar

import pytest

from plat.api import Health, HealthCheck, HealthStatus
from plat.cluster.health.lookup import health_of

FINALIZER = "argocd.argoproj.io/hook-finalizer"


class Sunny(HealthCheck):
    kind: ClassVar[str] = "Box"

    def check(self, manifest):
        if manifest["spec"]["broken"]:
            raise KeyError("lid")
        return Health(HealthStatus.HEALTHY, "sunny")


def find(kind: str) -> HealthCheck | None:
    return Sunny() if kind == "example.com/Box" else None


def box(*, broken: bool = False, **metadata) -> dict:
    return {
        "apiVersion": "example.com/v1",
        "kind": "Box",
        "metadata": {"name": "b", **metadata},
        "spec": {"broken": broken},
    }


def test_the_rule_of_the_kind_judges():
    assert health_of(find)(box()) == Health(HealthStatus.HEALTHY, "sunny")


def test_a_kind_without_a_rule_has_no_health():
    assert health_of(find)({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}) is None


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"deletionTimestamp": "2026-01-01T00:00:00Z"}, Health(HealthStatus.PROGRESSING, "Pending deletion")),
        (
            {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["other"]},
            Health(HealthStatus.PROGRESSING, "Pending deletion"),
        ),
        # A hook that somebody deletes, or whose time is over, keeps its verdict until that is recorded.
        (
            {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": [FINALIZER]},
            Health(HealthStatus.HEALTHY, "sunny"),
        ),
    ],
)
def test_what_is_being_deleted_is_progressing_before_any_rule(metadata, expected):
    assert health_of(find)(box(**metadata)) == expected


def test_also_a_kind_without_a_rule_is_progressing_while_it_goes():
    going = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "deletionTimestamp": "now"}}
    assert health_of(find)(going) == Health(HealthStatus.PROGRESSING, "Pending deletion")


def test_a_rule_that_raises_makes_its_object_unknown_and_says_why():
    found = health_of(find)(box(broken=True))
    assert found is not None
    assert found.status is HealthStatus.UNKNOWN
    assert "Box" in found.because
    assert "lid" in found.because
