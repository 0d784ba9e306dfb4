from __future__ import annotations

import json
from typing import Any

import pytest

from plat.api import UserError
from plat.cluster.appset import Problem, generate

FINALIZER = "resources-finalizer.argocd.argoproj.io"


def listed(*elements: Any, **beside: Any) -> dict[str, Any]:
    return {"list": {"elements": list(elements)}, **beside}


def names(generated: Any) -> list[str]:
    return [manifest["metadata"]["name"] for manifest in generated.applications]


async def test_the_articles_set(make_set, tools) -> None:
    template = {
        "metadata": {"name": "{{path.basename}}"},
        "spec": {
            "project": "default",
            "source": {
                "repoURL": "https://github.com/your-org/services",
                "targetRevision": "HEAD",
                "path": "{{path}}",
            },
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "{{path.basename}}"},
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}, "syncOptions": ["CreateNamespace=true"]},
        },
    }
    found = [{"path": f"services/{name}", "path.basename": name} for name in ("web", "api")]

    async def git(key: str, fields: Any) -> Any:
        assert (key, fields["directories"]) == ("git", [{"path": "services/*"}])
        return found

    services = make_set(
        name="services",
        generators=({"git": {"repoURL": "r", "directories": [{"path": "services/*"}]}},),
        template=template,
    )
    generated = await generate(services, tools(services, call=git), uid="u-1")
    assert names(generated) == ["api", "web"]
    assert generated.problems == ()
    assert generated.applications[1] == {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {
            "name": "web",
            "namespace": "argocd",
            "finalizers": [FINALIZER],
            "ownerReferences": [
                {
                    "apiVersion": "argoproj.io/v1alpha1",
                    "kind": "ApplicationSet",
                    "name": "services",
                    "uid": "u-1",
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "project": "default",
            "source": {
                "repoURL": "https://github.com/your-org/services",
                "targetRevision": "HEAD",
                "path": "services/web",
            },
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "web"},
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}, "syncOptions": ["CreateNamespace=true"]},
        },
    }


async def test_the_namespace_is_always_that_of_the_set(make_set, tools) -> None:
    template = {"metadata": {"name": "{{name}}", "namespace": "elsewhere"}, "spec": {}}
    applications = make_set(namespace="control", template=template, generators=(listed({"name": "a"}),))
    (app,) = (await generate(applications, tools(applications))).applications
    assert app["metadata"]["namespace"] == "control"


@pytest.mark.parametrize(
    ("finalizers", "preserve", "expected"),
    [
        (None, False, [FINALIZER]),
        ([], False, [FINALIZER]),
        (None, True, None),
        (["x.example/y"], False, ["x.example/y"]),
        (["x.example/y"], True, ["x.example/y"]),
    ],
)
async def test_the_finalizer(make_set, tools, finalizers, preserve, expected) -> None:
    metadata = {"name": "a", **({"finalizers": finalizers} if finalizers is not None else {})}
    applications = make_set(
        template={"metadata": metadata, "spec": {}},
        preserve_resources_on_deletion=preserve,
        generators=(listed({}),),
    )
    (app,) = (await generate(applications, tools(applications))).applications
    assert app["metadata"].get("finalizers") == expected


async def test_a_generators_own_template_comes_first_and_its_gaps_are_filled(make_set, tools) -> None:
    template = {
        "metadata": {"name": "{{name}}", "labels": {"a": "general", "b": "general"}},
        "spec": {"project": "default", "syncPolicy": {"syncOptions": ["A=1", "B=2"], "retry": {"limit": 3}}},
    }
    own = {
        "metadata": {"labels": {"a": "own"}},
        "spec": {"project": "", "syncPolicy": {"syncOptions": ["C=3"]}, "destination": {"name": "{{name}}"}},
    }
    applications = make_set(template=template, generators=(listed({"name": "x"}, template=own), listed({"name": "y"})))
    first, second = (await generate(applications, tools(applications))).applications
    assert first["metadata"]["labels"] == {"a": "own", "b": "general"}
    assert first["spec"] == {
        "project": "default",
        "syncPolicy": {"syncOptions": ["C=3"], "retry": {"limit": 3}},
        "destination": {"name": "x"},
    }
    assert second["spec"] == template["spec"]


@pytest.mark.parametrize("go", [False, True])
async def test_a_patch_by_the_same_engine_that_cannot_change_the_project(make_set, tools, go) -> None:
    dot = "." if go else ""
    patch = {"metadata": {"labels": {"env": f"{{{{{dot}env}}}}"}}, "spec": {"project": "admin", "x": 1, "gone": None}}
    applications = make_set(
        template={"metadata": {"name": f"{{{{{dot}name}}}}"}, "spec": {"project": "team", "gone": True}},
        template_patch=json.dumps(patch),
        go_template=go,
        generators=(listed({"name": "a", "env": "dev"}),),
    )
    (app,) = (await generate(applications, tools(applications))).applications
    assert app["metadata"]["labels"] == {"env": "dev"}
    assert app["spec"] == {"project": "team", "x": 1}


async def test_a_patch_cannot_set_a_project_where_none_was(make_set, tools) -> None:
    applications = make_set(
        template={"metadata": {"name": "a"}, "spec": {}},
        template_patch='{"spec": {"project": "admin"}}',
        generators=(listed({}),),
    )
    (app,) = (await generate(applications, tools(applications))).applications
    assert app["spec"] == {}


async def test_a_broken_patch_fails_the_set(make_set, tools) -> None:
    applications = make_set(template_patch="{", generators=(listed({"name": "a"}),))
    with pytest.raises(UserError) as caught:
        await generate(applications, tools(applications))
    assert caught.value.where == "spec.templatePatch"


async def test_a_template_that_cannot_be_filled_fails_the_set(make_set, tools) -> None:
    template = {"metadata": {"name": "{{.nope}}"}, "spec": {}}
    applications = make_set(template=template, go_template=True, generators=(listed({"name": "a"}),))
    with pytest.raises(UserError) as caught:
        await generate(applications, tools(applications))
    assert caught.value.where == "spec.template"


async def test_bad_results_are_skipped_and_others_go_on(make_set, tools) -> None:
    elements = [
        {"name": "b"},
        {"name": "twice"},
        {"name": "twice"},
        {"name": ""},
        {"other": "x"},
        {"name": "unknown-cluster"},
        {"name": "a"},
    ]
    applications = make_set(generators=(listed(*elements),))

    def validate(manifest: Any) -> str:
        return "no cluster 'x'" if manifest["metadata"]["name"] == "unknown-cluster" else ""

    generated = await generate(applications, tools(applications, validate=validate))
    assert names(generated) == ["a", "b"]
    assert generated.problems == (
        Problem("twice", "2 parameter sets give the name 'twice'"),
        Problem("", "the template gives no name"),
        Problem("", "'{{name}}' is no name that Kubernetes allows"),
        Problem("unknown-cluster", "no cluster 'x'"),
    )


async def test_a_failing_generator_raises(make_set, tools) -> None:
    applications = make_set(generators=(listed({"name": "a"}), {"list": {"fails": "git is down"}}))
    with pytest.raises(UserError, match="git is down"):
        await generate(applications, tools(applications))


async def test_a_thousand_applications_are_one_batch(make_set, tools, go_templates) -> None:
    elements = [{"name": f"app-{index:04}"} for index in range(1000)]
    template = {"metadata": {"name": "{{.name}}"}, "spec": {}}
    applications = make_set(template=template, go_template=True, generators=(listed(*elements),))
    generated = await generate(applications, tools(applications))
    assert len(generated.applications) == 1000
    assert len(go_templates.batches) == 1
