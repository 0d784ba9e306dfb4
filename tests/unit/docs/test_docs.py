"""What the documentation says exists: links, commands, options, snippets of plat.yaml."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from plat.api import Dialect, UserError, checked
from plat.cli.main import COMMANDS
from plat.cluster.manifests import Manifests
from plat.stack import StackFile
from plat_argocd.application import ArgoApplication
from plat_argocd.applicationset import ArgoApplicationSet
from plat_argocd.plugin import plat_generators

ROOT = Path(__file__).resolve().parents[3]
NOT_YET = ROOT / "docs/explanation/not-yet.md"
PAGES = sorted(
    path
    for place in ("*.md", "docs/**/*.md", "examples/**/*.md", "plugins/*/README.md", "changes/*.md", "stacks/**/*.md")
    for path in ROOT.glob(place)
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`]+)`")
WORDS = {name: command.module for group in COMMANDS.values() for name, command in group.items()}
BEFORE = frozenset({"--help", "--version", "COMMAND", "[-C"})
"""What may stand after `plat` in place of a command."""


def page_id(path: Path) -> str:
    return str(path.relative_to(ROOT))


every_page = pytest.mark.parametrize("page", PAGES, ids=page_id)


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text())


def slugs(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as forges make them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def called(page: Path) -> Iterator[list[str]]:
    """Return the words after `plat` of each command line in a page."""
    lines = [line[2:] for kind, text in FENCE.findall(page.read_text()) if kind == "console" for line in _prompts(text)]
    lines += [line for kind, text in FENCE.findall(page.read_text()) if kind == "sh" for line in text.splitlines()]
    lines += CODE.findall(re.sub(r"(?<!`)`\n", "` ", prose(page)).replace("\n", " "))
    for line in lines:
        part = re.split(r"[|;#]", line)[0].strip().removeprefix(".venv/bin/")
        if part.startswith("plat ") and not part.startswith(("plat ...", "plat (")):
            yield _without_options_before(shlex.split(part.replace("'", ""))[1:])


def _without_options_before(words: list[str]) -> list[str]:
    while words and words[0] in ("-C", "--debug"):
        words = words[2 if words[0] == "-C" else 1 :]
    return words


def _prompts(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("$ ")]


@cache
def command_of(name: str) -> Any:
    module: Any = import_module(f"plat.cli.{WORDS[name]}")
    if isinstance(getattr(module, "app", None), typer.Typer):
        return typer.main.get_command(module.app)
    app = typer.Typer(add_completion=False)
    app.command()(module.run)
    return typer.main.get_command(app)


def commands_in(command: Any) -> Mapping[str, Any]:
    return dict(getattr(command, "commands", {}))


def options_of(command: Any) -> set[str]:
    one = {text for param in command.params if param.param_type_name == "option" for text in param.opts}
    return one.union({"--help"}, *(options_of(each) for each in commands_in(command).values()))


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(prose(page)):
        if re.match(r"\w+:", link):
            broken.append(f"{link}: pages of ours link to nothing outside the repository")
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            broken.append(link)
        elif anchor and anchor not in slugs(target):
            broken.append(f"{link}: no such heading")
    assert broken == []


@every_page
def test_commands_and_their_options_exist(page: Path) -> None:
    if page == NOT_YET:
        pytest.skip("this page names what does not exist")
    wrong = []
    for words in called(page):
        if not words or words[0] in BEFORE:
            continue
        if words[0] not in WORDS:
            wrong.append(f"plat {words[0]}")
            continue
        command = command_of(words[0])
        inner = commands_in(command)
        if inner and len(words) > 1 and words[1] not in {*inner, "--help"}:
            wrong.append(f"plat {words[0]} {words[1]}")
            continue
        chosen = inner.get(words[1], command) if len(words) > 1 else command
        known = options_of(chosen)
        wrong += [f"plat {words[0]} {word}" for word in words if _is_option(word) and word.split("=")[0] not in known]
    assert wrong == []


def _is_option(word: str) -> bool:
    return word.startswith("-") and word != "-"


def test_what_is_said_not_to_exist_does_not() -> None:
    row = next(line for line in NOT_YET.read_text().splitlines() if "no such commands" in line)
    named = [text.removeprefix("plat ") for text in CODE.findall(row)]
    assert named
    assert [name for name in named if name in WORDS] == []


@every_page
def test_snippets_of_yaml_are_yaml_and_those_of_plat_yaml_are_accepted(page: Path) -> None:
    for kind, text in FENCE.findall(page.read_text()):
        if kind != "yaml":
            continue
        for document in yaml.safe_load_all(text):
            if isinstance(document, dict) and document.keys() & {"stack", "clusters", "sources", "dialects"}:
                checked(StackFile, {"stack": "documented", **document}, where=page_id(page))


def stack_files() -> list[Path]:
    return sorted([*ROOT.glob("examples/*/plat.yaml"), *ROOT.glob("stacks/*/plat.yaml")])


@pytest.mark.parametrize("path", stack_files(), ids=page_id)
def test_stack_files_of_examples_are_accepted(path: Path) -> None:
    checked(StackFile, yaml.safe_load(path.read_text()), where=page_id(path))


def test_the_page_of_commands_has_each_command_with_exactly_its_options() -> None:
    text = (ROOT / "docs/reference/commands.md").read_text()
    sections = dict(re.findall(r"^## plat (\w+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    assert sections.keys() == WORDS.keys()
    for name, section in sections.items():
        command = command_of(name)
        first = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
        named = {word for cell in first for code in CODE.findall(cell) for word in code.split() if _is_option(word)}
        wanted = options_of(command) - {"--help", "--output"}
        assert (name, named) == (name, wanted)
        for inner in commands_in(command):
            assert f"`plat {name} {inner}" in section


def test_the_page_of_plat_yaml_has_each_key() -> None:
    text = (ROOT / "docs/reference/plat-yaml.md").read_text()
    schema = StackFile.model_json_schema(by_alias=True)
    keys = [
        *schema["properties"],
        *schema["$defs"]["Sources"]["properties"],
        *schema["$defs"]["ClusterUse"]["properties"],
    ]
    assert [key for key in keys if not re.search(rf"`([\w.]+\.)?{key}`", text)] == []


@every_page
def test_pages_name_no_machine_and_promise_nothing(page: Path) -> None:
    text = page.read_text()
    assert re.search(r"/root/|/work/|pypi\.org|proxy\.golang|/tmp/bash", text) is None
    assert re.search(r"\b(coming soon|will soon|planned for|in a future|TODO|FIXME)\b", text, re.IGNORECASE) is None
    assert (
        re.search(r"\b(blazing|seamless|powerful|effortless|cutting-edge|revolutionary)", text, re.IGNORECASE) is None
    )
    assert re.search("[\U0001f300-\U0001faff\u2600-\u27bf]", text) is None


def test_every_page_is_reached_from_the_readme() -> None:
    seen, open_ = set[Path](), [ROOT / "README.md"]
    while open_:
        page = open_.pop()
        if page in seen or not page.is_file() or page.suffix != ".md":
            continue
        seen.add(page)
        links = [link.partition("#")[0] for link in LINK.findall(prose(page)) if not re.match(r"\w+:", link)]
        open_ += [(page.parent / link).resolve() for link in links if link]
    wanted = {page for page in PAGES if page.parent != ROOT / "changes" or page.name == "README.md"}
    assert {page_id(page) for page in wanted - seen} == set()


SOURCE = {"repoURL": "https://git.example/x", "path": "app"}
SET = {"generators": [{"list": {"elements": []}}], "template": {"metadata": {"name": "x"}, "spec": {}}}


def application(**spec: Any) -> dict[str, Any]:
    body = {"source": SOURCE, "destination": {"name": "one"}, "project": "default", **spec}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "x"}, "spec": body}


def application_set(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "x"}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": metadata,
        "spec": {**SET, **spec},
    }


@pytest.mark.parametrize(
    ("words", "dialect", "manifest"),
    [
        ("OCI sources", ArgoApplication, application(source={**SOURCE, "repoURL": "oci://registry.example/x"})),
        ("config management plug-ins", ArgoApplication, application(source={**SOURCE, "plugin": {"name": "x"}})),
        ("source hydrator", ArgoApplication, application(sourceHydrator={"drySource": {}})),
        ("RollingSync", ArgoApplicationSet, application_set(strategy={"type": "RollingSync"})),
    ],
)
def test_what_the_page_calls_an_error_is_one(words: str, dialect: type[Dialect[Any]], manifest: dict[str, Any]) -> None:
    assert words in NOT_YET.read_text()
    with pytest.raises(UserError):
        dialect().read(manifest, Manifests(()))


def test_the_kinds_of_generators_are_those_that_the_page_names() -> None:
    line = next(line for line in NOT_YET.read_text().splitlines() if line.startswith("| generators `list`"))
    missing = next(line for line in NOT_YET.read_text().splitlines() if line.startswith("| generators `scm"))
    kinds = {kind.kind.partition(".")[0] for kind in plat_generators()}
    assert {*kinds, "matrix", "merge"} == set(CODE.findall(line))
    assert kinds.isdisjoint(CODE.findall(missing))
