from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plat.api import UserError
from plat.cluster.appset import GoEngine, PlainEngine


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{nope}}-x", "{{nope}}-x"),
        ("{{name}}-x", "web-x"),
        ("{{ name }}", "web"),
        ("{{\tname\n}}", "web"),
        ("{{name}}{{name}}", "webweb"),
        ("{{path.basename}}", "b"),
        ("{{path[0]}}", "a"),
        ("{{number}}", "{{number}}"),
        ("{{flag}}", "{{flag}}"),
        ("{{}}", "{{}}"),
        ("{{ name", "{{ name"),
        ("{{ {{name}} }}", "{{ {{name}} }}"),
        ("{name}", "{name}"),
        ("{{empty}}|", "|"),
        ("{{Name}}", "{{Name}}"),
        ("{{self}}", "{{name}}"),
        ("plain", "plain"),
    ],
)
async def test_plain_texts(text: str, expected: str) -> None:
    known = {
        "name": "web",
        "path.basename": "b",
        "path[0]": "a",
        "number": 1,
        "flag": True,
        "empty": "",
        "self": "{{name}}",
    }
    assert await PlainEngine().fill([(text, known)]) == [expected]


async def test_every_string_and_every_key_but_no_number() -> None:
    value = {"{{k}}": ["{{v}}", 1, True, None, {"x": "{{v}}"}], "n": 2.5}
    (filled,) = await PlainEngine().fill([(value, {"k": "key", "v": "val"})])
    assert filled == {"key": ["val", 1, True, None, {"x": "val"}], "n": 2.5}
    assert value == {"{{k}}": ["{{v}}", 1, True, None, {"x": "{{v}}"}], "n": 2.5}


async def test_each_value_sees_its_own_parameters() -> None:
    filled = await PlainEngine().fill([("{{a}}", {"a": "1"}), ("{{a}}", {"a": "2"}), ("{{a}}", {})])
    assert filled == ["1", "2", "{{a}}"]


async def test_go_texts_travel_as_one_batch_without_those_that_need_no_engine(go_templates) -> None:
    engine = GoEngine(go_templates, ["missingkey=error"])
    value = {"{{.k}}": "{{.v}}", "fixed": "text", "list": ["{{.v}}!", 3]}
    filled = await engine.fill([(value, {"k": "a", "v": "1"}), (value, {"k": "b", "v": "2"})])
    assert filled == [
        {"a": "1", "fixed": "text", "list": ["1!", 3]},
        {"b": "2", "fixed": "text", "list": ["2!", 3]},
    ]
    assert go_templates.batches == [["{{.k}}", "{{.v}}", "{{.v}}!"] * 2]


async def test_no_batch_where_nothing_is_to_be_filled(go_templates) -> None:
    assert await GoEngine(go_templates).fill([({"a": "b"}, {})]) == [{"a": "b"}]
    assert go_templates.batches == []


async def test_a_text_that_fails_raises(go_templates) -> None:
    with pytest.raises(UserError, match="no entry for key 'nope'"):
        await GoEngine(go_templates).fill([("{{.nope}}", {})])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(value=JSON)
async def test_without_parameters_nothing_changes(value) -> None:
    assert await PlainEngine().fill([(value, {})]) == [value]
