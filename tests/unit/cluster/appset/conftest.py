"""A stand-in for text/template, and sets made of plain data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from plat.api import ApplicationSet, UserError
from plat.cluster.appset import Text, Tools, engine_of

_PLACEHOLDER = re.compile(r"\{\{\s*\.([\w.]+)\s*\}\}")


class GoTemplates:
    """Knows `{{.a.b}}` only; an unknown key is an error. Counts the batches that it was asked for."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    async def __call__(self, texts: Sequence[Text]) -> list[str | UserError]:
        self.batches.append([item.text for item in texts])
        return [self._one(item) for item in texts]

    def _one(self, item: Text) -> str | UserError:
        try:
            return _PLACEHOLDER.sub(lambda match: str(_look(item.values, match[1])), item.text)
        except KeyError as error:
            return UserError(f"map has no entry for key {error}")


def _look(values: Any, path: str) -> Any:
    for step in path.split("."):
        values = values[step]
    return values


@pytest.fixture
def go_templates() -> GoTemplates:
    return GoTemplates()


@pytest.fixture
def make_set():
    def make(**given: Any) -> ApplicationSet:
        template = {"metadata": {"name": "{{name}}"}, "spec": {"project": "default"}}
        defaults = {"name": "s", "namespace": "argocd", "generators": ({"list": {}},), "template": template}
        return ApplicationSet(**{**defaults, **given})

    return make


@pytest.fixture
def tools(go_templates):
    async def merge_patch(manifest: Mapping[str, Any], text: str) -> Mapping[str, Any]:
        import json  # noqa: PLC0415  # JSON is YAML enough here

        try:
            laid: Mapping[str, Any] = _laid_over(manifest, json.loads(text))
        except ValueError:
            raise UserError("is no YAML") from None
        return laid

    def make(applications: ApplicationSet, **given: Any) -> Tools:
        async def listed(key: str, fields: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
            if "fails" in fields:
                raise UserError(fields["fails"])
            elements: Sequence[Mapping[str, Any]] = fields.get("elements", [])
            return elements

        engine = engine_of(applications, go_templates)
        return Tools(**{"call": listed, "engine": engine, "patch": merge_patch, **given})

    return make


def _laid_over(value: Any, patch: Any) -> Any:
    if not isinstance(patch, Mapping):
        return patch
    result = dict(value) if isinstance(value, Mapping) else {}
    for key, item in patch.items():
        if item is None:
            result.pop(key, None)
        else:
            result[key] = _laid_over(result.get(key), item)
    return result
