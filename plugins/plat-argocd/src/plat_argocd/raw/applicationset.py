"""ApplicationSet as people write it (spec/cluster §8). Generators keep their own fields; their plug-ins check them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from plat.api import JSON
from plat_argocd.raw.shape import Raw, RawObject


class RawTemplateMetadata(Raw):
    """Metadata of every Application made; names may hold placeholders."""

    name: str = ""
    namespace: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    finalizers: list[str] = []


class RawTemplate(Raw):
    """The template of the Applications. Its `spec` is checked once it is filled in, as an Application's."""

    metadata: RawTemplateMetadata = RawTemplateMetadata()
    spec: dict[str, JSON] = {}


class RawSetSyncPolicy(Raw):
    """What may happen to generated Applications."""

    preserve_resources_on_deletion: bool = False
    applications_sync: Literal["sync", "create-only", "create-update", "create-delete"] = "sync"


class RawPreservedFields(Raw):
    """Names of annotations and labels that other people keep on generated Applications."""

    annotations: list[str] = []
    labels: list[str] = []


class RawSetIgnoreRule(Raw):
    """Fields of generated Applications that others may change."""

    name: str = ""
    json_pointers: list[str] = []
    jq_path_expressions: list[str] = []


class RawStrategy(Raw):
    """In which order Applications are changed."""

    type: Literal["", "AllAtOnce", "RollingSync"] = ""
    rolling_sync: JSON = None
    deletion_order: Literal["", "AllAtOnce", "Reverse"] = ""


class RawSetSpec(Raw):
    """The specification."""

    generators: list[dict[str, JSON]] = Field(min_length=1)
    template: RawTemplate
    template_patch: str = ""
    go_template: bool = False
    go_template_options: list[str] = []
    sync_policy: RawSetSyncPolicy = RawSetSyncPolicy()
    preserved_fields: RawPreservedFields = RawPreservedFields()
    strategy: RawStrategy = RawStrategy()
    ignore_application_differences: list[RawSetIgnoreRule] = []
    apply_nested_selectors: bool = True


class RawApplicationSet(RawObject):
    """The whole object."""

    spec: RawSetSpec
