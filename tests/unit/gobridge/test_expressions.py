from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plat.api import RefusedError, UserError
from plat.gobridge import Bridge, expressions, jsonnet

VARIABLES = {"n": 3, "name": "web", "list": [1, 2, 3], "object": {"a": {"b": "c"}}, "ok": True}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n + 1", 4),
        ('name == "web" and ok', True),
        ("all(list, {# > 0})", True),
        ('object.a.b + "!"', "c!"),
        ("missing == nil", True),
        ("filter(list, # > 1)", [2, 3]),
        ("len(list) / 2", 1.5),
        ('{"x": n}', {"x": 3}),
    ],
)  # fmt: skip
async def test_expr(bridge, text, expected):
    assert await expressions.expr(bridge, [(text, VARIABLES)]) == [expected]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("n +", "unexpected token"),
        ("name + 1", "mismatched|invalid operation"),
        ("nowhere.x", "cannot fetch"),
        ("map(1..10000000, #)", "memory budget"),
        ("list[10]", "out of range"),
        ("os.exit(1)", "cannot"),
    ],
)
async def test_bad_expr(bridge, text, words):
    bad, good = await expressions.expr(bridge, [(text, VARIABLES), ("1", {})])
    assert isinstance(bad, UserError)
    with pytest.raises(UserError, match=words):
        raise bad
    assert good == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n + 1", 4),
        ("name.startsWith('w') && list.exists(x, x == 2)", True),
        ("object.a.b.upperAscii()", "C"),
        ("list.map(x, x * 2)", [2, 4, 6]),
        ("has(object.z) ? 1 : 2", 2),
        ("{'x': [n, 1.5]}", {"x": [3, 1.5]}),
        ("duration('90s')", "90s"),
    ],
)
async def test_cel(bridge, text, expected):
    assert await expressions.cel(bridge, [(text, VARIABLES)]) == [expected]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("n +", "Syntax error"),
        ("nowhere", "undeclared reference"),
        ("object.zz", "no such key"),
        ("1 / 0", "division by zero"),
        ("[1,2,3,4,5,6,7,8,9,0].map(a, " * 8 + "1" + ")" * 8, "cost|limit"),
    ],
)
async def test_bad_cel(bridge, text, words):
    (bad,) = await expressions.cel(bridge, [(text, VARIABLES)])
    assert isinstance(bad, UserError)
    with pytest.raises(UserError, match=words):
        raise bad


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers=st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=30))
async def test_expr_and_cel_agree_with_python(numbers):
    async with Bridge(size=1) as bridge:
        (total,) = await expressions.expr(bridge, [("sum(list)", {"list": numbers})])
        (doubled,) = await expressions.cel(bridge, [("list.map(x, x + x)", {"list": numbers})])
    assert total == sum(numbers)
    assert doubled == [number * 2 for number in numbers]


@pytest.mark.parametrize(
    ("text", "strict", "expected"),
    [
        ("a ${x} b", False, "a 1 b"),
        ("${y:=d}", False, "d"),
        ("${y}", False, ""),
        ("$${x}", False, "${x}"),
        ("${y:=d}", True, "d"),
    ],
)
async def test_substitution(bridge, text, strict, expected):
    assert await expressions.substitute(bridge, [text], {"x": "1"}, strict=strict) == [expected]


@pytest.mark.parametrize("text", ["${y}", "${x"])
async def test_bad_substitution(bridge, text):
    with pytest.raises(UserError):
        await expressions.substitute(bridge, [text], {"x": "1"}, strict=True)


async def test_a_json_edit_keeps_the_other_bytes(bridge):
    text = '{\n  "b": 1,\n  "a": {"x":  [1, 2]}\n}\n'
    assert await expressions.edit_json(bridge, text, {"a.x.1": 5, "c": "n"}) == (
        '{\n  "b": 1,\n  "a": {"x":  [1, 5]}\n,"c":"n"}'
    )


FILES = {
    "app/main.jsonnet": b"""
local lib = import 'lib.libsonnet';
local near = import './near.libsonnet';
function(name='d') { name: name, env: std.extVar('env'), n: std.extVar('n') + 1, lib: lib.v, near: near, raw: importstr 'raw.txt' }
""",
    "app/near.libsonnet": b"{ x: 1 }",
    "app/raw.txt": b"text",
    "vendor/lib.libsonnet": b"{ v: 'lib' }",
}
OPTIONS = {
    "extVars": [{"name": "env", "value": "prod"}, {"name": "n", "value": "41", "code": True}],
    "tlas": [{"name": "name", "value": "given"}],
    "libs": ["vendor"],
}


async def test_jsonnet(bridge):
    found = await jsonnet.evaluate(bridge, FILES, "app/main.jsonnet", options=OPTIONS)
    assert found == {"env": "prod", "lib": "lib", "n": 42, "name": "given", "near": {"x": 1}, "raw": "text"}


@pytest.mark.parametrize(
    ("body", "options", "error", "words"),
    [
        (b"{", {}, UserError, "main.jsonnet:1"),
        (b"error 'boom'", {}, UserError, "boom"),
        (b"import 'nowhere'", {}, UserError, "not in the tree"),
        (b"import '../../etc/passwd'", {}, UserError, "not in the tree"),
        (b"import '/etc/passwd'", {}, UserError, "not in the tree"),
        (b"local f(x) = f(x + 1) + 1; f(0)", {}, UserError, "stack"),
        (b"local f(x) = if x == 0 then [] else [f(x - 1)]; f(420)", {}, (UserError, RefusedError), "deeper|stack"),
        (b"std.extVar('x')", {}, UserError, "x"),
        (b"1", {"nonsense": 1}, UserError, "nonsense"),
    ],
)
async def test_bad_jsonnet(bridge, body, options, error, words):
    with pytest.raises(error, match=words):
        await jsonnet.evaluate(bridge, {"main.jsonnet": body}, "main.jsonnet", options=options)
