from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from plat.api import Application, Destination, RenderContext, Source, UserError, checked
from plat_kustomize import Kustomize, plat_renderers


@dataclass
class FakeTree:
    folders: Sequence[str] = ()
    commit: str = "c0ffee"

    def directories(self, *globs: str) -> Sequence[str]:
        return [folder for folder in self.folders if folder in globs]


@dataclass
class FakeRender:
    asked: list[Any] = field(default_factory=list)

    async def kustomize(self, tree: Any, path: str, **overrides: Any) -> Sequence[Any]:
        self.asked.append((path, overrides))
        return [{"kind": "ConfigMap"}]


def context(tree: Any, env: Mapping[str, str] | None = None) -> RenderContext:
    app = Application(name="web", sources=(Source(url="u"),), destination=Destination(name="c"))
    nothing: Any = None
    return RenderContext(
        log=nothing,
        clock=nothing,
        progress=lambda _: None,
        key="k",
        tree=tree,
        path="apps/web",
        refs={},
        app=app,
        env=env or {},
        kube_version="",
        api_versions=(),
        render=FakeRender(),  # type: ignore[arg-type]  # only what is used
        exec=nothing,
        http=nothing,
    )


async def overrides(block: Mapping[str, Any], tree: Any = None, env: Mapping[str, str] | None = None) -> Any:
    ctx = context(tree or FakeTree(), env)
    rendered = await checked(Kustomize, block).render(ctx)
    assert rendered.objects == [{"kind": "ConfigMap"}]
    ((path, given),) = ctx.render.asked  # type: ignore[attr-defined]  # the fake
    assert path == "apps/web"
    return given


async def test_nothing_given_overrides_nothing() -> None:
    assert await overrides({}) == {}


async def test_every_field_reaches_the_build_as_written() -> None:
    block = {
        "namePrefix": "a-",
        "nameSuffix": "-b",
        "namespace": "ns",
        "images": ["old=new:1"],
        "replicas": [{"name": "web", "count": 3}],
        "commonLabels": {"a": "b"},
        "forceCommonLabels": True,
        "labelWithoutSelector": True,
        "labelIncludeTemplates": True,
        "commonAnnotations": {"c": "$literal"},
        "forceCommonAnnotations": True,
        "patches": [
            {"patch": "- op: remove\n", "target": {"kind": "Deployment", "labelSelector": "a=b"}},
            {"path": "patch.yaml", "options": {"allowNameChange": True}},
        ],
        "components": ["../components/x"],
    }
    assert await overrides(block) == block


async def test_a_count_may_be_text() -> None:
    assert await overrides({"replicas": [{"name": "web", "count": "2"}]}) == {"replicas": [{"name": "web", "count": 2}]}


async def test_what_only_argo_cds_server_uses_is_left_out() -> None:
    assert await overrides({"version": "v4", "kubeVersion": "1.30", "apiVersions": ["x/v1"]}) == {}


async def test_variables() -> None:
    block = {
        "images": ["web=web:$ARGOCD_APP_REVISION_SHORT"],
        "commonLabels": {"app": "${ARGOCD_APP_NAME}-$$x"},
        "commonAnnotations": {"app": "$ARGOCD_APP_NAME"},
    }
    env = {"ARGOCD_APP_REVISION_SHORT": "c0ffee0", "ARGOCD_APP_NAME": "web"}
    given = await overrides(block, env=env)
    assert given["images"] == ["web=web:c0ffee0"]
    assert given["commonLabels"] == {"app": "web-$x"}
    assert given["commonAnnotations"] == {"app": "$ARGOCD_APP_NAME"}
    given = await overrides({**block, "commonAnnotationsEnvsubst": True}, env=env)
    assert given["commonAnnotations"] == {"app": "web"}


@pytest.mark.parametrize(
    ("ignore", "expected"),
    [(False, ["../components/x", "missing"]), (True, ["../components/x"])],
)
async def test_missing_components(ignore: bool, expected: list[str]) -> None:  # noqa: FBT001  # a column of the table
    block = {"components": ["../components/x", "missing"], "ignoreMissingComponents": ignore}
    assert (await overrides(block, FakeTree(["apps/components/x"])))["components"] == expected


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({"nameprefix": "a"}, "did you mean 'namePrefix'?"),
        ({"patches": [{"target": {"kindd": "x"}}]}, "did you mean 'kind'?"),
        ({"replicas": [{"name": "web", "count": "many"}]}, "integer"),
        ({"components": ["../../../x"]}, "leads out of the repository"),
    ],
)
async def test_what_cannot_be_meant(block: Any, words: str) -> None:
    with pytest.raises(UserError) as caught:
        await overrides(block)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"kustomization.yaml"}, True),
        ({"kustomization.yml", "x"}, True),
        ({"Kustomization"}, True),
        ({"kustomization"}, False),
        (set(), False),
    ],
)
def test_recognised(names: set[str], expected: bool) -> None:  # noqa: FBT001  # a column of the table
    assert Kustomize.recognises(names) is expected


def test_registered() -> None:
    assert plat_renderers() == [Kustomize]
