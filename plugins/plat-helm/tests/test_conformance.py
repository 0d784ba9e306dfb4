from __future__ import annotations

from plat.testing import RendererSuite, RenderExample
from plat_helm import Helm

TEMPLATE = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
  namespace: {{ .Release.Namespace }}
data:
  size: {{ .Values.size | quote }}
"""
CHART = {
    "web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    "web/values.yaml": "size: 1\n",
    "web/prod.yaml": "size: 9\n",
    "web/templates/map.yaml": TEMPLATE,
}


class TestHelm(RendererSuite):
    plugin = Helm
    configurations = ({}, {"releaseName": "r", "valueFiles": ["prod.yaml"], "valuesObject": {"size": 2}})
    refused = (({"valuesFiles": []}, "did you mean 'valueFiles'?"),)
    examples = (
        RenderExample(CHART, "web", objects=["ConfigMap shop/web"]),
        RenderExample(
            CHART,
            "web",
            configuration={"releaseName": "r", "valueFiles": ["prod.yaml"]},
            objects=["ConfigMap shop/r"],
        ),
    )
    broken = (
        (RenderExample(CHART, "web", configuration={"valueFiles": ["gone.yaml"]}), "ignoreMissingValueFiles"),
        (RenderExample({**CHART, "web/templates/map.yaml": "{{ .Values.x.y.z }}"}, "web"), "map.yaml"),
    )
