from __future__ import annotations

import time
from typing import Any

import pytest

from plat.api import Health, HealthStatus, UserError
from plat.gobridge import jq, lua, patch, semver, template
from plat.gobridge.template import TemplateItem


def good(item: Any) -> Any:
    """The value of a batch's item, which must be no error."""
    assert not isinstance(item, UserError), str(item)
    return item


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        (".a", {"a": 1}, 1),
        (".a + 1", {"a": 9007199254740993}, 9007199254740994),
        ("del(.a)", {"a": 1, "b": {"z": 1, "y": 2}}, {"b": {"y": 2, "z": 1}}),
        ('del(.spec.containers[] | select(.name=="x").image)', {"spec": {"containers": [{"name": "x", "image": "i"}]}},
         {"spec": {"containers": [{"name": "x"}]}}),
        ("[.[] | .n]", [{"n": 1.5}, {"n": "x"}], [1.5, "x"]),
        ("env", 1, {}),
        ("$ENV.HOME", 1, None),
    ],
)  # fmt: skip
async def test_jq_gives_the_value(bridge, text, value, expected):
    assert await jq.apply(bridge, [(text, value)]) == [expected]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (".a |", "no jq expression"),
        (".[]", "more than one"),
        ("empty", "no value"),
        ('error("boom")', "boom"),
        ('import "x" as x; 1', "jq expression|module"),
        ("def f: f; f", "longer than 1s"),
        ("[recurse(.+1; . < 1e12)] | length", "longer than 1s"),
        ("reduce range(1000) as $i (null; [.])", "deeper"),
    ],
)  # fmt: skip
async def test_jq_that_is_wrong_or_endless_is_an_error_of_its_own(bridge, text, words):
    bad, other = await jq.apply(bridge, [(text, [1, 2] if text == ".[]" else 1), (".", 1)])
    assert isinstance(bad, UserError)
    with pytest.raises(UserError, match=words):
        raise bad
    assert other == 1


@pytest.mark.parametrize(
    ("text", "values", "options", "expected"),
    [
        ("{{.a}}-{{.b.c}}", {"a": 1, "b": {"c": "x"}}, (), "1-x"),
        ("{{.missing}}", {}, (), "<no value>"),
        ("{{.missing}}", {}, ("missingkey=zero",), "<no value>"),
        ('{{ default "d" .x | upper }}', {}, (), "D"),
        ("{{ normalize .n }}", {"n": "-My App_1!"}, (), "my-app-1"),
        ("{{ slugify .n }}", {"n": "Feature/Some Thing"}, (), "feature-some-thing"),
        ("{{ slugify 12 true .n }}", {"n": "feature branch name"}, (), "feature"),
        ("{{ slugify 12 false .n }}", {"n": "feature branch name"}, (), "feature-bran"),
        ("{{ toYaml .m }}", {"m": {"b": [1], "a": "yes"}}, (), 'a: "yes"\nb:\n- 1'),
        ('{{ (fromYaml "a: 012").a }}', {}, (), "10"),
        ('{{ index (fromYamlArray "[1, b]") 1 }}', {}, (), "b"),
        ("{{ range until 3 }}{{ . }}{{ end }}", {}, (), "012"),
        ("{{ range untilStep 10 0 -4 }}{{ . }},{{ end }}", {}, (), "10,6,2,"),
        ("{{ seq 1 3 }}", {}, (), "1 2 3"),
        ('{{ repeat 3 "ab" }}', {}, (), "ababab"),
        ("{{ .big }}", {"big": 12345678901234}, (), "12345678901234"),
        ('{{ nindent 2 "a" }}', {}, (), "\n  a"),
        ("no braces", {}, (), "no braces"),
    ],
)  # fmt: skip
async def test_templates_render(bridge, text, values, options, expected):
    assert await template.render(bridge, [TemplateItem(text=text, values=values, options=options)]) == [expected]


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("{{ .a", (), "line 1"),
        ('{{ env "HOME" }}', (), "env"),
        ('{{ expandenv "$HOME" }}', (), "expandenv"),
        ('{{ getHostByName "localhost" }}', (), "getHostByName"),
        ("{{ .missing }}", ("missingkey=error",), "missing"),
        ("{{ .a }}", ("nooption=1",), "unrecognized option"),
        ('{{ fail "no" }}', (), "no"),
        ("{{ slugify }}", (), "slugify"),
        ("{{ slugify 1 2 3 4 }}", (), "slugify"),
        ('{{ slugify true "x" }}', (), "slugify"),
        ('{{ define "a" }}{{ template "a" }}{{ end }}{{ template "a" }}', (), "depth"),
        ('{{ repeat 1000000000 "xxxxxxxx" }}', (), "build up"),
        ("{{ until 1000000000 }}", (), "build up"),
        ("{{ untilStep 0 1000000000000 1 }}", (), "build up"),
        ("{{ seq 1 1 1000000000 }}", (), "build up"),
        ("{{ randAlpha 1000000000 }}", (), "build up"),
        ('{{ indent 1000000000 "x" }}', (), "build up"),
        ('{{ range until 100000 }}{{ repeat 10000 "x" }}{{ end }}', (), "more than 16777216 bytes"),
        ("{{ range 100000000000 }}x{{ end }}", (), "more than 16777216 bytes"),
    ],
)  # fmt: skip
async def test_bad_templates_are_errors_of_their_own(bridge, text, options, words):
    items = [TemplateItem(text=text, values={}, options=options), TemplateItem(text="ok", values={})]
    bad, other = await template.render(bridge, items)
    assert isinstance(bad, UserError)
    assert words in str(bad)
    assert other == "ok"


async def test_a_template_that_nothing_can_stop_is_found_and_the_others_are_rendered(bridge, monkeypatch):
    monkeypatch.setattr(
        "plat.gobridge.batches.evaluate.__kwdefaults__", {"deadline": __import__("datetime").timedelta(seconds=1)}
    )
    items = [TemplateItem(text=f"{{{{ .n }}}}{i}", values={"n": "x"}) for i in range(3)]
    items.insert(1, TemplateItem(text="{{ range 100000000000000 }}{{ end }}", values={}))
    first, endless, *rest = await template.render(bridge, items)
    assert (first, rest) == ("x0", ["x1", "x2"])
    assert isinstance(endless, UserError)
    assert "longer" in str(endless)


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("{{a}}-{{ b.c }}", {"a": "1", "b.c": "x"}, "1-x"),
        ("{{unknown}} {{ }}", {"a": "1"}, "{{unknown}} {{ }}"),
        ("{{number}}", {"number": 5}, "{{number}}"),
        ("plain", {}, "plain"),
    ],
)
async def test_the_plain_engine_replaces_known_texts_only(bridge, text, values, expected):
    assert await template.render(bridge, [TemplateItem(text=text, values=values, plain=True)]) == [expected]


POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "labels": {"a": "1"}},
    "spec": {"containers": [{"name": "x", "image": "i:1"}, {"name": "y", "image": "j"}]},
}


async def test_a_strategic_merge_patch_merges_lists_by_their_keys(bridge):
    change = {"spec": {"containers": [{"name": "x", "image": "i:2"}, {"name": "y", "$patch": "delete"}]}}
    (found,) = await patch.strategic(bridge, [(POD, change)])
    assert good(found)["spec"]["containers"] == [{"name": "x", "image": "i:2"}]
    assert good(found)["metadata"] == POD["metadata"]


async def test_a_strategic_merge_patch_of_another_kind_replaces_lists_but_those_of_metadata(bridge):
    base = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application"}
    original = base | {
        "metadata": {"name": "a", "finalizers": ["x"]},
        "spec": {"source": {"path": "p"}, "list": [{"name": "a", "v": 1}], "gone": 1},
    }
    change = {
        "metadata": {"finalizers": ["y"]},
        "spec": {"source": {"repoURL": "u"}, "list": [{"name": "a"}], "gone": None},
    }
    (found,) = await patch.strategic(bridge, [(original, change)])
    assert sorted(good(found)["metadata"]["finalizers"]) == ["x", "y"]
    assert good(found)["spec"] == {"source": {"path": "p", "repoURL": "u"}, "list": [{"name": "a"}]}


async def test_a_merge_patch_replaces_lists_and_removes_nulls(bridge):
    (found,) = await patch.merge(
        bridge, [(POD, {"metadata": {"labels": {"a": None, "b": "2"}}, "spec": {"containers": []}})]
    )
    assert good(found)["metadata"]["labels"] == {"b": "2"}
    assert good(found)["spec"]["containers"] == []


@pytest.mark.parametrize(
    ("operations", "words"),
    [
        ([{"op": "replace", "path": "/spec/containers/0/image", "value": "z"}], ""),
        ([{"op": "test", "path": "/kind", "value": "Job"}], "test"),
        ([{"op": "remove", "path": "/nothing"}], "nothing"),
        ([{"op": "explode"}], "explode"),
    ],
)
async def test_json_patches(bridge, operations, words):
    (found,) = await patch.json(bridge, [(POD, operations)])
    if words:
        assert isinstance(found, UserError)
        assert words in str(found)
    else:
        assert good(found)["spec"]["containers"][0]["image"] == "z"


@pytest.mark.parametrize("kind", ["v1/ConfigMap", "x.org/v1/Thing"])
async def test_three_ways_remove_what_was_ours_and_keep_what_is_not(bridge, kind):
    version, _, name = kind.rpartition("/")
    base = {"apiVersion": version, "kind": name, "metadata": {"name": "p"}}
    last = base | {"data": {"old": "1", "both": "1"}}
    target = base | {"data": {"both": "2"}}
    live = base | {"data": {"old": "1", "both": "1", "theirs": "3"}}
    (found,) = await patch.three_way(bridge, [(last, target, live)])
    assert good(found)["data"] == {"both": "2", "theirs": "3"}


OBJECT = {"apiVersion": "x.org/v1", "kind": "Thing", "status": {"phase": "Ready", "n": 3, "list": [1, 2]}}


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("return {status = 'Healthy', message = obj.status.phase}", Health(HealthStatus.HEALTHY, "Ready")),
        ("hs = {}\nhs.status = 'Degraded'\nreturn hs", Health(HealthStatus.DEGRADED, "")),
        ("hs = {status='Healthy', message=tostring(#obj.status.list + obj.status.n)}\nreturn hs",
         Health(HealthStatus.HEALTHY, "5")),
        ("return {status = 'Fine'}", Health(HealthStatus.UNKNOWN, "Lua returned an invalid health status")),
        ("return {}", None),
        ("return nil", None),
        ("x = 1", None),
        ("if os.time() > 0 and require('os').date then return {status='Healthy'} end", Health(HealthStatus.HEALTHY, "")),
        ("print('noise') return {status='Healthy'}", Health(HealthStatus.HEALTHY, "")),
        ("return {status = 'Healthy', message = tostring(leaked)}", Health(HealthStatus.HEALTHY, "nil")),
        ("leaked = 1 return {status = 'Healthy'}", Health(HealthStatus.HEALTHY, "")),
    ],
)  # fmt: skip
async def test_scripts_judge(bridge, script, expected):
    assert await lua.health(bridge, [(script, OBJECT)] * 2) == [expected] * 2


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("return {", "cannot be read"),
        ("return 5", "number, not a table"),
        ("return {status = {}}", "texts"),
        ("error('boom')", "boom"),
        ("return obj.a.b", "failed"),
        ("while true do end", "longer than 1s"),
        ("local function f() return f() end return f()", "longer than 1s"),
        ("local function f() return 1 + f() end return f()", "overflow"),
        ("return {status='Healthy', message=string.format('x')}", "failed"),
        ("dofile('/etc/passwd')", "failed"),
        ("loadfile('/etc/passwd')()", "failed"),
        ("require('io')", "not found"),
        ("io.open('/etc/passwd')", "failed"),
        ("os.execute('true')", "failed"),
        ("os.getenv('HOME')", "failed"),
        ("os.exit(3)", "failed"),
    ],
)
async def test_bad_scripts_are_errors_of_their_own(bridge, script, words):
    bad, other = await lua.health(bridge, [(script, OBJECT), ("return {status='Healthy'}", OBJECT)])
    assert isinstance(bad, UserError)
    assert words in str(bad)
    assert other == Health(HealthStatus.HEALTHY, "")


async def test_open_libraries_are_opened_on_demand_and_bounded(bridge):
    script = "return {status='Healthy', message=string.rep('ab', 2) .. math.floor(1.5) .. ('x'):upper()}"
    first, big = await lua.health(
        bridge, [(script, OBJECT), ("return string.rep('x', 1e9)", OBJECT)], open_libraries=True
    )
    assert first == Health(HealthStatus.HEALTHY, "abab1X")
    assert isinstance(big, UserError)
    assert "string.rep" in str(big)


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        (
            {"apiVersion": "cert-manager.io/v1", "kind": "Certificate",
             "status": {"conditions": [{"type": "Ready", "status": "True", "message": "up to date"}]}},
            HealthStatus.HEALTHY,
        ),
        (
            {"apiVersion": "cert-manager.io/v1", "kind": "Certificate",
             "status": {"conditions": [{"type": "Ready", "status": "False", "message": "no"}]}},
            HealthStatus.DEGRADED,
        ),
        ({"apiVersion": "cert-manager.io/v1", "kind": "Certificate"}, HealthStatus.PROGRESSING),
        (
            {"apiVersion": "s3.aws.upbound.io/v1beta1", "kind": "Bucket", "metadata": {"name": "b"},
             "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Synced", "status": "True"}]}},
            HealthStatus.HEALTHY,
        ),
        ({"apiVersion": "example.org/v1", "kind": "Unheard"}, None),
    ],
)  # fmt: skip
async def test_the_scripts_of_argo_cd_are_found_by_kind_and_by_pattern(bridge, manifest, expected):
    (found,) = await lua.health(bridge, [("", manifest)])
    assert (good(found).status if found else None) == expected


async def test_a_thousand_objects_are_judged_in_one_message(bridge):
    items = [("", {"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {"name": f"c{i}"}})
             for i in range(1000)]  # fmt: skip
    started = time.monotonic()
    found = await lua.health(bridge, items)
    assert {good(health).status for health in found} == {HealthStatus.PROGRESSING}
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("constraint", "prefix", "expected"),
    [
        ("*", "", ["v1.10.0", "1.9.0", "1.2.3"]),
        (">=1.9", "", ["v1.10.0", "1.9.0"]),
        ("~1.2", "", ["1.2.3"]),
        ("^1 <1.10", "", ["1.9.0", "1.2.3"]),
        (">=1-0", "", ["2.0.0-rc.1", "v1.10.0", "1.9.0", "1.2.3"]),
        ("*", "app/", ["app/3.0.0"]),
        ("5.x", "", []),
    ],
)
async def test_constraints_select_best_first(bridge, constraint, prefix, expected):
    versions = ["1.2.3", "v1.10.0", "1.9.0", "2.0.0-rc.1", "latest", "app/3.0.0", "app/x"]
    assert await semver.select(bridge, constraint, versions, prefix=prefix) == expected


async def test_versions_are_ordered_and_others_left_out(bridge):
    assert await semver.order(bridge, ["1.2", "x", "1.10.1", "v1.10.1-alpha"]) == ["1.10.1", "v1.10.1-alpha", "1.2"]


async def test_a_constraint_that_is_none_is_the_callers_error(bridge):
    with pytest.raises(UserError, match="no version constraint"):
        await semver.select(bridge, ">>1", ["1.0.0"])
