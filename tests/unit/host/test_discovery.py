from __future__ import annotations

import sys

import pytest

from plat.api import HealthCheck, UserError
from plat.host import Host, discovery

HOOKS = {"plat_health_checks": HealthCheck}


def _host(site, tmp_path=None, environ=None):
    index = tmp_path / "cache" / "plugins.json" if tmp_path else None
    return Host(site.rows(), environ=environ or {}, index=index)


def test_a_working_plugin_is_listed_with_what_it_brings(site, health):
    site.add("acme-health", health("acme/Thing"), version="2.1")
    (info,) = _host(site).plugins(HOOKS)
    assert (info.name, info.distribution, info.version, info.status) == ("acme-health", "acme-health", "2.1", "active")
    assert (info.hooks, info.kinds, info.why) == (("plat_health_checks",), ("acme/Thing",), "")


@pytest.mark.parametrize(
    ("code", "requires", "status", "why"),
    [
        ("raise RuntimeError('boom')", "", "broken", "import failed: RuntimeError: boom"),
        ("import sys; sys.exit(3)", "", "broken", "import failed: SystemExit: 3"),
        ("def broken(:", "", "broken", "import failed: SyntaxError"),
        ("x = 1", "", "broken", "implements no hook"),
        ("from plat.api import hookimpl\n@hookimpl\ndef plat_nonsense(): return []", "", "broken", "plat_nonsense"),
        ("from plat.api import hookimpl\n@hookimpl\ndef plat_tools(extra): return []", "", "broken", "extra"),
        ("x = 1", "plat-core>=99", "incompatible", "needs plat-core>=99"),
        (
            "from plat.api import hookimpl\n@hookimpl\ndef plat_health_checks(): raise ValueError('no')",
            "",
            "faulty",
            "plat_health_checks raised ValueError: no",
        ),
        (
            "from plat.api import hookimpl\n@hookimpl\ndef plat_health_checks(): return [int]",
            "",
            "faulty",
            "which is not a class derived from HealthCheck",
        ),
        (
            "from plat.api import HealthCheck, hookimpl\nclass C(HealthCheck):\n  kind='x'\n@hookimpl\ndef plat_health_checks(): return [C]",
            "",
            "faulty",
            "which lacks check",
        ),
    ],
)
def test_what_does_not_work_says_why_and_stops_no_other(site, health, code, requires, status, why):
    site.add("bad-one", code, requires=requires)
    site.add("good-one", health("good/Thing"))
    host = _host(site)
    bad, good = host.plugins(HOOKS)
    assert (bad.status, good.status) == (status, "active")
    assert why in bad.why
    assert host.registry("plat_health_checks", HealthCheck).kinds() == ("good/Thing",)


@pytest.mark.parametrize(
    ("name", "code", "why"),
    [
        ("bad-import", "import time; time.sleep(1)", "import failed: TimeoutError: did not end within 0.3 s"),
        (
            "bad-hook",
            "import time\nfrom plat.api import hookimpl\n@hookimpl\ndef plat_health_checks(): time.sleep(1)",
            "plat_health_checks raised TimeoutError: did not end within 0.3 s",
        ),
        (
            "bad-exit",
            "from plat.api import hookimpl\n@hookimpl\ndef plat_health_checks(): raise SystemExit(3)",
            "plat_health_checks raised SystemExit: 3",
        ),
    ],
)
def test_what_hangs_or_exits_holds_nobody_up(site, health, monkeypatch, name, code, why):
    monkeypatch.setattr(discovery, "PATIENCE", 0.3)
    site.add(name, code)
    site.add("good-one", health("good/Thing"))
    bad, good = _host(site).plugins(HOOKS)
    assert (bad.status, good.status) == ("broken" if "import" in why else "faulty", "active")
    assert why in bad.why


def test_a_requirement_that_cannot_be_read_is_named(site, health):
    site.add("acme-health", health("acme/Thing"), requires="plat-core >>> 1")
    (info,) = _host(site).plugins(HOOKS)
    assert (info.status, info.why[:40]) == ("incompatible", "its requirement 'plat-core >>> 1' cannot")


def test_a_dispute_over_one_kind_is_listed_at_both(site, health):
    site.add("first", health("acme/Thing"))
    site.add("second", health("acme/Thing"))
    site.add("third", health("acme/Other"))
    infos = _host(site).plugins(HOOKS)
    assert [info.status for info in infos] == ["faulty", "faulty", "active"]
    assert all("both provide 'acme/Thing'" in info.why for info in infos[:2])


def test_an_index_that_cannot_be_written_is_no_trouble(site, health, tmp_path):
    site.add("one-plugin", health("acme/One"))
    (tmp_path / "cache").write_text("a file where a folder should be")
    assert _host(site, tmp_path).one("plat_health_checks", HealthCheck, "acme/One").kind == "acme/One"


def test_an_operator_can_switch_one_off_by_name(site, health):
    site.add("acme-health", health("acme/Thing"))
    (info,) = _host(site, environ={"PLAT_DISABLE_PLUGINS": "other, acme-health"}).plugins(HOOKS)
    assert (info.status, info.kinds) == ("disabled", ())


def test_two_that_claim_one_kind_are_an_error_naming_both(site, health):
    site.add("first", health("acme/Thing"))
    site.add("second", health("acme/Thing"))
    with pytest.raises(UserError, match=r"first \(first 1.0\) and second \(second 1.0\) both provide 'acme/Thing'"):
        _host(site).registry("plat_health_checks", HealthCheck)


def test_an_unknown_kind_names_the_nearest(site, health):
    site.add("acme-health", health("acme/Thing"))
    with pytest.raises(UserError) as caught:
        _host(site).registry("plat_health_checks", HealthCheck).get("acme/Thin")
    assert caught.value.remedy == "did you mean 'acme/Thing'?"


def test_globs_match_after_exact_kinds(site, health):
    site.add("wide", health("acme/*"))
    site.add("exact", health("acme/Thing"))
    registry = _host(site).registry("plat_health_checks", HealthCheck)
    assert registry.get("acme/Thing").owner.name == "exact"
    assert registry.get("acme/Other").owner.name == "wide"


def test_with_the_index_only_the_owner_is_imported(site, health, tmp_path):
    site.add("one-plugin", health("acme/One"))
    site.add("two-plugin", health("acme/Two"))
    _host(site, tmp_path).registry("plat_health_checks", HealthCheck)
    for name in ("one_plugin", "two_plugin"):
        del sys.modules[name]

    host = _host(site, tmp_path)
    assert host.one("plat_health_checks", HealthCheck, "acme/Two").kind == "acme/Two"
    assert "two_plugin" in sys.modules
    assert "one_plugin" not in sys.modules


def test_an_index_that_leads_nowhere_is_not_believed(site, health, tmp_path):
    site.add("one-plugin", health("acme/One"))
    _host(site, tmp_path).registry("plat_health_checks", HealthCheck)
    (tmp_path / "one_plugin.py").write_text(health("acme/Renamed"))
    del sys.modules["one_plugin"]
    assert _host(site, tmp_path).one("plat_health_checks", HealthCheck, "acme/Renamed").kind == "acme/Renamed"


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"installed": "old", "hooks": {}}'])
def test_a_broken_index_is_made_anew(site, health, tmp_path, content):
    site.add("one-plugin", health("acme/One"))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "plugins.json").write_bytes(content)
    assert _host(site, tmp_path).one("plat_health_checks", HealthCheck, "acme/One").kind == "acme/One"
