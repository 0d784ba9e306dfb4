"""What all raw models share: no unknown field, no coercion, and null means absent, as in the API server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from plat.api import JSON, Manifest, UserError, checked, outside

VERSION: Final = "argoproj.io/v1alpha1"
"""The one version that Argo CD's kinds have ever had."""


class Raw(BaseModel):
    """A part of a manifest, typed as people write it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", alias_generator=outside)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        if isinstance(data, cls):
            return data
        if not isinstance(data, Mapping):
            raise ValueError("must be a mapping")  # noqa: TRY004  # pydantic turns only ValueError into its own report
        return {key: value for key, value in data.items() if value is not None}


R = TypeVar("R", bound=Raw)


class RawOwner(Raw):
    """Who generated an object; only what we read of it."""

    model_config = ConfigDict(extra="ignore")
    kind: str = ""
    name: str = ""


class RawMetadata(Raw):
    """Metadata; the API server has more fields than we read, so unknown ones are fine here."""

    model_config = ConfigDict(extra="ignore")
    name: str = Field(min_length=1)
    namespace: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    finalizers: list[str] = []
    owner_references: list[RawOwner] = []


class RawObject(Raw):
    """A whole manifest."""

    api_version: str
    kind: str
    metadata: RawMetadata
    status: JSON = None


def read_raw(model: type[R], manifest: Manifest) -> R:
    """Return the raw model of a manifest, or raise UserError with the dotted path of what is wrong with it."""
    version = manifest.get("apiVersion")
    if version != VERSION:
        raise UserError(f"version {version!r} is not known", where="apiVersion", remedy=f"write {VERSION}")
    return checked(model, manifest)
