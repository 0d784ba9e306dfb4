"""Fakes for what generators and renderers are given, and the article's manifests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import translate
from pathlib import Path
from re import compile as pattern
from typing import Any

import pytest
import yaml

from plat.api import Application, Destination, GeneratorContext, RenderContext, Source, UserError


@dataclass(frozen=True)
class FakeTree:
    """The files of one commit; `*` of a glob stops at `/`, `**` does not."""

    content: Mapping[str, bytes]
    commit: str = "c0ffee0000000000000000000000000000000000"
    asked: list[str] = field(default_factory=list, compare=False)

    def read(self, path: str) -> bytes:
        self.asked.append(path)
        return self.content[path]

    def files(self, *globs: str) -> Sequence[str]:
        return [path for path in sorted(self.content) if _any(globs, path)]

    def directories(self, *globs: str) -> Sequence[str]:
        parents = {str(parent) for path in self.content for parent in Path(path).parents} - {"."}
        return [path for path in sorted(parents) if _any(globs, path)]

    def overlay(self, files: Mapping[str, bytes]) -> FakeTree:
        return FakeTree({**self.content, **files}, self.commit)

    async def export(self) -> Path:
        raise NotImplementedError


@dataclass(frozen=True)
class FakeGit:
    trees: Mapping[tuple[str, str], FakeTree]

    async def tree(self, url: str, revision: str = "HEAD") -> FakeTree:
        return self.trees[url, revision]

    async def refs(self, url: str, *globs: str) -> Mapping[str, str]:
        raise NotImplementedError


class Silent:
    def debug(self, text: str, /, **facts: Any) -> None: ...
    def info(self, text: str, /, **facts: Any) -> None: ...
    def warning(self, text: str, /, **facts: Any) -> None: ...


class FixedClock:
    def now(self) -> datetime:
        return datetime(2026, 11, 25, tzinfo=UTC)


class FakeEval:
    """A stand-in for text/template: `{{.a.b}}` only."""

    async def jq(self, text: str, value: Any) -> Any:
        raise NotImplementedError

    async def template(self, text: str, values: Any, *, options: Sequence[str] = ()) -> str:
        def look(match: Any) -> str:
            value = values
            for step in match[1].split("."):
                value = value[step]
            return str(value)

        return pattern(r"\{\{\s*\.([\w.]+)\s*\}\}").sub(look, text)


class FakeRender:
    """Reads YAML by PyYAML, which is near enough; remembers what jsonnet was asked for."""

    def __init__(self, jsonnet: Any = None) -> None:
        self.jsonnet_value, self.asked = jsonnet, []

    async def yaml(self, text: bytes, *, where: str = "") -> Sequence[Any]:
        try:
            documents = [document for document in yaml.safe_load_all(text) if document is not None]
        except yaml.YAMLError:
            raise UserError("bad YAML", where=f"{where}:1") from None
        return [item for document in documents for item in _items(document)]

    async def jsonnet(self, tree: Any, path: str, **options: Any) -> Any:
        self.asked.append((path, options))
        return self.jsonnet_value


def _items(document: Any) -> list[Any]:
    is_list = isinstance(document, dict) and str(document.get("kind", "")).endswith("List")
    return document["items"] if is_list else [document]


@pytest.fixture
def render_context():
    def make(tree: FakeTree, path: str = ".", **given: Any) -> RenderContext:
        app = Application(name="web", sources=(Source(url="u"),), destination=Destination(name="c", namespace="ns"))
        defaults: dict[str, Any] = {
            "log": Silent(),
            "clock": FixedClock(),
            "progress": lambda _: None,
            "key": "test",
            "tree": tree,
            "path": path,
            "refs": {},
            "app": app,
            "env": {"ARGOCD_APP_NAME": "web"},
            "kube_version": "1.35",
            "api_versions": (),
            "render": FakeRender(),
            "exec": None,
            "http": None,
        }
        return RenderContext(**{**defaults, **given})

    return make


@pytest.fixture
def tree():
    def make(*paths: str, **content: str) -> FakeTree:
        return FakeTree({**dict.fromkeys(paths, b""), **{p: text.encode() for p, text in content.items()}})

    return make


@pytest.fixture
def generator_context():
    def make(**given: Any) -> GeneratorContext:
        trees = given.pop("trees", {})
        defaults: dict[str, Any] = {
            "log": Silent(),
            "clock": FixedClock(),
            "progress": lambda _: None,
            "key": "test",
            "git": FakeGit(trees),
            "http": None,
            "clusters": (),
            "render": FakeRender(),
            "eval": FakeEval(),
            "go_template": False,
            "go_template_options": (),
        }
        return GeneratorContext(**{**defaults, **given})

    return make


def _any(globs: Sequence[str], path: str) -> bool:
    return not globs or any(_regex(glob).match(path) for glob in globs)


def _regex(glob: str) -> Any:
    text = translate(glob.replace("**/", "\0").replace("**", "\1"))
    return pattern(text.replace(".*", "[^/]*").replace("\0", "(?:.*/)?").replace("\1", ".*"))
