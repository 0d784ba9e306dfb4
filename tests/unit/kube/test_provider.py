from __future__ import annotations

from pathlib import Path
from typing import Any

import pluggy
import pytest

from plat.api import Hooks, UserError
from plat.kube import Client, Kubeconfig, provider

TEXT = """
current-context: one
contexts: [{name: one, context: {cluster: c}}, {name: two, context: {cluster: c}}]
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config"
    path.write_text(TEXT)
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


def _connect(**fields: Any) -> Any:
    return Kubeconfig.model_validate(fields).connect(None)  # type: ignore[arg-type]  # it uses nothing of it


@pytest.mark.parametrize(("fields", "context"), [({}, "one"), ({"context": "two"}, "two")])
def test_the_context_is_the_given_or_the_current_one(file: Path, fields: dict[str, str], context: str) -> None:
    connection = _connect(**fields)
    assert connection.context == context
    assert Client.from_connection(connection, name="c").server == "http://127.0.0.1:1"


def test_a_file_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    path = tmp_path / "mine"
    path.write_text(TEXT)
    assert _connect(kubeconfig=str(path)).context == "one"


@pytest.mark.parametrize(
    ("text", "fields", "message"),
    [
        (TEXT, {"context": "tow"}, "did you mean 'two'"),
        ("contexts: []", {}, "no current context"),
        ("a: [", {}, "not YAML"),
    ],
)
def test_what_is_wrong_is_said_with_the_file(file: Path, text: str, fields: dict[str, str], message: str) -> None:
    file.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        _connect(**fields)
    assert str(file) in caught.value.where


def test_it_is_registered_by_its_hook() -> None:
    manager = pluggy.PluginManager("plat")
    manager.add_hookspecs(Hooks)
    manager.register(provider)
    assert manager.hook.plat_clusters() == [(Kubeconfig,)]
    assert Kubeconfig.kind == "kubeconfig"
