from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plat.git.semver import Version, highest, parse_constraint, parse_version

VERSIONS = [
    "0.0.0",
    "0.0.3",
    "0.0.4",
    "0.2.3",
    "0.2.9",
    "0.3.0",
    "1.0.0",
    "1.1.9",
    "1.2.3-alpha",
    "1.2.3-beta.2",
    "1.2.3-beta.11",
    "1.2.3",
    "1.2.4-beta.2",
    "1.2.4",
    "1.3.0-rc.1",
    "1.3.0",
    "1.4.5",
    "2.0.0-rc.1",
    "2.0.0",
    "2.1.0",
    "10.0.0",
]
ZEROES = "0.0.0 0.0.3 0.0.4 0.2.3 0.2.9 0.3.0 "

# What Masterminds/semver v3.5.0 answered for these constraints and VERSIONS.
ALLOWED = [
    ("*", ZEROES + "1.0.0 1.1.9 1.2.3 1.2.4 1.3.0 1.4.5 2.0.0 2.1.0 10.0.0"),
    ("1", "1.0.0 1.1.9 1.2.3 1.2.4 1.3.0 1.4.5"),
    ("1.x", "1.0.0 1.1.9 1.2.3 1.2.4 1.3.0 1.4.5"),
    ("1.2", "1.2.3 1.2.4"),
    ("1.2.x", "1.2.3 1.2.4"),
    ("1.2.3", "1.2.3"),
    ("=1.2.3", "1.2.3"),
    ("v1.2.3", "1.2.3"),
    ("!=1.2.3", ZEROES + "1.0.0 1.1.9 1.2.4 1.3.0 1.4.5 2.0.0 2.1.0 10.0.0"),
    ("!=1.2", ZEROES + "1.0.0 1.1.9 1.3.0 1.4.5 2.0.0 2.1.0 10.0.0"),
    ("!=1", ZEROES + "2.0.0 2.1.0 10.0.0"),
    (">1", "2.0.0 2.1.0 10.0.0"),
    (">1.2", "1.3.0 1.4.5 2.0.0 2.1.0 10.0.0"),
    (">1.2.3", "1.2.4 1.3.0 1.4.5 2.0.0 2.1.0 10.0.0"),
    (">=1.2", "1.2.3 1.2.4 1.3.0 1.4.5 2.0.0 2.1.0 10.0.0"),
    ("=>1.2.3", "1.2.3 1.2.4 1.3.0 1.4.5 2.0.0 2.1.0 10.0.0"),
    ("<1.2.3", ZEROES + "1.0.0 1.1.9"),
    ("<=1", ZEROES + "1.0.0 1.1.9 1.2.3 1.2.4 1.3.0 1.4.5"),
    ("<=1.2", ZEROES + "1.0.0 1.1.9 1.2.3 1.2.4"),
    ("<=1.2.3", ZEROES + "1.0.0 1.1.9 1.2.3"),
    ("~1", "1.0.0 1.1.9 1.2.3 1.2.4 1.3.0 1.4.5"),
    ("~1.2", "1.2.3 1.2.4"),
    ("~>1.2.3", "1.2.3 1.2.4"),
    ("~0.0.0", ZEROES + "1.0.0 1.1.9 1.2.3 1.2.4 1.3.0 1.4.5 2.0.0 2.1.0 10.0.0"),
    ("^1.2", "1.2.3 1.2.4 1.3.0 1.4.5"),
    ("^0", "0.0.0 0.0.3 0.0.4 0.2.3 0.2.9 0.3.0"),
    ("^0.0", "0.0.0 0.0.3 0.0.4"),
    ("^0.2.3", "0.2.3 0.2.9"),
    ("^0.0.3", "0.0.3"),
    (">=1.0 <2", "1.0.0 1.1.9 1.2.3 1.2.4 1.3.0 1.4.5"),
    (">= 1.0 , < 2.0.0", "1.0.0 1.1.9 1.2.3 1.2.4 1.3.0 1.4.5"),
    ("1.2 - 1.4.5", "1.2.3 1.2.4 1.3.0 1.4.5"),
    ("1.2.3 || ^2", "1.2.3 2.0.0 2.1.0"),
    ("~1.2.3-beta.2", "1.2.3-beta.2 1.2.3-beta.11 1.2.3 1.2.4-beta.2 1.2.4"),
    ("^2.0.0-0", "2.0.0-rc.1 2.0.0 2.1.0"),
    (">=1.2.3-alpha <1.3", "1.2.3-alpha 1.2.3-beta.2 1.2.3-beta.11 1.2.3 1.2.4-beta.2 1.2.4 1.3.0-rc.1"),
    (
        ">=1.2.4-0 || 0.x",
        ZEROES + "1.2.4-beta.2 1.2.4 1.3.0-rc.1 1.3.0 1.4.5 2.0.0-rc.1 2.0.0 2.1.0 10.0.0",
    ),
    (">*", ZEROES.replace("0.0.0 ", "") + "1.0.0 1.1.9 1.2.3 1.2.4 1.3.0 1.4.5 2.0.0 2.1.0 10.0.0"),
    ("<=*", "0.0.0 0.0.3 0.0.4"),
    ("^*", "0.0.0"),
    ("1.x.3", "1.0.0 1.1.9 1.2.3 1.2.4 1.3.0 1.4.5"),
    ("1.2.4-beta.2", "1.2.4-beta.2"),
]


@pytest.mark.parametrize(("text", "allowed"), ALLOWED)
def test_constraints_mean_what_upstream_means(text: str, allowed: str) -> None:
    constraint = parse_constraint(text)
    assert constraint is not None
    parsed = [(text, parse_version(text)) for text in VERSIONS]
    assert [text for text, version in parsed if version and constraint.allows(version)] == allowed.split()


@pytest.mark.parametrize(
    "text", ["", " ", "main", "release-1.0", "1.2.3.4", ">=1,,<2", "1,", "feature/1", "1.0 || ", "٣"]
)
def test_what_is_no_constraint(text: str) -> None:
    assert parse_constraint(text) is None


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1", Version((1, 0, 0))),
        ("v1.2", Version((1, 2, 0))),
        ("1.2.3-rc.1+build.7", Version((1, 2, 3), ("rc", "1"))),
        ("01.2.3", Version((1, 2, 3))),
        ("1.2.3-01", None),
        ("1.2.3.4", None),
        ("1.2.3-", None),
        ("latest", None),
        ("9" * 20, None),
    ],
)
def test_versions(text: str, version: Version | None) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize(
    ("text", "names", "best"),
    [
        ("1.x", ["v1.0.0", "v1.10.0", "v1.9.0", "v2.0.0"], "v1.10.0"),
        ("*", ["nightly", "v1.0.0-rc.1"], ""),
        ("*-0", ["nightly", "v1.0.0-rc.1", "v1.0.0-rc.2"], "v1.0.0-rc.2"),
        ("1.0.0", ["v1.0.0", "1.0.0"], "v1.0.0"),
        ("1.0.0", ["1.0.0", "v1.0.0"], "v1.0.0"),
        ("3", ["v1.0.0"], ""),
    ],
)
def test_the_highest_wins(text: str, names: list[str], best: str) -> None:
    constraint = parse_constraint(text)
    assert constraint is not None
    assert highest(constraint, [(name, name) for name in names]) == best


numbers = st.integers(0, 12)
prereleases = st.lists(st.sampled_from(["0", "1", "11", "alpha", "beta", "rc-1"]), max_size=3).map(tuple)
versions = st.builds(lambda a, b, c, pre: Version((a, b, c), pre), numbers, numbers, numbers, prereleases)


def spelled(version: Version) -> str:
    return ".".join(map(str, version.release)) + ("-" + ".".join(version.pre) if version.pre else "")


@given(versions)
def test_a_version_is_read_back(version: Version) -> None:
    assert parse_version(spelled(version)) == version
    assert parse_version(f"v{spelled(version)}+meta.1") == version


@given(versions, versions)
def test_comparators_agree_with_the_order(one: Version, other: Version) -> None:
    def holds(operator: str) -> bool:
        constraint = parse_constraint(f"{operator}{spelled(other)}")
        assert constraint is not None
        return constraint.allows(one)

    gate = not one.pre or bool(other.pre)
    assert holds("<") == (gate and one.key < other.key)
    assert holds(">=") == (gate and one.key >= other.key)
    assert holds("=") == (gate and one == other)
    assert holds("!=") == (gate and one != other)
    assert not (holds("<=") and holds(">"))
    assert (holds("<=") or holds(">")) == gate


@given(versions, versions)
def test_a_tilde_is_in_the_caret_above_zero(one: Version, other: Version) -> None:
    tilde, caret = parse_constraint(f"~{spelled(other)}"), parse_constraint(f"^{spelled(other)}")
    assert tilde is not None
    assert caret is not None
    if other.release[0] > 0 and tilde.allows(one):
        assert caret.allows(one)


@given(st.text(alphabet=string.printable, max_size=60))
def test_any_text_is_a_constraint_or_none(text: str) -> None:
    constraint = parse_constraint(text)
    assert constraint is None or constraint.allows(Version((1, 0, 0))) in (True, False)
