"""Bringing an object to the form in which it is compared (spec/cluster §3.2 step 4, §3.3). Pure.

Both sides are brought to it: what is dropped here is never a difference.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, Final

from plat.api import JSON, Application, IgnoreRule, Manifest, Ref, editable

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_SERVER_SIDE: Final = ("creationTimestamp", "managedFields", "resourceVersion", "generation", "uid", "selfLink")
RBAC: Final = "rbac.authorization.k8s.io"


def normal(manifest: Manifest) -> dict[str, Any]:
    """Return a copy without status and the server's own metadata, spelled as `alike` does."""
    body = alike(manifest)
    body.pop("status", None)
    metadata = body.get("metadata") or {}
    for name in _SERVER_SIDE:
        metadata.pop(name, None)
    annotations = metadata.get("annotations")
    if isinstance(annotations, dict):
        annotations.pop(LAST_APPLIED, None)
    return body


def alike(manifest: Manifest) -> dict[str, Any]:
    """Return a copy in which values that may be spelled in several ways are spelled in one."""
    body = editable(manifest)
    group, kind = str(body.get("apiVersion", "")).rpartition("/")[0], body.get("kind")
    if not group and kind == "Secret":
        _secret(body)
    if group == RBAC and kind in ("Role", "ClusterRole"):
        _role(body)
    return body


def applicable(app: Application, ref: Ref) -> tuple[IgnoreRule, ...]:
    """Return the ignore rules of an application that are meant for one object."""
    return tuple(rule for rule in app.ignore if _meant(rule, ref))


def without(manifest: Manifest, pointers: Iterable[str]) -> Manifest:
    """Remove what JSON pointers (RFC 6901) name, each on its own; one that leads nowhere is fine."""
    body = editable(manifest)
    for pointer in pointers:
        _remove(body, [_unescape(step) for step in pointer.lstrip("/").split("/")])
    return body


def _meant(rule: IgnoreRule, ref: Ref) -> bool:
    return (
        fnmatchcase(ref.group, rule.group)
        and fnmatchcase(ref.kind, rule.kind)
        and rule.name in ("", ref.name)
        and rule.namespace in ("", ref.namespace)
    )


def _remove(node: JSON, steps: list[str]) -> None:
    *parents, last = steps
    for step in parents:
        node = _child(node, step)
        if node is None:
            return
    if isinstance(node, dict):
        node.pop(last, None)
    elif isinstance(node, list) and last.isdigit() and int(last) < len(node):
        del node[int(last)]


def _child(node: JSON, step: str) -> JSON:
    if isinstance(node, dict):
        return node.get(step)
    if isinstance(node, list) and step.isdigit() and int(step) < len(node):
        return node[int(step)]
    return None


def _unescape(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")


def _secret(body: dict[str, Any]) -> None:
    text = body.pop("stringData", None) or {}
    data = dict(body.get("data") or {})
    data |= {key: base64.b64encode(str(value).encode()).decode() for key, value in text.items()}
    if data:
        body["data"] = {key: "" if value is None else value for key, value in data.items()}


def _role(body: dict[str, Any]) -> None:
    if body.get("rules") == []:
        body["rules"] = None
