from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plat.api import UserError
from plat.gobridge import Bridge, yaml

LIST = """\
apiVersion: v1
kind: ConfigMapList
items:
- metadata: {name: a}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}
"""


def good(item: Any) -> Any:
    """The value of a batch's item, which must be no error."""
    assert not isinstance(item, UserError), str(item)
    return item


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12:30", "12:30"),
        ("012", 10),
        ("0o14", 12),
        ("yes", True),
        ("on", True),
        ("'yes'", "yes"),
        ("1e3", 1000),
        ("~", None),
        ("2001-01-01", "2001-01-01"),
        ("0x1F", 31),
        ("1_000", 1000),
        ("9223372036854775807", 2**63 - 1),
        ("0.5", 0.5),
        (".5", 0.5),
        ("!!binary aGVsbG8=", "hello"),
    ],
)
async def test_scalars_are_read_as_kubernetes_reads_them(bridge, text, value):
    (document,) = await yaml.documents(bridge, f"key: {text}".encode())
    assert document.value == {"key": value}
    assert type(document.value["key"]) is type(value) or isinstance(value, float)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("# only a comment\n", []),
        ("---\n---\n\n---\n", []),
        ("a: 1", [(1, {"a": 1})]),
        ("\n\n# c\na: 1\n", [(4, {"a": 1})]),
        ("a: 1\n---\n\n# c\nb: 2\n--- # the end\nc: 3", [(1, {"a": 1}), (5, {"b": 2}), (7, {"c": 3})]),
        ("a: 1\r\n---\r\nb: 2\r\n", [(1, {"a": 1}), (3, {"b": 2})]),
        ("\ufeffa: 1", [(1, {"a": 1})]),
        ("null\n---\na: 1", [(3, {"a": 1})]),
        ("text: |\n  ---\n  b", [(1, {"text": "---\nb"})]),
        ('{"a": 1.50, "b": [1, 2]}', [(1, {"a": 1.5, "b": [1, 2]})]),
        ("{a: b}", [(1, {"a": "b"})]),
        ("1: a\ntrue: b\n1.5: c", [(1, {"1": "a", "true": "b", "1.5": "c"})]),
        ("b: &x {k: 1}\nc:\n  <<: *x\n  k: 2", [(1, {"b": {"k": 1}, "c": {"k": 2}})]),
    ],
)
async def test_documents_have_their_lines(bridge, text, expected):
    found = await yaml.documents(bridge, text.encode())
    assert [(document.line, document.value) for document in found] == expected


async def test_lists_become_their_items_and_lend_them_their_kind(bridge):
    found = await yaml.documents(bridge, f"---\n{LIST}".encode())
    assert [(d.line, d.value["kind"], d.value["apiVersion"], d.value["metadata"]["name"]) for d in found] == [
        (2, "ConfigMap", "v1", "a"),
        (2, "ConfigMap", "v1", "b"),
    ]


@pytest.mark.parametrize(
    "text",
    ["kind: List\nitems: [{a: 1}]", "apiVersion: v1\nkind: Wish\nitems: [{a: 1}]", "items: [1]\nname: 'xList'"],
)
async def test_only_lists_of_objects_are_expanded(bridge, text):
    (document,) = await yaml.documents(bridge, text.encode())
    assert "items" in document.value


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("a: 1\nb: 2\na: 3", "f.yaml:3", "duplicate key"),
        ("x: 1\n---\n\na:\n  k: 1\n  k: 2", "f.yaml:6", "duplicate key"),
        ('{"a": 1, "a": 2}', "f.yaml:1", "duplicate key"),
        ("a: &x {k: 1}\nb:\n  <<: *x\n  j: 1\n  j: 2", "f.yaml:5", "duplicate key"),
        ("a: [1", "f.yaml:1", "did not find"),
        ("a: 1\nb: {c: [}\n", "f.yaml:2", "did not find"),
        ("a: [1, 2\nb: 3\n", "f.yaml:2", "did not find"),
        ("a: 1\nb: {c: d\n", "f.yaml:2", "did not find"),
        ("a: 1\n---\n\nb: [\n---\nc: 1\n", "f.yaml:4", "did not find"),
        ("- a\nb: 1\n", "f.yaml:2", "did not find"),
        ("a: b: c", "f.yaml:1", "not allowed"),
        ("a: 1\n--- b\n", "f.yaml:2", "---"),
        ("a: *nowhere", "f.yaml:1", "nowhere"),
        ("\ta: 1", "f.yaml:1", "token"),
        ("[a]: 1", "f.yaml:1", "key"),
        ("[" * 3000 + "]" * 3000, "f.yaml:1", "deeper"),
        ("{a: " * 50000 + "}" * 50000, "f.yaml:1", "depth"),
        (bomb(9), "f.yaml:1", "aliasing"),
        ("apiVersion: v1\nkind: List\nitems: [1]", "f.yaml:1", "not an object"),
    ],
)
async def test_bad_yaml_names_file_and_line(bridge, text, where, words):
    with pytest.raises(UserError, match=words) as caught:
        await yaml.documents(bridge, text.encode(), where="f.yaml")
    assert caught.value.where == where


async def test_bytes_that_are_no_text_are_refused_here(bridge):
    with pytest.raises(UserError, match="UTF-8") as caught:
        await yaml.documents(bridge, b"a: 1\nb: \xff", where="f.yaml")
    assert caught.value.where == "f.yaml:2"


async def test_a_huge_text_is_refused_before_it_is_sent():
    async with Bridge(size=1) as bridge:
        with pytest.raises(UserError, match="limit"):
            await yaml.documents(bridge, b"a" * (yaml.LARGEST + 1))
        assert not bridge.pids


async def test_a_bad_file_does_not_hurt_the_others(bridge):
    first, bad, binary, last = await yaml.many(
        bridge, [("a", b"x: 1"), ("b", b"x: ["), ("c", b"\xff"), ("d", b"u: 2\n---\nz: 3")]
    )
    assert [document.value for document in good(first)] == [{"x": 1}]
    assert isinstance(bad, UserError)
    assert bad.where == "b:1"
    assert isinstance(binary, UserError)
    assert [document.value for document in good(last)] == [{"u": 2}, {"z": 3}]


async def test_a_loose_reader_lets_the_last_key_win(bridge):
    (found,) = await yaml.many(bridge, [("", b"a: 1\na: 2")], strict=False)
    (document,) = good(found)
    assert document.value == {"a": 2}


async def test_dump_sorts_keys_and_quotes_what_would_be_read_otherwise(bridge):
    assert await yaml.dump(bridge, {"b": "yes", "a": [1, "012"]}) == b'a:\n- 1\n- "012"\nb: "yes"\n'


json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Z")), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcyn012:-~ ", max_size=6), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.dictionaries(st.text("ab.~yn1", min_size=1, max_size=4), json, min_size=1), max_size=5))
async def test_what_is_dumped_is_read_back(values):
    async with Bridge(size=1) as bridge:
        texts = [("", await yaml.dump(bridge, value)) for value in values]
        found = await yaml.many(bridge, texts, expand=False)
    for documents, value in zip(found, values, strict=True):
        assert same(good(documents)[0].value, value)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) or isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6)
    return bool(one == other)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.binary(max_size=60) | st.text("ab:-[]{}\"'&*!|>#\n 01~", max_size=60), max_size=20))
async def test_whatever_is_read_gives_documents_or_a_user_error(texts):
    raw = [text if isinstance(text, bytes) else text.encode() for text in texts]
    async with Bridge(size=1) as bridge:
        found = await yaml.many(bridge, [("f", text) for text in raw])
    assert len(found) == len(raw)
    for item, text in zip(found, raw, strict=True):
        if isinstance(item, UserError):
            assert item.where == "" or item.where.startswith("f")
        else:
            assert all(1 <= document.line <= text.count(b"\n") + 1 for document in item)
