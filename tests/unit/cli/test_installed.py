from __future__ import annotations

import os
import sys

import pytest

from plat.cli import installed
from plat.cli.listing import LISTING, quick


@pytest.fixture
def site(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.setattr(sys, "path", [*sys.path, str(folder)])
    return folder


@pytest.fixture
def environ(tmp_path):
    return {"PLAT_CACHE": str(tmp_path / "cache")}


def keep(environ, value, files=()):
    installed.remember("x", value, environ, before=installed.places(), files=[installed._stamp(path) for path in files])


def distribution(site, name, points, version="1.0"):
    info = site / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[plat.commands]\n{points}\n")


def test_what_was_remembered_is_recalled(site, environ):
    assert installed.recall("x", environ) is None
    keep(environ, {"a": [1]})
    assert installed.recall("x", environ) == {"a": [1]}
    assert installed.recall("y", environ) is None


def install(site, source):
    os.utime(site, ns=(1, 1))
    (site / "new.dist-info").mkdir()


def edit(site, source):
    source.write_text("other = 2")


def touch(site, source):
    os.utime(source, ns=(1, 1))


def delete(site, source):
    source.unlink()


@pytest.mark.parametrize("change", [install, edit, touch, delete])
def test_whatever_changes_makes_it_stale(site, environ, tmp_path, change):
    source = tmp_path / "editable.py"
    source.write_text("x = 1")
    keep(environ, [1], [str(source)])
    assert installed.recall("x", environ) == [1]
    change(site, source)
    assert installed.recall("x", environ) is None


def test_the_operators_switch_is_part_of_it(site, environ):
    keep(environ, [1])
    assert installed.recall("x", {**environ, "PLAT_DISABLE_PLUGINS": "acme"}) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", "{", "null", '{"key": 1}', "\0"])
def test_a_damaged_file_is_ignored(site, environ, tmp_path, content):
    keep(environ, [1])
    (file,) = (tmp_path / "cache" / "installed").iterdir()
    file.write_text(content)
    assert installed.recall("x", environ) is None


def test_a_cache_that_cannot_be_written_is_no_trouble(site, environ, tmp_path):
    (tmp_path / "cache").write_text("a file where a folder should be")
    keep(environ, [1])
    assert installed.recall("x", environ) is None


def test_commands_come_from_metadata_and_are_seen_when_installed(site, environ):
    before = set(installed.commands(environ))
    distribution(site, "plat-acme", "acme = plat_acme.cli:app")
    os.utime(site, ns=(1, 1))
    found = installed.commands(environ)
    assert set(found) - before == {"acme"}
    assert found["acme"] == [{"value": "plat_acme.cli:app", "distribution": "plat-acme", "version": "1.0"}]


def test_two_providers_of_a_command_are_both_named(site, environ):
    distribution(site, "one", "acme = one:app")
    distribution(site, "two", "acme = two:app")
    assert [item["distribution"] for item in installed.commands(environ)["acme"]] == ["one", "two"]


def test_a_disabled_distribution_has_no_commands(site, environ):
    distribution(site, "plat-acme", "acme = plat_acme.cli:app")
    assert "acme" not in installed.commands({**environ, "PLAT_DISABLE_PLUGINS": "plat-acme"})


ROW = {"name": "acme", "distribution": "plat-acme", "version": "1.0", "status": "active", "hooks": ["plat_tools"], "kinds": list("abcdef"), "why": ""}  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["list"], "acme  plat-acme     1.0      active  tools  a, b, c, d and 2 more"),
        (["list", "--json"], '"kinds": [\n      "a",'),
        (["list", "-o", "json"], '"version": "1.0"'),
        (["list", "--hook", "plat_tools"], "acme"),
        (["list", "--hook", "plat_event"], "No plug-in implements plat_event."),
        (["list", "--hook", "plat_nonsense"], None),
        (["list", "--help"], None),
        (["list", "-o", "yaml"], None),
        (["list", "-o"], None),
        (["check", "x"], None),
        ([], None),
    ],
)
def test_only_plain_requests_are_answered_at_once(site, environ, arguments, words):
    answer = {"hooks": ["plat_tools", "plat_event"], "rows": [ROW]}
    assert quick(arguments, environ) is None
    installed.remember(LISTING, answer, environ, before=installed.places(), files=[])
    found = quick(arguments, environ)
    assert (words is None) == (found is None)
    assert (words or "") in (found or "")
