from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plat.api import UnavailableError
from plat.git import ReadIndex, Repositories

URL = "https://github.com/org/repo"


@pytest.mark.parametrize(
    ("read", "changed", "affected"),
    [
        ("a/b", "a/b", True),
        ("a", "a/b", True),
        ("a/", "a/b", True),
        ("", "a/b", True),
        ("/", "a/b", True),
        ("a/b", "a", True),
        ("a/b/c", "a", True),
        ("a/b", "a/c", False),
        ("a/b", "a/b2", False),
        ("ab", "a/b", False),
    ],
)
def test_who_is_affected(read: str, changed: str, *, affected: bool) -> None:
    index: ReadIndex[str] = ReadIndex()
    index.add("app", URL, frozenset({(read, "1"), ("elsewhere", "2")}))
    assert index.affected(f"{URL}.git", [changed]) == ({"app"} if affected else set())
    assert index.affected("https://github.com/org/other", [changed]) == set()


def test_a_key_is_replaced_and_removed() -> None:
    index: ReadIndex[str] = ReadIndex()
    index.add("app", URL, frozenset({("a/b", "1"), ("a/c", "1")}))
    index.add("other", URL, frozenset({("a/b", "1")}))
    index.add("app", "https://github.com/org/values", frozenset({("v", "1")}))
    index.add("app", URL, frozenset({("a/d", "1")}))
    assert index.affected(URL, ["a/b", "a/c"]) == {"other"}
    assert index.affected(URL, ["a/d"]) == {"app"}
    assert index.readers("https://github.com/org/values") == {"app"}
    index.remove("app")
    index.remove("app")
    assert index.affected(URL, ["a", "a/d"]) == {"other"}
    assert index.affected("https://github.com/org/values", ["v"]) == set()
    index.remove("other")
    assert (len(index), index._read, index._below) == (0, {}, {})


paths = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4).map("/".join)
reads = st.dictionaries(st.integers(0, 5), st.frozensets(paths, min_size=1, max_size=4), max_size=6)


@given(reads, st.sets(paths, max_size=5))
def test_the_index_agrees_with_comparing_every_pair(read: dict[int, frozenset[str]], changed: set[str]) -> None:
    index: ReadIndex[int] = ReadIndex()
    for key, names in read.items():
        index.add(key, URL, frozenset((name, "1") for name in names))

    def related(one: str, other: str) -> bool:
        return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")

    expected = {key for key, names in read.items() if any(related(n, c) for n in names for c in changed)}
    assert index.affected(URL, changed) == expected


CHANGES: list[tuple[dict[str, Any], dict[str, str], set[str]]] = [
    ({"a/x": "2"}, {}, {"a/x"}),
    ({"a/x": None}, {}, {"a/x"}),
    ({"new/deep/y": "1"}, {}, {"new/deep/y"}),
    ({"a/x": None, "a/y": None}, {"a": "b"}, {"a", "a/x", "a/y"}),
    ({}, {}, set()),
]


@pytest.mark.parametrize(("files", "links", "expected"), CHANGES)
async def test_changed_paths(
    repositories: Repositories, make_origin: Any, files: dict[str, Any], links: dict[str, str], expected: set[str]
) -> None:
    origin = make_origin("diff")
    old = origin.commit({"a/x": "1", "a/y": "1", "b/z": "1"})
    if links:
        for name in files:
            (origin.path / name).unlink()
        (origin.path / "a").rmdir()
        files = {}
    new = origin.commit(files, links=links)
    await repositories.fetch(origin.url)
    assert repositories.changed_paths(origin.url, old, new) == expected
    assert repositories.changed_paths(origin.url, new, old) == expected
    with pytest.raises(UnavailableError):
        repositories.changed_paths(origin.url, old, "1" * 40)


async def test_a_push_wakes_only_who_reads_it(repositories: Repositories, make_origin: Any) -> None:
    origin = make_origin("many")
    origin.commit({f"apps/{number}/x.yaml": "1" for number in range(20)})
    index: ReadIndex[int] = ReadIndex()
    for number in range(20):
        tree = await repositories.tree(origin.url)
        for path in tree.files(f"apps/{number}/*"):
            tree.read(path)
        index.add(number, origin.url, tree.read_set)
    origin.commit({"apps/7/x.yaml": "2", "README.md": "x"})
    old, new = (await repositories.fetch(origin.url, refresh=True)).moved["refs/heads/main"]
    assert index.affected(origin.url, repositories.changed_paths(origin.url, old, new)) == {7}
