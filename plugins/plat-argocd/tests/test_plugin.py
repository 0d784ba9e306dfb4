from __future__ import annotations

from importlib.metadata import entry_points


def test_the_entry_point_names_the_module() -> None:
    (entry,) = [e for e in entry_points(group="plat") if e.name == "argocd"]
    module = entry.load()
    assert {cls.kind for cls in module.plat_dialects()} == {
        "argoproj.io/Application",
        "argoproj.io/ApplicationSet",
        "argoproj.io/AppProject",
        "Secret",
    }
    assert {cls.kind for cls in module.plat_generators()} == {"list", "clusters", "git.directories", "git.files"}
    assert {cls.kind for cls in module.plat_renderers()} == {"directory"}
