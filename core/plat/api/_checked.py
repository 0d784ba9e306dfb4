"""Parse once at the edge: plain data becomes a frozen model, or one clear error with its place and the nearest name."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from plat.api._errors import UserError
from plat.api._values import JSON

M = TypeVar("M", bound=BaseModel)


def checked(model: type[M], data: JSON, *, where: str = "") -> M:
    """Return the model made from data, or raise UserError for the first thing that is wrong with it.

    `where` is put before the dotted path of the field, as in `plat.yaml:3: clusters.prod.use`.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise _user_error(error, model, where) from None


def _user_error(error: ValidationError, model: type[BaseModel], where: str) -> UserError:
    problems = error.errors(include_url=False, include_input=False)
    first = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
    path = [str(step) for step in first["loc"]]
    place = f"{where}: {'.'.join(path)}" if where and path else where or ".".join(path)
    if first["type"] == "extra_forbidden":
        return UserError(f"unknown field {path[-1]!r}", where=place, remedy=_nearest(path, model))
    if first["type"] == "missing":
        return UserError("is required", where=place, remedy=f"add {path[-1]!r}")
    return UserError(first["msg"].removeprefix("Value error, "), where=place, remedy="")


def _nearest(path: list[str], model: type[BaseModel]) -> str:
    names = sorted(_names(_model_at(path[:-1], model)))
    near = difflib.get_close_matches(path[-1], names, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names)}"


def _names(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield field.validation_alias if isinstance(field.validation_alias, str) else field.alias or name


def _model_at(path: list[str], model: type[BaseModel]) -> type[BaseModel]:
    """Follow a path of names, indexes and keys through the annotations, as far as it leads to models."""
    here = model
    for step in path:
        for name, field in here.model_fields.items():
            if step in (name, field.alias, field.validation_alias):
                here = next(_models_in(field.annotation), here)
                break
    return here


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def nearest(name: str, known: Mapping[str, Any] | list[str] | tuple[str, ...]) -> str:
    """Return a remedy that names the nearest known word, or all of them."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known)) or 'none'}"
