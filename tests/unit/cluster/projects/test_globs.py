from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plat.cluster.projects.globs import matches, matches_kind, matches_namespace


@pytest.mark.parametrize(
    ("pattern", "text", "stop_at", "expected"),
    [
        ("hello", "hello", "", True),
        ("hell", "hello", "", False),
        ("hell*", "hello", "", True),
        ("e*", "hello", "", False),
        ("*", "a/b/c", "/", True),
        ("a/*", "a/b", "/", True),
        ("a/*", "a/b/c", "/", False),
        ("a/*", "a/b/c", "", True),
        ("a/**", "a/b/c", "/", True),
        ("a/*/c", "a/b/c", "/", True),
        ("a/?", "a/b", "/", True),
        ("a?b", "a/b", "/", False),
        ("[ab]x", "ax", "", True),
        ("[!ab]x", "ax", "", False),
        ("[!ab]x", "cx", "", True),
        ("[a-c]x", "bx", "", True),
        ("{dev,prod}-*", "prod-1", "", True),
        ("{dev,prod}-*", "test-1", "", False),
        ("{a,{b,c}}d", "cd", "", True),
        ("a,b", "a,b", "", True),
        ("a}b", "a}b", "", True),
        (r"a\*b", "a*b", "", True),
        (r"a\*b", "axb", "", False),
        ("a.c", "abc", "", False),
        ("", "", "", True),
        ("!prod", "prod", "", False),
        ("!prod", "dev", "", True),
        ("!{kube-system,argocd}", "argocd", "", False),
        ("!*", "anything", "", False),
    ],
)
def test_globs(pattern, text, stop_at, expected):
    assert matches(pattern, text, stop_at=stop_at) is expected


@pytest.mark.parametrize("pattern", ["e[[a*", "[", "[a", "[]", "[!]", "[a-]", "{a,b", "a\\", "[z-a]"])
def test_a_pattern_that_cannot_be_read_matches_nothing(pattern):
    assert not matches(pattern, pattern)
    assert not matches(pattern, "a")


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("*", "Deployment", True),
        ("*", "", True),
        ("", "", True),
        ("", "apps", False),
        ("*.example.com", "db.example.com", True),
        ("Dep*", "Deployment", True),
        ("[^D]*", "Deployment", False),
        ("{A,B}", "A", False),
        ("**", "a/b", False),
        ("[", "[", False),
    ],
)
def test_kinds_are_matched_by_shell_patterns(pattern, text, expected):
    assert matches_kind(pattern, text) is expected


@pytest.mark.parametrize(
    ("patterns", "namespace", "expected"),
    [
        (["team-*"], "team-a", True),
        (["other", "te*"], "test", True),
        ([], "test", False),
        ([""], "test", False),
        (["/^((?!disallowed).)*$/"], "disallowed", False),
        (["/^((?!disallowed).)*$/"], "allowed", True),
        (["/eam/"], "team-a", True),
        (["/(/"], "(", False),
        (["/"], "team-a", False),
    ],
)
def test_namespaces_are_globs_or_regular_expressions(patterns, namespace, expected):
    assert matches_namespace(patterns, namespace) is expected


@given(st.text(alphabet="ab/*?[]{},!\\-", max_size=12), st.text(alphabet="ab/-", max_size=8))
def test_no_pattern_raises_and_a_denial_is_the_opposite(pattern, text):
    assert matches("!" + pattern, text, stop_at="/") is not matches(pattern, text, stop_at="/")
    matches_kind(pattern, text)
    matches_namespace([pattern], text)
