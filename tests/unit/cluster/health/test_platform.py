from __future__ import annotations

import pytest

from plat.api import Health, HealthStatus
from plat.cluster.health.builtin import RULES, plat_health_checks

CHECKS = {rule.kind: rule() for rule in RULES}


def judged(kind: str, **fields) -> tuple[str, str]:
    version, _, name = kind.rpartition("/")
    group = version.rpartition("/")[0]
    manifest = {"apiVersion": version, "kind": name, "metadata": {"name": "x", **fields.pop("metadata", {})}, **fields}
    health = CHECKS[f"{group}/{name}" if group else name].check(manifest)
    assert health is not None
    return health.status.value, health.because


def condition(kind: str, status: str = "True", reason: str = "", message: str = "") -> dict:
    return {"type": kind, "status": status, "reason": reason, "message": message}


BALANCED = {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}


@pytest.mark.parametrize(
    ("kind", "spec", "status", "expected"),
    [
        ("v1/Service", {"type": "LoadBalancer"}, BALANCED, "Healthy"),
        ("v1/Service", {"type": "LoadBalancer"}, {"loadBalancer": {}}, "Progressing"),
        ("v1/Service", {"type": "LoadBalancer"}, {}, "Progressing"),
        ("v1/Service", {"type": "ClusterIP"}, {}, "Healthy"),
        ("v1/Service", {}, {}, "Healthy"),
        ("networking.k8s.io/v1/Ingress", {}, BALANCED, "Healthy"),
        ("networking.k8s.io/v1/Ingress", {}, {"loadBalancer": {"ingress": []}}, "Progressing"),
        ("networking.k8s.io/v1/Ingress", {}, {}, "Progressing"),
        ("networking.k8s.io/v1beta1/Ingress", {}, BALANCED, "Healthy"),
        ("extensions/v1beta1/Ingress", {}, BALANCED, "Healthy"),
        ("v1/PersistentVolumeClaim", {}, {"phase": "Bound"}, "Healthy"),
        ("v1/PersistentVolumeClaim", {}, {"phase": "Pending"}, "Progressing"),
        ("v1/PersistentVolumeClaim", {}, {"phase": "Lost"}, "Degraded"),
        ("v1/PersistentVolumeClaim", {}, {"phase": "Else"}, "Unknown"),
        ("v1/PersistentVolumeClaim", {}, {}, "Unknown"),
    ],
)
def test_networks_and_storage(kind, spec, status, expected):
    assert judged(kind, spec=spec, status=status)[0] == expected


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([condition("Available", "True", "Local", "it is")], ("Healthy", "Local: it is")),
        ([condition("Available", "False", "MissingEndpoints", "none")], ("Progressing", "MissingEndpoints: none")),
        ([condition("Other")], ("Progressing", "Waiting to be processed")),
        ([], ("Progressing", "Waiting to be processed")),
    ],
)
def test_api_services(version, conditions, expected):
    assert judged(f"apiregistration.k8s.io/{version}/APIService", status={"conditions": conditions}) == expected


ABLE = condition("AbleToScale", "True", "SucceededGetScale", "able")
LIMITED = condition("ScalingLimited", "True", "TooFewReplicas", "limited")


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], ("Progressing", "Waiting to Autoscale")),
        ([ABLE], ("Healthy", "able")),
        ([LIMITED], ("Healthy", "limited")),
        ([condition("AbleToScale", "False", "BackoffDownscale")], ("Progressing", "Waiting to Autoscale")),
        ([condition("ScalingActive", "True")], ("Progressing", "Waiting to Autoscale")),
        (
            [ABLE, condition("ScalingActive", "False", "FailedGetResourceMetric", "no metric")],
            ("Degraded", "no metric"),
        ),
        ([ABLE, condition("ScalingActive", "False", "FailedGetExternalMetric", "m")], ("Degraded", "m")),
        ([ABLE, condition("ScalingActive", "False", "FailedComputeMetricsReplicas", "m")], ("Degraded", "m")),
        ([ABLE, condition("ScalingActive", "False", "InvalidSelector", "m")], ("Degraded", "m")),
        ([ABLE, condition("ScalingActive", "False", "ScalingDisabled", "m")], ("Healthy", "able")),
        ([condition("AbleToScale", "False", "FailedGetScale", "m")], ("Degraded", "m")),
        ([condition("AbleToScale", "False", "FailedUpdateScale", "m")], ("Degraded", "m")),
        # A reason of another condition's does not count.
        ([condition("AbleToScale", "False", "FailedGetPodsMetric", "m")], ("Progressing", "Waiting to Autoscale")),
    ],
)
def test_autoscalers(conditions, expected):
    assert judged("autoscaling/v2/HorizontalPodAutoscaler", status={"conditions": conditions}) == expected


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (None, ("Progressing", "Waiting to Autoscale")),
        ("[]", ("Progressing", "Waiting to Autoscale")),
        ('[{"type":"AbleToScale","status":"True","message":"able"}]', ("Healthy", "able")),
        ('[{"type":"ScalingActive","status":"False","reason":"FailedGetPodsMetric","message":"m"}]', ("Degraded", "m")),
    ],
)
def test_old_autoscalers_carry_their_conditions_in_an_annotation(annotation, expected):
    annotations = {} if annotation is None else {"autoscaling.alpha.kubernetes.io/conditions": annotation}
    # What v2 would say does not count for v1.
    found = judged(
        "autoscaling/v1/HorizontalPodAutoscaler",
        metadata={"annotations": annotations},
        status={"conditions": [condition("AbleToScale", "False", "FailedGetScale")]},
    )
    assert found == expected


@pytest.mark.parametrize("annotation", ["{", '{"a": 1}', "[1]"])
def test_an_annotation_that_cannot_be_read_makes_it_unknown(annotation):
    annotations = {"autoscaling.alpha.kubernetes.io/conditions": annotation}
    found = judged("autoscaling/v1/HorizontalPodAutoscaler", metadata={"annotations": annotations})
    assert found[0] == "Unknown"
    assert "failed to convert conditions annotation" in found[1]


ACCEPTED = condition("NamesAccepted")


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], ("Progressing", "Status conditions not found")),
        ([ACCEPTED, condition("Established")], ("Healthy", "CRD is healthy")),
        ([ACCEPTED, condition("Established", "False", "Installing")], ("Progressing", "CRD is being installed")),
        ([ACCEPTED, condition("Established", "False", "NotAccepted")], ("Degraded", "CRD is not established")),
        ([ACCEPTED], ("Degraded", "CRD is not established")),
        (
            [condition("NamesAccepted", "False", message="taken"), condition("Established")],
            ("Degraded", "CRD names have not been accepted: taken"),
        ),
        (
            [ACCEPTED, condition("Established"), condition("NonStructuralSchema", message="bad")],
            ("Degraded", "Schema violations found: bad"),
        ),
        (
            [condition("Established"), condition("Terminating", message="bye")],
            ("Progressing", "CRD is terminating: bye"),
        ),
    ],
)
def test_definitions(conditions, expected):
    found = judged("apiextensions.k8s.io/v1/CustomResourceDefinition", status={"conditions": conditions})
    assert found == expected


@pytest.mark.parametrize(
    ("health", "expected"),
    [
        ({"status": "Healthy"}, ("Healthy", "")),
        ({"status": "Degraded", "message": "m"}, ("Degraded", "m")),
        ({"status": "Sunny"}, ("Progressing", "Waiting for the application to be assessed")),
        ({}, ("Progressing", "Waiting for the application to be assessed")),
    ],
)
def test_an_application_is_as_healthy_as_it_says(health, expected):
    assert judged("argoproj.io/v1alpha1/Application", status={"health": health}) == expected


RECONCILING = condition("Reconciling")


@pytest.mark.parametrize(
    "kind",
    [
        "kustomize.toolkit.fluxcd.io/v1/Kustomization",
        "source.toolkit.fluxcd.io/v1/GitRepository",
        "helm.toolkit.fluxcd.io/v2/HelmRelease",
    ],
)
@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        ({}, {}, ("Progressing", "Status unknown")),
        ({}, {"conditions": [condition("Ready", "True", "Succeeded")]}, ("Healthy", "Succeeded")),
        ({}, {"conditions": [condition("Ready", "False", "BuildFailed")]}, ("Degraded", "BuildFailed")),
        ({}, {"conditions": [condition("Ready", "Unknown", "P"), RECONCILING]}, ("Progressing", "P")),
        ({}, {"conditions": [condition("Ready", "Unknown", "P")]}, ("Degraded", "P")),
        ({}, {"conditions": [condition("Ready", "True", "S"), RECONCILING]}, ("Healthy", "S")),
        ({"suspend": True}, {"conditions": [condition("Ready", "False")]}, ("Suspended", None)),
    ],
)
def test_objects_of_flux(kind, spec, status, expected):
    found = judged(kind, spec=spec, status=status)
    text = expected[1] if expected[1] is not None else f"{kind.rpartition('/')[2]} is suspended"
    assert found == (expected[0], text)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], ("Progressing", "Waiting for certificate")),
        ([condition("Ready", message="ok")], ("Healthy", "ok")),
        ([condition("Ready", "False", message="no")], ("Degraded", "no")),
        ([condition("Ready", message="ok"), condition("Issuing", message="renewing")], ("Progressing", "renewing")),
        ([condition("Ready", "False", message="no"), condition("Issuing", "False")], ("Degraded", "no")),
    ],
)
def test_certificates(conditions, expected):
    assert judged("cert-manager.io/v1/Certificate", status={"conditions": conditions}) == expected


def test_every_kind_has_one_rule_and_the_hook_returns_them():
    kinds = [rule.kind for rule in plat_health_checks()]
    assert sorted(set(kinds)) == sorted(kinds)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
def test_an_object_without_anything_is_judged_without_a_fault(rule):
    group, _, kind = rule.kind.rpartition("/")
    version = (rule.versions or ("v1",))[0]
    found = rule().check({"apiVersion": f"{group}/{version}" if group else version, "kind": kind})
    assert isinstance(found, Health)
    assert found.status in set(HealthStatus)
