from __future__ import annotations

import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def _generator():
    spec = spec_from_file_location("write_reference", ROOT / "tools" / "write_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


GENERATOR = _generator()
PAGES = GENERATOR.pages()


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_generated_page_is_up_to_date(name):
    assert (ROOT / "docs" / "reference" / name).read_text() == PAGES[name], "run `make docs`"


def test_everything_on_the_page_of_hooks_says_what_it_is():
    assert re.findall(r"^.*\|\s*\|$", re.sub(r"\| access \| \|", "", PAGES["hooks.md"]), re.MULTILINE) == []


@pytest.mark.parametrize(
    "words",
    [
        "render(ctx: RenderContext)",
        "acting, optional",
        "required",
        "`tree: Tree`",
        "RendererSuite",
        "plat plugins new NAME --hook plat_tools",
    ],
)
def test_the_page_of_hooks_has_what_an_author_needs(words):
    assert words in PAGES["hooks.md"]


def test_a_page_that_is_out_of_date_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(GENERATOR, "FOLDER", tmp_path)
    assert GENERATOR.main(["--check"]) == 1
    assert "out of date: docs/reference/hooks.md" in capsys.readouterr().out
    assert GENERATOR.main([]) == 0
    assert GENERATOR.main(["--check"]) == 0
