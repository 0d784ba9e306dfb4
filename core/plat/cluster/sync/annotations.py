"""What an object says of its own sync: hook, delete policy, wave, options (spec/cluster §4.2, §4.6). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from plat.api import Application, Manifest, at

HOOK: Final = "argocd.argoproj.io/hook"
HOOK_POLICY: Final = "argocd.argoproj.io/hook-delete-policy"
WAVE: Final = "argocd.argoproj.io/sync-wave"
OPTIONS: Final = "argocd.argoproj.io/sync-options"
COMPARE: Final = "argocd.argoproj.io/compare-options"
IGNORE_HEALTH: Final = "argocd.argoproj.io/ignore-healthcheck"
HOOK_FINALIZER: Final = "argocd.argoproj.io/hook-finalizer"
HELM_HOOK: Final = "helm.sh/hook"
HELM_POLICY: Final = "helm.sh/hook-delete-policy"
HELM_WEIGHT: Final = "helm.sh/hook-weight"
HELM_KEEP: Final = "helm.sh/resource-policy"


class Phase(StrEnum):
    """The phases of a sync, in order; and those of a deletion."""

    PRE_SYNC = "PreSync"
    SYNC = "Sync"
    POST_SYNC = "PostSync"
    SYNC_FAIL = "SyncFail"
    PRE_DELETE = "PreDelete"
    POST_DELETE = "PostDelete"


SYNC_PHASES: Final = (Phase.PRE_SYNC, Phase.SYNC, Phase.POST_SYNC, Phase.SYNC_FAIL)


class Policy(StrEnum):
    """When a hook's object is deleted."""

    BEFORE_CREATION = "BeforeHookCreation"
    SUCCEEDED = "HookSucceeded"
    FAILED = "HookFailed"


_PHASES: Final = {phase.value: phase for phase in Phase}
_POLICIES: Final = {policy.value: policy for policy in Policy}
_HELM_PHASES: Final = {
    "pre-install": Phase.PRE_SYNC,
    "pre-upgrade": Phase.PRE_SYNC,
    "post-install": Phase.POST_SYNC,
    "post-upgrade": Phase.POST_SYNC,
    "pre-delete": Phase.PRE_DELETE,
    "post-delete": Phase.POST_DELETE,
}
_HELM_POLICIES: Final = {
    "before-hook-creation": Policy.BEFORE_CREATION,
    "hook-succeeded": Policy.SUCCEEDED,
    "hook-failed": Policy.FAILED,
}
_SKIP: Final = "Skip"
_CRD_INSTALL: Final = "crd-install"
_INTEGER: Final = re.compile(r"[+-]?[0-9]+")


@dataclass(frozen=True)
class Role:
    """What an object is in a sync. Neither hook nor skipped: an ordinary object."""

    hook: bool = False
    """A hook of `phases`; with no phase at all it is ignored completely."""
    skipped: bool = False
    phases: tuple[Phase, ...] = ()


def role_of(manifest: Manifest) -> Role:
    """Return what an object is. Argo CD's annotation beats Helm's; `Skip` alone means never applied."""
    annotations = _annotations(manifest)
    if HOOK in annotations:
        words = list(_words(annotations[HOOK]))
        phases = tuple(dict.fromkeys(_PHASES[word] for word in words if word in _PHASES))
        if not phases and _SKIP in words:
            return Role(skipped=True)
        return Role(hook=True, phases=phases or _helm_phases(annotations))
    if annotations.get(HELM_HOOK, _CRD_INSTALL) != _CRD_INSTALL:
        return Role(hook=True, phases=_helm_phases(annotations))
    return Role()


def delete_policies(manifest: Manifest) -> frozenset[Policy]:
    """Return when a hook is deleted: Argo CD's and Helm's policies together; none valid means before creation."""
    return _policies(manifest) or frozenset({Policy.BEFORE_CREATION})


def has_policy(manifest: Manifest) -> bool:
    """Say whether an object names any valid delete policy itself."""
    return bool(_policies(manifest))


def wave_of(manifest: Manifest) -> int:
    """Return the wave: the annotation, else Helm's weight, else 0; what is no integer counts as absent."""
    annotations = _annotations(manifest)
    found = (str(annotations.get(name, "")) for name in (WAVE, HELM_WEIGHT))
    return next((int(text) for text in found if _INTEGER.fullmatch(text)), 0)


def options_of(manifest: Manifest | None) -> Mapping[str, str]:
    """Return an object's own sync options; of one that is named twice the first counts."""
    text = _annotations(manifest).get(OPTIONS) if manifest else None
    found: dict[str, str] = {}
    for word in _words(text) if text else ():
        key, _, value = word.partition("=")
        found.setdefault(key, value)
    return found


def option(app: Application, name: str, *objects: Manifest | None, default: str = "") -> str:
    """Return a sync option: of the first object that names it, else of the application."""
    for manifest in objects:
        own = options_of(manifest)
        if name in own:
            return own[name]
    return app.option(name, default)


def compare_options(manifest: Manifest) -> frozenset[str]:
    """Return an object's compare options, such as `IgnoreExtraneous`."""
    return frozenset(_words(_annotations(manifest).get(COMPARE, "")))


def counts_for_health(manifest: Manifest) -> bool:
    """Say whether an object's health counts for its application."""
    role = role_of(manifest)
    return not (role.hook or role.skipped or _annotations(manifest).get(IGNORE_HEALTH) == "true")


def keeps(manifest: Manifest) -> bool:
    """Say whether Helm's resource policy keeps an object from being deleted."""
    return "keep" in _words(_annotations(manifest).get(HELM_KEEP, ""))


def has_finalizer(manifest: Manifest) -> bool:
    """Say whether an object has the finalizer that keeps a hook until its result is recorded."""
    found = at(manifest, "metadata.finalizers")
    return isinstance(found, list) and HOOK_FINALIZER in found


def deletion_phases(manifest: Manifest) -> frozenset[Phase]:
    """Return the phases of a deletion that an object is a hook of, whatever phases of a sync it names besides.

    Here Helm's annotation counts beside Argo CD's (spec/cluster §4.2.3-4).
    """
    annotations = _annotations(manifest)
    own = {_PHASES[word] for word in _words(annotations.get(HOOK, "")) if word in _PHASES}
    return frozenset({*own, *_helm_phases(annotations)} & {Phase.PRE_DELETE, Phase.POST_DELETE})


def _policies(manifest: Manifest) -> frozenset[Policy]:
    annotations = _annotations(manifest)
    own = (_POLICIES.get(word) for word in _words(annotations.get(HOOK_POLICY, "")))
    helm = (_HELM_POLICIES.get(word) for word in _words(annotations.get(HELM_POLICY, "")))
    return frozenset(policy for policy in (*own, *helm) if policy is not None)


def _helm_phases(annotations: Mapping[str, str]) -> tuple[Phase, ...]:
    words = _words(annotations.get(HELM_HOOK, ""))
    return tuple(dict.fromkeys(_HELM_PHASES[word] for word in words if word in _HELM_PHASES))


def _words(text: object) -> Iterator[str]:
    return (word.strip() for word in str(text).split(",") if word.strip())


def _annotations(manifest: Manifest) -> Mapping[str, str]:
    found = at(manifest, "metadata.annotations")
    return found if isinstance(found, Mapping) else {}
