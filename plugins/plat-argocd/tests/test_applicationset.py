from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from plat.api import Application, ApplicationSet, Camp, IgnoreRule, UserError, checked
from plat_argocd.application import ArgoApplication
from plat_argocd.applicationset import ArgoApplicationSet
from plat_argocd.generators import GitDirectories

TEMPLATE = {"metadata": {"name": "{{name}}"}, "spec": {"project": "default"}}
ARTICLE = yaml.safe_load((Path(__file__).parent / "article.yaml").read_text())


class Nobody:
    def get(self, ref: Any) -> None:
        return None

    def list(self, ref: Any) -> tuple[()]:
        return ()


def manifest(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": "s"},
        "spec": {"generators": [{"list": {"elements": []}}], "template": TEMPLATE, **spec},
    }


def read(given: dict[str, Any], **config: Any) -> ApplicationSet:
    (found,) = ArgoApplicationSet(**config).read(given, Nobody()).objects
    assert isinstance(found, ApplicationSet)
    return found


def test_the_least_set() -> None:
    assert read(manifest()) == ApplicationSet(
        name="s", namespace="argocd", generators=({"list": {"elements": []}},), template=TEMPLATE
    )


def test_every_field() -> None:
    found = read(
        manifest(
            templatePatch="spec: {}",
            goTemplate=True,
            goTemplateOptions=["missingkey=error"],
            syncPolicy={"preserveResourcesOnDeletion": True, "applicationsSync": "create-update"},
            preservedFields={"annotations": ["a"], "labels": ["b"]},
            strategy={"type": "AllAtOnce"},
            ignoreApplicationDifferences=[{"name": "x", "jsonPointers": ["/spec/y"], "jqPathExpressions": [".z"]}],
        )
    )
    assert (found.template_patch, found.go_template, found.go_template_options) == (
        "spec: {}",
        True,
        ("missingkey=error",),
    )
    assert (found.policy, found.preserve_resources_on_deletion) == ("create-update", True)
    assert (found.preserved_annotations, found.preserved_labels) == (("a",), ("b",))
    rule = IgnoreRule(group="argoproj.io", kind="Application", name="x", json_pointers=("/spec/y",), jq=(".z",))
    assert found.ignore == (rule,)


def test_a_generators_template_moves_beside_it_at_every_level() -> None:
    git = {"repoURL": "u", "directories": [], "template": {"spec": {}}, "values": None}
    matrix = {"generators": [{"git": git, "selector": {"matchLabels": {"a": "b"}}}, {"list": {}}], "template": TEMPLATE}
    found = read(manifest(generators=[{"matrix": matrix, "selector": None}]))
    inner = {"git": {"repoURL": "u", "directories": []}, "selector": {"matchLabels": {"a": "b"}}}
    assert found.generators == (
        {"matrix": {"generators": [inner | _template(git), {"list": {}}]}, "template": TEMPLATE},
    )


def _template(block: dict[str, Any]) -> dict[str, Any]:
    return {"template": block["template"]}


def test_the_operators_way_of_tracking_is_that_of_the_applications_to_come() -> None:
    assert read(manifest(), tracking="label", namespace="cd").camp == Camp(tracking="label", home="cd")


def test_the_operators_choice_of_globbing_reaches_git_files() -> None:
    generators = [{"git": {"repoURL": "u", "files": []}}, {"git": {"repoURL": "u", "directories": []}}]
    files, directories = read(manifest(generators=generators), doublestar=True).generators
    assert files["git"]["doublestar"] is True
    assert "doublestar" not in directories["git"]


@pytest.mark.parametrize(
    ("change", "where", "words"),
    [
        ({"generators": []}, "spec.generators", "at least 1"),
        ({"generators": [{}]}, "spec.generators.0", "names no generator"),
        ({"generators": [{"selector": {}}]}, "spec.generators.0", "names no generator"),
        ({"generators": [{"list": {}, "git": {}}]}, "spec.generators.0", "more than one generator: list, git"),
        ({"generators": [{"list": []}]}, "spec.generators.0.list", "mapping"),
        ({"generators": [{"matrix": {"generators": [{}]}}]}, "spec.generators.0.matrix.generators.0", "no generator"),
        ({"template": {"metdata": {}}}, "spec.template.metdata", "did you mean 'metadata'?"),
        ({"template": None}, "spec.template", "required"),
        ({"syncPolicy": {"applicationsSync": "never"}}, "spec.syncPolicy.applicationsSync", "create-only"),
        ({"goTemplates": True}, "spec.goTemplates", "did you mean 'goTemplate'?"),
        ({"strategy": {"type": "RollingSync"}}, "spec.strategy.type", "not supported yet"),
    ],
)
def test_what_cannot_be_meant(change: dict[str, Any], where: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        read(manifest(**change))
    assert caught.value.where == where
    assert words in str(caught.value)


async def test_the_articles_set_as_published(generator_context, tree) -> None:
    """From the article's text to Applications, with the core's part done by hand."""
    services = read(ARTICLE)
    assert (services.id, services.policy) == ("argocd/services", "sync")
    generator = checked(GitDirectories, services.generators[0]["git"])
    found = tree("services/web/a.yaml", "services/api/a.yaml", "services/README.md", "docs/x")
    trees = {("https://github.com/your-org/services", "HEAD"): found}
    sets = await generator.generate(generator_context(trees=trees))
    apps = [_read_application(services, parameters) for parameters in sets]
    assert [(app.name, app.sources[0].path, app.destination.namespace) for app in apps] == [
        ("api", "services/api", "api"),
        ("web", "services/web", "web"),
    ]
    assert all(app.automated and app.automated.prune and app.automated.self_heal for app in apps)
    assert all(app.options == {"CreateNamespace=true"} for app in apps)


def _read_application(services: ApplicationSet, parameters: Any) -> Application:
    text = yaml.safe_dump(dict(services.template))
    for key in ("path.basename", "path"):
        text = text.replace(f"{{{{{key}}}}}", parameters[key])
    given = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", **yaml.safe_load(text)}
    (app,) = ArgoApplication().read(given, Nobody()).objects
    assert isinstance(app, Application)
    return app
