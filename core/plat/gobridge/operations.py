"""The names of what the helper does. They stand here and nowhere else on the Python side."""

from __future__ import annotations

from enum import StrEnum


class Operation(StrEnum):
    """One entry of the helper's table of operations."""

    VERSIONS = "bridge.versions"
    YAML_DOCUMENTS = "yaml.documents"
    YAML_DUMP = "yaml.dump"
    KUSTOMIZE_BUILD = "kustomize.build"
    KUSTOMIZE_BUILD_TREE = "kustomize.build-tree"
    HELM_TEMPLATE = "helm.template"
    FIELDS_LOAD = "fields.load"
    FIELDS_PROJECT = "fields.project"
    FIELDS_EXTRA = "fields.owned-extra"
    TEMPLATE_RENDER = "template.render"
    JQ_APPLY = "jq.apply"
    PATCH_APPLY = "patch.apply"
    LUA_HEALTH = "lua.health"
    SEMVER_SELECT = "semver.select"
    SEMVER_SORT = "semver.sort"
    JSONNET_EVALUATE = "jsonnet.evaluate"
    EXPR_EVALUATE = "expr.evaluate"
    CEL_EVALUATE = "cel.evaluate"
    FLUX_SUBSTITUTE = "flux.substitute"
    JSON_EDIT = "json.edit"
