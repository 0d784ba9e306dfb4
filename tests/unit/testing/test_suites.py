"""Each suite fails for a plug-in that breaks one promise, by the test that names it; and passes for a good one."""

from __future__ import annotations

import textwrap

import pytest

import plat.testing.suites  # noqa: F401  # imported here, it is kept; each inner run would import the core anew

pytest_plugins = ["pytester"]

IMPORTS = """
from __future__ import annotations
import itertools, random, time
from datetime import timedelta
from plat.api import *
from plat.testing import *
FLIP = itertools.cycle([1, -1])
"""
RENDERER = """
class Thing(Renderer):
    kind = "thing"
    needs = frozenset()
    prefix: str = ""
    def render(self, ctx):
        text = ctx.tree.read(f"{ctx.path}/name.txt").decode(errors="replace")
        return Rendered([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": self.prefix + text}}])
class TestThing(RendererSuite):
    plugin = Thing
    entry_point = False
    configurations = ({}, {"prefix": "a"})
    examples = (RenderExample({"x/name.txt": "web", "x/b.txt": ""}, "x", objects=["ConfigMap web"]),)
"""
HEALTH = """
class Thing(HealthCheck):
    kind = "acme/Thing"
    def check(self, manifest):
        return Health(HealthStatus.DEGRADED, str(at(manifest, "status.text", "none")))
class TestThing(HealthCheckSuite):
    plugin = Thing
    entry_point = False
    examples = (({"apiVersion": "acme/v1", "kind": "Thing", "status": {"text": "bad"}}, HealthStatus.DEGRADED),)
"""
DIALECT = """
class Thing(Dialect[str]):
    kind = "acme/Thing"
    def read(self, manifest, others):
        if not isinstance(manifest.get("spec"), str):
            raise UserError("must be text", where="spec")
        asked = [Verb(name="go")] if manifest["metadata"]["annotations"].get("go") else []
        return Reading(objects=(Project(name="p"),), verbs=asked)
    def write(self, manifest, state):
        return WriteBack(status={"text": state})
    def restore(self, manifest):
        return at(manifest, "status.text")
    def acknowledge(self, manifest, verb):
        return WriteBack(annotations={"go": None}) if verb.name == "go" else WriteBack()
class TestThing(DialectSuite):
    plugin = Thing
    entry_point = False
    manifests = ({"apiVersion": "acme/v1", "kind": "Thing", "metadata": {"annotations": {"go": "1"}}, "spec": "x"},)
    broken = (({"apiVersion": "acme/v1", "kind": "Thing", "metadata": {"annotations": {}}}, "spec"),)
    states = ("fine",)
"""
SAFE = 'at(manifest, "metadata.annotations", {})'
DIALECT = DIALECT.replace(
    'manifest["metadata"]["annotations"].get("go")',
    f'isinstance({SAFE}, dict) and {SAFE}.get("go")',
)
GENERATOR = """
class Thing(Generator):
    kind = "thing"
    needs = frozenset({"git"})
    async def generate(self, ctx):
        return [{"path": path} for path in (await ctx.git.tree("u")).files()]
class TestThing(GeneratorSuite):
    plugin = Thing
    entry_point = False
    examples = (GeneratorExample(repositories={"u": {"b": "", "a": ""}}, expected=[{"path": "a"}, {"path": "b"}]),)
"""
TOOL = """
class Thing(Tool):
    kind = program = "thing"
    version = "v1.0"
    def archive(self, platform):
        return Archive(url="https://x/1.0/thing.tgz", sha256="a" * 64) if platform == "linux-amd64" else None
class TestThing(ToolSuite):
    plugin = Thing
    entry_point = False
"""
PROVIDER = """
KNOWN = set()
CONFIG = {"clusters": [{"name": "c"}], "users": [{"name": "u"}], "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}], "current-context": "x"}
class Thing(ClusterProvider):
    kind = "thing"
    needs = frozenset()
    def connect(self, ctx):
        if ctx.name not in KNOWN:
            raise UnavailableError("not there")
        return Connection(kubeconfig=CONFIG)
    def create(self, ctx):
        KNOWN.add(ctx.name)
    def delete(self, ctx):
        KNOWN.discard(ctx.name)
    def names(self, ctx):
        return tuple(KNOWN)
class TestThing(ClusterProviderSuite):
    plugin = Thing
    entry_point = False
    creates = True
"""
EVENT = """
def plat_event(event: Event) -> None:
    str(event)
class TestThing(EventSuite):
    listener = staticmethod(plat_event)
    entry_point = False
"""
GOOD = {"renderer": RENDERER, "health": HEALTH, "dialect": DIALECT, "generator": GENERATOR, "tool": TOOL, "provider": PROVIDER, "event": EVENT}  # fmt: skip


def run(pytester, code, *options):
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(IMPORTS + textwrap.dedent(code))
    return pytester.inline_run("-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", *options)


@pytest.mark.parametrize("code", GOOD.values(), ids=list(GOOD))
def test_a_good_plugin_passes(pytester, code):
    result = run(pytester, code)
    passed, _, failed = result.countoutcomes()
    assert failed == 0
    assert passed >= 10


BAD = [
    # what is changed in a good plug-in, by what, and the test that must fail
    ("renderer", 'kind = "thing"', 'kind = "My Thing"', "test_its_kind_is_well_formed"),
    ("renderer", "entry_point = False", "entry_point = True", "test_an_installed_distribution_registers_it"),
    ("renderer", "needs = frozenset()", 'needs = frozenset({"clusters"})', "test_what_it_needs_is_in_its_context"),
    ("renderer", "def render(", "def rendr(", "test_it_has_every_method_that_its_hook_requires"),
    ("renderer", "text = ", "ctx.http.get; text = ", "test_it_renders"),
    ("renderer", "text = ", "text = str(random.random()) + ", "test_the_same_tree_gives_the_same_objects"),
    ("renderer", '"apiVersion": "v1", ', "", "test_it_renders"),
    ("renderer", 'decode(errors="replace")', "decode()", "test_rubbish_is_refused_or_survived"),
    ("renderer", 'prefix: str = ""', 'some_prefix: str = Field(default="", alias="some_prefix")\n    prefix: str = ""', "test_its_fields_are_named_as_in_manifests"),
    ("renderer", 'prefix: str = ""', 'model_config = {"extra": "allow"}\n    prefix: str = ""', "test_an_unknown_field_is_refused_with_the_nearest_name"),
    ("renderer", 'prefix: str = ""', 'model_config = {"frozen": False}\n    prefix: str = ""', "test_a_plugin_keeps_nothing_between_calls"),
    ("renderer", "entry_point = False", 'entry_point = False\n    secrets = ("a",)', "test_it_does_not_show_secrets"),
    ("renderer", "text = ", 'ctx.log.info(f"renders web"); text = ', "test_it_does_not_tell_secrets", 'secrets = ("web",)'),
    ("renderer", "def render(", "def deadline(self, method):\n        return 5\n    def render(", "test_its_deadlines_are_durations"),
    ("renderer", "def render(", "@classmethod\n    def recognises(cls, names):\n        return True\n    def render(", "test_recognising_is_pure"),
    ("renderer", 'ctx.tree.read(f"{ctx.path}/name.txt")', '{"x": b"web"}[ctx.path]', "test_a_missing_path_is_a_users_error"),
    ("renderer", 'ctx.tree.read(f"{ctx.path}/name.txt")', 'b"web"', "test_everything_is_read_through_the_tree"),
    ("renderer", '"metadata": ', '"data": {1: "x"}, "metadata": ', "test_it_renders"),
    ("health", '"status.text", "none"', '"status.text", random.random()', "test_damage_is_survived"),
    ("health", 'str(at(manifest, "status.text", "none"))', 'manifest["status"]["text"].strip()', "test_damage_is_survived"),
    ("health", 'str(at(manifest, "status.text", "none"))', '""', "test_what_is_not_well_says_why"),
    ("health", "        return Health", '        manifest["seen"] = True\n        return Health', "test_it_judges"),
    ("health", "        return Health", "        time.sleep(0.15)\n        return Health", "test_it_judges"),
    ("health", 'kind = "acme/Thing"', 'kind = "acme/Other"', "test_it_claims_its_examples"),
    ("dialect", 'if not isinstance(manifest.get("spec"), str):', 'if not manifest["spec"]:', "test_damage_is_refused_or_survived"),
    ("dialect", 'where="spec"', 'where="spc"', "test_a_wrong_manifest_names_the_field"),
    ("dialect", 'annotations={"go": None}', 'annotations={"og": None}', "test_a_verb_that_is_acknowledged_is_gone"),
    ("dialect", ' if verb.name == "go" else WriteBack()', "", "test_an_unknown_verb_writes_nothing"),
    ("dialect", 'return at(manifest, "status.text")', "return 'other'", "test_what_was_written_is_restored"),
    ("dialect", 'return at(manifest, "status.text")', "return manifest['status']['text'].strip()", "test_restoring_survives_damage"),
    ("dialect", '{"text": state}', '{"text": {state}}', "test_writing_is_pure"),
    ("dialect", 'Project(name="p")', 'Project(name="")', "test_reading_is_pure"),
    ("generator", ".files()]", ".files()][:: next(FLIP)]", "test_the_same_world_gives_the_same_sets"),
    ("generator", 'frozenset({"git"})', "frozenset()", "test_it_generates"),
    ("generator", "async def generate(self, ctx):", "async def generate(self, ctx):\n        try:\n            await ctx.git.tree('u')\n        except UserError:\n            return []", "test_a_missing_repository_is_an_error_of_plats"),
    ("generator", '"thing"', '"thing"\n    every = timedelta(0)', "test_it_asks_again_after_a_while"),
    ("tool", '"a" * 64', '"a"', "test_its_archives_are_pinned"),
    ("tool", "https://x/1.0", "https://x/latest", "test_its_archives_are_pinned"),
    ("tool", '"v1.0"', '"latest"', "test_it_names_a_version"),
    ("tool", ' if platform == "linux-amd64" else None', "", "test_an_unknown_platform_has_no_archive"),
    ("tool", 'kind = program = "thing"', 'kind = "thing"\n    program = "a thing"', "test_it_names_a_program"),
    ("tool", '"v1.0"', '"v1.0"\n    version_argv = "--version"', "test_it_asks_for_a_version_by_arguments"),
    ("tool", '"v1.0"', '"v1.0"\n    def build(self):\n        from pathlib import Path\n        return GoBuild(module=Path("gone"), package="p")', "test_its_build_is_pinned"),
    ("provider", 'raise UnavailableError("not there")', 'raise KeyError("x")', "test_what_is_not_there_is_an_error_of_plats"),
    ("provider", "KNOWN.discard(ctx.name)", "KNOWN.remove(ctx.name)", "test_deleting_what_is_gone_is_fine"),
    ("provider", '"current-context": "x"', '"current-context": "y"', "test_a_whole_life"),
    ("provider", "return tuple(KNOWN)", "return list(KNOWN)", "test_the_names_are_a_tuple"),
    ("event", "str(event)", "event.facts['revision']", "test_it_survives_every_event"),
    ("event", "str(event)", "return str(event)", "test_it_survives_every_event"),
    ("event", "plat_event(event: Event)", "plat_event(row: Event)", "test_it_takes_an_event_and_nothing_else", "", "str(event)", "str(row)"),
]  # fmt: skip


@pytest.mark.parametrize("case", BAD, ids=[f"{row[0]}-{row[3]}-{number}" for number, row in enumerate(BAD)])
def test_a_broken_promise_fails_the_test_that_names_it(pytester, case):
    good, old, new, test, extra, *more = (*case, "") if len(case) == 4 else case
    code = (
        GOOD[good]
        .replace(old, new, 1)
        .replace("entry_point = False", f"entry_point = False\n    {extra}" if extra else "entry_point = False")
    )
    if more:
        code = code.replace(more[0], more[1])
    assert code != GOOD[good]
    result = run(pytester, code.replace("Field(", "__import__('pydantic').Field("), "-k", test)
    failed = {report.nodeid.rpartition("::")[2].partition("[")[0] for report in result.getfailures()}
    assert test in failed


def test_the_docstring_is_shown_beside_the_failure(pytester):
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(IMPORTS + RENDERER.replace('kind = "thing"', 'kind = "My Thing"'))
    result = pytester.runpytest_inprocess("-q")
    result.stdout.fnmatch_lines(["*Manifests name it by `kind`*"])


@pytest.mark.parametrize("good", sorted(set(GOOD) - {"tool", "provider", "event"}))
def test_a_suite_without_examples_shows_nothing_and_says_so(pytester, good):
    code = GOOD[good]
    for table in ("    examples = ", "    manifests = "):
        code = code.replace(table, f"{table.rstrip('= ')} = ()\n    other = ")
    failed = {report.nodeid.rpartition("::")[2] for report in run(pytester, code).getfailures()}
    assert failed == {"test_there_are_examples"}
