"""Distributions made of text: what an installed plug-in looks like to the host."""

from __future__ import annotations

import sys
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from plat.host.discovery import installed

HEALTH = """
from plat.api import Health, HealthCheck, HealthStatus, hookimpl

class Check(HealthCheck):
    kind = {kind!r}
    def check(self, manifest):
        return Health(HealthStatus.HEALTHY, "as {kind}")

@hookimpl
def plat_health_checks():
    return [Check]
"""


class Site:
    """A folder of distributions, importable for one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, name: str, code: str, *, version: str = "1.0", requires: str = "", points: str = "") -> None:
        module = name.replace("-", "_")
        (self.folder / f"{module}.py").write_text(code)
        info = self.folder / f"{module}-{version}.dist-info"
        info.mkdir()
        needs = f"Requires-Dist: {requires}\n" if requires else ""
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
        (info / "entry_points.txt").write_text(f"[plat]\n{points or f'{name} = {module}'}\n")

    def rows(self):
        return installed(PathDistribution(path) for path in sorted(self.folder.glob("*.dist-info")))


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield Site(tmp_path)
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def health():
    return lambda kind: HEALTH.format(kind=kind)
