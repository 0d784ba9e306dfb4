from __future__ import annotations

import pytest
from tests.unit.cluster.sync.playing import application

from plat.cluster.sync.annotations import (
    Phase,
    Policy,
    Role,
    compare_options,
    counts_for_health,
    delete_policies,
    deletion_phases,
    has_policy,
    keeps,
    option,
    role_of,
    wave_of,
)

PRE, SYNC, POST, FAIL = Phase.PRE_SYNC, Phase.SYNC, Phase.POST_SYNC, Phase.SYNC_FAIL
HOOK, HELM = "argocd.argoproj.io/hook", "helm.sh/hook"
POLICY, HELM_POLICY = "argocd.argoproj.io/hook-delete-policy", "helm.sh/hook-delete-policy"
WAVE, WEIGHT = "argocd.argoproj.io/sync-wave", "helm.sh/hook-weight"


def pod(**annotations) -> dict:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "annotations": annotations}}


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({}, Role()),
        ({HOOK: "PreSync"}, Role(hook=True, phases=(PRE,))),
        ({HOOK: "Sync"}, Role(hook=True, phases=(SYNC,))),
        ({HOOK: "PostSync"}, Role(hook=True, phases=(POST,))),
        ({HOOK: "SyncFail"}, Role(hook=True, phases=(FAIL,))),
        ({HOOK: "PreSync, PostSync"}, Role(hook=True, phases=(PRE, POST))),
        ({HOOK: "Sync,Sync"}, Role(hook=True, phases=(SYNC,))),
        ({HOOK: "Skip"}, Role(skipped=True)),
        ({HOOK: "Skip,Garbage"}, Role(skipped=True)),
        ({HOOK: "Skip,PreSync,PostSync"}, Role(hook=True, phases=(PRE, POST))),
        ({HOOK: "Garbage"}, Role(hook=True)),
        ({HOOK: "presync"}, Role(hook=True)),
        ({HOOK: ""}, Role(hook=True)),
        ({HOOK: "Sync,Garbage"}, Role(hook=True, phases=(SYNC,))),
        ({HELM: "pre-install"}, Role(hook=True, phases=(PRE,))),
        ({HELM: "pre-install,pre-upgrade"}, Role(hook=True, phases=(PRE,))),
        ({HELM: "post-install,post-upgrade"}, Role(hook=True, phases=(POST,))),
        ({HELM: "pre-install, post-upgrade"}, Role(hook=True, phases=(PRE, POST))),
        ({HELM: "pre-delete"}, Role(hook=True, phases=(Phase.PRE_DELETE,))),
        ({HELM: "pre-rollback"}, Role(hook=True)),
        ({HELM: "test"}, Role(hook=True)),
        ({HELM: "test-success,post-install"}, Role(hook=True, phases=(POST,))),
        ({HELM: "crd-install"}, Role()),
        ({HELM: "crd-install,pre-install"}, Role(hook=True, phases=(PRE,))),
        ({HOOK: "Sync", HELM: "pre-install"}, Role(hook=True, phases=(SYNC,))),
        ({HOOK: "Garbage", HELM: "pre-install"}, Role(hook=True, phases=(PRE,))),
        ({HOOK: "Skip", HELM: "pre-install"}, Role(skipped=True)),
        ({HOOK: "PreSync,PreDelete"}, Role(hook=True, phases=(PRE, Phase.PRE_DELETE))),
    ],
)
def test_what_an_object_is(annotations, expected):
    assert role_of(pod(**annotations)) == expected


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({}, {Policy.BEFORE_CREATION}),
        ({POLICY: "garbage"}, {Policy.BEFORE_CREATION}),
        ({POLICY: "BeforeHookCreation"}, {Policy.BEFORE_CREATION}),
        ({POLICY: "HookSucceeded"}, {Policy.SUCCEEDED}),
        ({POLICY: "HookFailed"}, {Policy.FAILED}),
        ({POLICY: "HookFailed, HookSucceeded"}, {Policy.FAILED, Policy.SUCCEEDED}),
        ({HELM_POLICY: "hook-succeeded"}, {Policy.SUCCEEDED}),
        ({HELM_POLICY: "before-hook-creation,hook-failed"}, {Policy.BEFORE_CREATION, Policy.FAILED}),
        # #15613: both count, whichever of them names the phase
        ({POLICY: "HookFailed", HELM_POLICY: "hook-succeeded"}, {Policy.FAILED, Policy.SUCCEEDED}),
        ({POLICY: "hook-succeeded", HELM_POLICY: "HookFailed"}, {Policy.BEFORE_CREATION}),
    ],
)
def test_delete_policies(annotations, expected):
    assert delete_policies(pod(**annotations)) == expected


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({}, False),
        ({POLICY: "x"}, False),
        ({POLICY: "hook-failed"}, False),
        ({POLICY: "HookFailed"}, True),
        ({HELM_POLICY: "hook-failed"}, True),
    ],
)
def test_whether_an_object_names_a_policy(annotations, expected):
    assert has_policy(pod(**annotations)) is expected


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({}, 0),
        ({WAVE: "1"}, 1),
        ({WAVE: "-5"}, -5),
        ({WAVE: "+3"}, 3),
        ({WEIGHT: "1"}, 1),
        ({WAVE: "2", WEIGHT: "7"}, 2),
        ({WAVE: "x", WEIGHT: "7"}, 7),
        ({WAVE: "1.5"}, 0),
        ({WAVE: " 1"}, 0),
        ({WAVE: "1_0"}, 0),
        ({WAVE: "٣"}, 0),
        ({WAVE: ""}, 0),
        ({WAVE: "0", WEIGHT: "7"}, 0),
    ],
)
def test_waves(annotations, expected):
    assert wave_of(pod(**annotations)) == expected


@pytest.mark.parametrize(
    "metadata", [None, {}, {"annotations": None}, {"annotations": "text"}, {"annotations": {WAVE: 3}}]
)
def test_odd_metadata_never_raises(metadata):
    manifest = {"kind": "Pod", "metadata": metadata}
    assert role_of(manifest) == Role()
    assert wave_of(manifest) in (0, 3)
    assert deletion_phases(manifest) == frozenset()


@pytest.mark.parametrize(
    ("first", "second", "options", "expected"),
    [
        ("", "", (), ""),
        ("", "", ("Prune=false",), "false"),
        ("Prune=true", "", ("Prune=false",), "true"),
        ("", "Prune=confirm", ("Prune=false",), "confirm"),
        ("Prune=false", "Prune=confirm", (), "false"),
        (" Prune=false , PruneLast=true", "", (), "false"),
        ("Prune=false,Prune=confirm", "", (), "false"),
        ("prune=false", "", (), ""),
        ("PruneLast=true", "", (), ""),
        ("Prune", "", ("Prune=false",), ""),
    ],
)
def test_the_object_beats_the_application(first, second, options, expected):
    objects = [pod(**{"argocd.argoproj.io/sync-options": text}) if text else None for text in (first, second)]
    assert option(application(*options), "Prune", *objects) == expected


@pytest.mark.parametrize(
    ("annotations", "counts"),
    [
        ({}, True),
        ({HOOK: "Sync"}, False),
        ({HOOK: "Skip"}, False),
        ({"argocd.argoproj.io/ignore-healthcheck": "true"}, False),
        ({"argocd.argoproj.io/ignore-healthcheck": "yes"}, True),
    ],
)
def test_what_counts_for_health(annotations, counts):
    assert counts_for_health(pod(**annotations)) is counts


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({HOOK: "PreDelete"}, {Phase.PRE_DELETE}),
        ({HOOK: "PostDelete,PostSync"}, {Phase.POST_DELETE}),
        ({HELM: "pre-delete, post-delete"}, {Phase.PRE_DELETE, Phase.POST_DELETE}),
        ({HOOK: "PreSync", HELM: "post-delete"}, {Phase.POST_DELETE}),
        ({HOOK: "PreSync"}, set()),
    ],
)
def test_hooks_of_a_deletion(annotations, expected):
    assert deletion_phases(pod(**annotations)) == expected


def test_other_annotations():
    assert keeps(pod(**{"helm.sh/resource-policy": "keep"}))
    assert not keeps(pod(**{"helm.sh/resource-policy": "Keep"}))
    assert compare_options(pod(**{"argocd.argoproj.io/compare-options": "IgnoreExtraneous, x"})) == {
        "IgnoreExtraneous",
        "x",
    }
