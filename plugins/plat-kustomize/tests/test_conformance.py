from __future__ import annotations

from plat.testing import RendererSuite, RenderExample
from plat_kustomize import Kustomize

BASE = {
    "base/kustomization.yaml": "resources: [web.yaml]\n",
    "base/web.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {a: b}\n",
    "dev/kustomization.yaml": "resources: [../base]\nnamespace: dev\n",
}


class TestKustomize(RendererSuite):
    plugin = Kustomize
    configurations = ({}, {"namePrefix": "a-", "images": ["web=web:1"], "replicas": [{"name": "web", "count": 2}]})
    refused = (({"nameprefix": "a"}, "did you mean 'namePrefix'?"), ({"images": "web"}, "images"))
    examples = (
        RenderExample(BASE, "base", objects=["ConfigMap web"]),
        RenderExample(BASE, "dev", objects=["ConfigMap dev/web"]),
        RenderExample(BASE, "dev", configuration={"namePrefix": "a-"}, objects=["ConfigMap dev/a-web"]),
    )
    broken = ((RenderExample({**BASE, "base/kustomization.yaml": "resources: [gone.yaml]\n"}, "base"), "gone.yaml"),)
