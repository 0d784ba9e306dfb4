from __future__ import annotations

import fnmatch
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plat.api import UserError
from plat.git import escape, matches


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        ("services/*", "services/a", True),
        ("services/*", "services/a/b", False),
        ("services/*", "services", False),
        ("services/*/kustomization.y*ml", "services/a/kustomization.yaml", True),
        ("*", ".hidden", True),
        ("**", "a/b/c", True),
        ("**/c", "c", True),
        ("**/c", "a/b/c", True),
        ("a/**", "a", False),
        ("a/**", "a/b", True),
        ("a/**/d", "a/d", True),
        ("a/**/d", "a/b/c/d", True),
        ("*/**", "x", False),
        ("**/**/x", "x", True),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("[a-c]x", "bx", True),
        ("[!a-c]x", "bx", False),
        ("[^a-c]x", "dx", True),
        ("[]]", "]", True),
        ("[", "[", True),
        (r"\*", "*", True),
        (r"\*", "a", False),
        (r"\[x]/*", "[x]/y", True),
        ("./a//b", "a/b", True),
        ("A", "a", False),
    ],
)
def test_globs(glob: str, path: str, *, expected: bool) -> None:
    assert matches(glob, path) is expected


@pytest.mark.parametrize("glob", ["/etc/*", "a/*/../b", "[z-a]*"])
def test_a_bad_glob_is_an_error(glob: str) -> None:
    with pytest.raises(UserError):
        matches(glob, "a")


segment = st.text(alphabet="ab.-[]*?!\\", min_size=1, max_size=8).filter(lambda text: text not in (".", ".."))
plain = st.text(alphabet="abc.-", min_size=1, max_size=8).filter(lambda text: text not in (".", ".."))


@given(st.lists(segment, min_size=1, max_size=4).map("/".join))
def test_an_escaped_path_matches_itself_and_nothing_else(path: str) -> None:
    assert matches(escape(path), path)
    assert not matches(escape(path), path + "a")


@given(st.text(alphabet="ab*?", min_size=1, max_size=8).filter(lambda text: "**" not in text), plain)
def test_one_segment_is_as_fnmatch(glob: str, name: str) -> None:
    assert matches(glob, name) == fnmatch.fnmatchcase(name, glob)


@given(st.lists(plain, min_size=1, max_size=5))
def test_two_stars_match_every_path(parts: list[str]) -> None:
    path = "/".join(parts)
    assert matches("**", path)
    assert matches(f"**/{escape(parts[-1])}", path)
    assert matches(f"{escape(parts[0])}/**", path) == (len(parts) > 1)


def test_a_hostile_glob_takes_no_time() -> None:
    started = time.process_time()
    assert not matches("*a" * 40 + "b", "a" * 2000)
    assert not matches("**/a/" * 30 + "b", "/".join("a" * 60))
    assert time.process_time() - started < 2


@given(st.text(alphabet=string.printable, max_size=20))
def test_any_text_is_a_glob_or_an_error(text: str) -> None:
    try:
        matches(text, "a/b")
    except UserError:
        return
