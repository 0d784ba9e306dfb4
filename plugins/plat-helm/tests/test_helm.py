from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import pytest

from plat.api import Application, Destination, RenderContext, Source, UserError, checked
from plat_helm import Helm, plat_renderers


@dataclass
class FakeTree:
    content: Mapping[str, str]
    commit: str = "c0ffee"

    def files(self, *globs: str) -> Sequence[str]:
        return [path for path in self.content for glob in globs if fnmatchcase(path, glob)]

    def read(self, path: str) -> bytes:
        return self.content[path].encode()


@dataclass
class FakeRender:
    asked: list[Any] = field(default_factory=list)

    async def helm(self, tree: Any, path: str, **options: Any) -> Sequence[Any]:
        self.asked.append((path, options))
        return [{"kind": "ConfigMap"}]


CHART = FakeTree(
    {
        "charts/web/Chart.yaml": "",
        "charts/web/values-prod.yaml": "prod",
        "charts/web/env/b.yaml": "b",
        "charts/web/env/a.yaml": "a",
        "shared/common.yaml": "common",
    }
)
VALUES = FakeTree({"web/prod.yaml": "ref prod", "web/web.yaml": "ref web", "cert.pem": "PEM"})
ENV = {"ARGOCD_APP_NAME": "web", "ARGOCD_APP_REVISION": "c0ffee"}


def context(tree: Any = CHART) -> RenderContext:
    app = Application(name="web", sources=(Source(url="u"),), destination=Destination(name="c", namespace="ns"))
    nothing: Any = None
    return RenderContext(
        log=nothing,
        clock=nothing,
        progress=lambda _: None,
        key="k",
        tree=tree,
        path="charts/web",
        refs={"values": VALUES},  # type: ignore[dict-item]  # only what is used
        app=app,
        env=ENV,
        kube_version="1.35",
        api_versions=("apps/v1",),
        render=FakeRender(),  # type: ignore[arg-type]  # only what is used
        exec=nothing,
        http=nothing,
    )


async def options(**block: Any) -> Any:
    ctx = context()
    rendered = await checked(Helm, block).render(ctx)
    assert rendered.objects == [{"kind": "ConfigMap"}]
    ((path, given),) = ctx.render.asked  # type: ignore[attr-defined]  # the fake
    assert path == "charts/web"
    return given


async def test_defaults_come_from_application_and_cluster() -> None:
    assert await options() == {
        "releaseName": "web",
        "namespace": "ns",
        "kubeVersion": "1.35",
        "apiVersions": ["apps/v1"],
        "skipCrds": False,
        "skipTests": False,
        "skipSchemaValidation": False,
        "valueFiles": [],
        "parameters": [],
        "fileParameters": [],
        "files": {},
    }


async def test_what_is_given_wins() -> None:
    given = await options(
        releaseName="r",
        namespace="n",
        kubeVersion="1.30",
        apiVersions=["x/v1"],
        skipCrds=True,
        skipTests=True,
        skipSchemaValidation=True,
        passCredentials=True,
        version="v3",
    )
    assert (given["releaseName"], given["namespace"], given["kubeVersion"]) == ("r", "n", "1.30")
    assert given["apiVersions"] == ["x/v1"]
    assert all(given[name] for name in ("skipCrds", "skipTests", "skipSchemaValidation"))


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (["values-prod.yaml"], {"charts/web/values-prod.yaml": "prod"}),
        (["./values-prod.yaml"], {"charts/web/values-prod.yaml": "prod"}),
        (["/shared/common.yaml"], {"shared/common.yaml": "common"}),
        (["../../shared/common.yaml"], {"shared/common.yaml": "common"}),
        (["env/*.yaml"], {"charts/web/env/a.yaml": "a", "charts/web/env/b.yaml": "b"}),
        (["$values/web/prod.yaml"], {".plat/refs/values/web/prod.yaml": "ref prod"}),
        (["$values/web/$ARGOCD_APP_NAME.yaml"], {".plat/refs/values/web/web.yaml": "ref web"}),
        (["env/b.yaml", "env/*.yaml"], {"charts/web/env/b.yaml": "b", "charts/web/env/a.yaml": "a"}),
        (["env/*.yaml", "env/a.yaml"], {"charts/web/env/b.yaml": "b", "charts/web/env/a.yaml": "a"}),
        (["values-prod.yaml", "values-prod.yaml"], {"charts/web/values-prod.yaml": "prod"}),
        (
            ["$values/web/prod.yaml", "values-prod.yaml"],
            {".plat/refs/values/web/prod.yaml": "ref prod", "charts/web/values-prod.yaml": "prod"},
        ),
    ],
)
async def test_value_files_in_order(names: list[str], files: dict[str, str]) -> None:
    given = await options(valueFiles=names)
    assert given["valueFiles"] == [f"/{path}" for path in files]
    assert given["files"] == {path: text.encode() for path, text in files.items()}


async def test_missing_value_files() -> None:
    names = ["nothing.yaml", "none/*.yaml", "values-prod.yaml"]
    given = await options(valueFiles=names, ignoreMissingValueFiles=True)
    assert given["valueFiles"] == ["/charts/web/values-prod.yaml"]
    with pytest.raises(UserError) as caught:
        await options(valueFiles=["values-prod.yaml", "nothing.yaml"])
    assert caught.value.where == "helm.valueFiles.1"
    assert "ignoreMissingValueFiles" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../../../etc/passwd", "leads out of the repository"),
        ("$values/../x.yaml", "leads out of the repository"),
        ("$value/web/prod.yaml", "did you mean '$values'?"),
        ("https://git.example/values.yaml", "not supported yet"),
        ("s3://bucket/values.yaml", "not supported yet"),
    ],
)
async def test_value_files_that_cannot_be(name: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        await options(valueFiles=[name], ignoreMissingValueFiles=True)
    assert words in str(caught.value)


async def test_values_as_object_win_over_text() -> None:
    assert (await options(values="a: 1"))["values"] == "a: 1"
    given = await options(values="a: 1", valuesObject={"a": 2, "b": None})
    assert given["valuesObject"] == {"a": 2, "b": None}
    assert "values" not in given


async def test_parameters() -> None:
    given = await options(
        parameters=[
            {"name": "image.tag", "value": "$ARGOCD_APP_REVISION", "forceString": True},
            {"name": "hosts", "value": "a,b"},
            {"name": "empty"},
        ],
        fileParameters=[{"name": "cert", "path": "$values/cert.pem"}],
    )
    assert given["parameters"] == [
        {"name": "image.tag", "value": "c0ffee", "forceString": True},
        {"name": "hosts", "value": "a,b", "forceString": False},
        {"name": "empty", "value": "", "forceString": False},
    ]
    assert given["fileParameters"] == [{"name": "cert", "path": "/.plat/refs/values/cert.pem"}]
    assert given["files"] == {".plat/refs/values/cert.pem": b"PEM"}


async def test_a_file_parameter_names_one_file() -> None:
    with pytest.raises(UserError) as caught:
        await options(fileParameters=[{"name": "x", "path": "env/*.yaml"}])
    assert caught.value.where == "helm.fileParameters.0.path"


def test_an_unknown_field_names_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'valueFiles'"):
        checked(Helm, {"valuesFiles": []})


def test_recognised_and_registered() -> None:
    assert Helm.recognises({"Chart.yaml", "values.yaml"})
    assert not Helm.recognises({"values.yaml"})
    assert plat_renderers() == [Helm]
