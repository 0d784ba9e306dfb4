"""What an object says of its own sync: hook, delete policy, wave, options (spec/cluster §4.2, §4.6). Pure."""

from __future__ import annotations

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
        phases = tuple(dict.fromkeys(Phase(word) for word in words if word in set(Phase)))
        if not phases and _SKIP in words:
            return Role(skipped=True)
        return Role(hook=True, phases=phases or _helm_phases(annotations))
    if HELM_HOOK in annotations and _CRD_INSTALL not in _words(annotations[HELM_HOOK]):
        return Role(hook=True, phases=_helm_phases(annotations))
    return Role()


def delete_policies(manifest: Manifest) -> frozenset[Policy]:
    """Return when a hook is deleted: Argo CD's and Helm's policies together; none valid means before creation."""
    annotations = _annotations(manifest)
    own = {Policy(word) for word in _words(annotations.get(HOOK_POLICY, "")) if word in set(Policy)}
    helm = {_HELM_POLICIES[word] for word in _words(annotations.get(HELM_POLICY, "")) if word in _HELM_POLICIES}
    return frozenset(own | helm) or frozenset({Policy.BEFORE_CREATION})


def has_policy(manifest: Manifest) -> bool:
    """Say whether an object names any valid delete policy itself."""
    annotations = _annotations(manifest)
    known = {*set(Policy), *_HELM_POLICIES}
    words = (*_words(annotations.get(HOOK_POLICY, "")), *_words(annotations.get(HELM_POLICY, "")))
    return any(word in known for word in words)


def wave_of(manifest: Manifest) -> int:
    """Return the wave: the annotation, else Helm's weight, else 0; what is no integer counts as absent."""
    annotations = _annotations(manifest)
    for name in (WAVE, HELM_WEIGHT):
        try:
            return int(annotations.get(name, "").strip())
        except ValueError:
            continue
    return 0


def options_of(manifest: Manifest | None) -> Mapping[str, str]:
    """Return an object's own sync options."""
    words = _words(_annotations(manifest or {}).get(OPTIONS, ""))
    return {key: value for key, _, value in (word.partition("=") for word in words)}


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
    return bool(_annotations(manifest).get(HELM_KEEP) == "keep")


def _helm_phases(annotations: Mapping[str, str]) -> tuple[Phase, ...]:
    words = _words(annotations.get(HELM_HOOK, ""))
    return tuple(dict.fromkeys(_HELM_PHASES[word] for word in words if word in _HELM_PHASES))


def _words(text: object) -> Iterator[str]:
    return (word.strip() for word in str(text).split(",") if word.strip())


def _annotations(manifest: Manifest) -> Mapping[str, str]:
    found = at(manifest, "metadata.annotations", {})
    return found if isinstance(found, Mapping) else {}
