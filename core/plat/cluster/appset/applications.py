"""From parameter sets to Application manifests (spec/cluster §8.1.3-4). No cluster and no store is known here."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from plat.api import JSON, ApplicationSet, Manifest, UserError, at
from plat.cluster.appset.engines import Engine
from plat.cluster.appset.merging import filled_up
from plat.cluster.appset.parameters import CallGenerator, Sets, parameter_sets

RESOURCES_FINALIZER: Final = "resources-finalizer.argocd.argoproj.io"
GROUP_VERSION: Final = "argoproj.io/v1alpha1"
SET_KIND: Final = "ApplicationSet"
"""Sets write Argo CD's Application, whatever dialect they were read from: `template` is one."""

Patch = Callable[[Manifest, str], Awaitable[Manifest]]
"""`await patch(application, text)`: strategic merge of a YAML or JSON text."""

Validate = Callable[[Manifest], str]
"""Say what is wrong with one generated Application, such as an unknown project or cluster; empty if nothing."""

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


@dataclass(frozen=True)
class Problem:
    """One result that is skipped. The Application of that name is kept as it is.

    `name` is empty where nobody can tell which Application is meant; then none is deleted.
    """

    name: str
    message: str


@dataclass(frozen=True)
class Generated:
    """What a set wants to be there, in order of name, and the results that are bad."""

    applications: tuple[Manifest, ...]
    problems: tuple[Problem, ...] = ()
    results: tuple[Sets, ...] = field(default=(), repr=False, compare=False)
    """What the generators gave."""


@dataclass(frozen=True)
class Tools:
    """What generating needs from outside."""

    call: CallGenerator
    engine: Engine
    patch: Patch
    validate: Validate = lambda _: ""


async def generate(
    applications: ApplicationSet, tools: Tools, *, uid: str = "", last: Generated | None = None
) -> Generated:
    """Return the Applications that a set wants; the `last` answer for the same set if the generators give the same.

    `uid` is that of the set's own object, for its ownerReference. Raises what a generator raises, and UserError where
    the template cannot be filled: then nothing may be created, updated or deleted (§8.1.4).
    """
    results = tuple(await parameter_sets(applications.generators, tools.call, tools.engine))
    if last is not None and last.results == results:
        return last
    filled = await _filled(applications, results, tools.engine)
    patched = await _patched(applications, filled, results, tools)
    generated = _sorted_out([_finished(applications, manifest, uid) for manifest in patched], tools.validate)
    return replace(generated, results=results)


async def _filled(applications: ApplicationSet, results: Sequence[Sets], engine: Engine) -> list[Manifest]:
    items: list[tuple[JSON, Mapping[str, JSON]]] = []
    for result in results:
        template = filled_up(result.template, applications.template) if result.template else applications.template
        items += [(template, parameters) for parameters in result.sets]
    try:
        return list(await engine.fill(items))
    except UserError as error:
        raise UserError(str(error.args[0]), where="spec.template", remedy=error.remedy) from None


async def _patched(
    applications: ApplicationSet, manifests: Sequence[Manifest], results: Sequence[Sets], tools: Tools
) -> list[Manifest]:
    if not applications.template_patch:
        return list(manifests)
    sets = [parameters for result in results for parameters in result.sets]
    try:
        texts = await tools.engine.fill([(applications.template_patch, parameters) for parameters in sets])
        return [await _patch(manifest, text, tools.patch) for manifest, text in zip(manifests, texts, strict=True)]
    except UserError as error:
        raise UserError(str(error.args[0]), where="spec.templatePatch", remedy=error.remedy) from None


async def _patch(manifest: Manifest, text: str, patch: Patch) -> Manifest:
    """Patch one Application; its project stays, so that a patch cannot lead out of it."""
    if not text.strip():
        return manifest
    patched = await patch(manifest, text)
    spec = dict(patched.get("spec") or {})
    spec.pop("project", None)
    project = at(manifest, "spec.project")
    return {**patched, "spec": spec if project is None else {**spec, "project": project}}


def _finished(applications: ApplicationSet, manifest: Manifest, uid: str) -> dict[str, Any]:
    metadata: dict[str, Any] = dict(manifest.get("metadata") or {})
    metadata["namespace"] = applications.namespace
    if not metadata.get("finalizers") and not applications.preserve_resources_on_deletion:
        metadata["finalizers"] = [RESOURCES_FINALIZER]
    metadata["ownerReferences"] = [owner_reference(applications, uid)]
    spec = manifest.get("spec") or {}
    return {"apiVersion": GROUP_VERSION, "kind": "Application", "metadata": metadata, "spec": spec}


def owner_reference(applications: ApplicationSet, uid: str = "") -> dict[str, JSON]:
    """Return how a generated Application names its set."""
    reference: dict[str, JSON] = {
        "apiVersion": GROUP_VERSION,
        "kind": SET_KIND,
        "name": applications.name,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return reference | ({"uid": uid} if uid else {})


def _sorted_out(manifests: Sequence[Manifest], validate: Validate) -> Generated:
    counts = Counter(name_of(manifest) for manifest in manifests)
    good: list[Manifest] = []
    problems: dict[Problem, None] = {}
    for manifest in manifests:
        name = name_of(manifest)
        message = _name_problem(name, counts[name]) or validate(manifest)
        if message:
            problem = Problem(name if _NAME.fullmatch(name) else "", message)
            problems[problem] = None
        else:
            good.append(manifest)
    return Generated(tuple(sorted(good, key=name_of)), tuple(problems))


def _name_problem(name: str, count: int) -> str:
    if not name:
        return "the template gives no name"
    if not _NAME.fullmatch(name):
        return f"{name!r} is no name that Kubernetes allows"
    if count > 1:
        return f"{count} parameter sets give the name {name!r}"
    return ""


def name_of(manifest: Manifest) -> str:
    """Return the name of a manifest; empty if it has none."""
    name = at(manifest, "metadata.name", "")
    return name if isinstance(name, str) else ""
