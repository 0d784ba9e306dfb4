"""The two template engines of ApplicationSets (spec/cluster §8.2), behind one protocol.

The plain engine is here. The other is Go's text/template, asked for as one batch of texts.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol

from plat.api import JSON, ApplicationSet, UserError

Parameters = Mapping[str, JSON]

_PLACEHOLDER: Final = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


@dataclass(frozen=True)
class Text:
    """One text for the Go engine, and what it sees."""

    text: str
    values: Parameters = field(repr=False)
    options: tuple[str, ...] = ()


TemplateMany = Callable[[Sequence[Text]], Awaitable[Sequence[str | UserError]]]
"""Render many texts by text/template in one message; what fails is in the place of its result."""


class Engine(Protocol):
    """Fills values: every string and every key of a mapping, each on its own; never a boolean or a number."""

    @property
    def go(self) -> bool:
        """Whether parameters are nested; the plain engine has flat keys."""
        ...

    async def fill(self, items: Sequence[tuple[JSON, Parameters]]) -> list[JSON]:
        """Return each value filled with its parameters. Raises UserError for the first text that cannot be."""
        ...


class PlainEngine:
    """`{{key}}`, trimmed and looked up exactly; an unknown key or a value that is no string stays verbatim."""

    go = False

    async def fill(self, items: Sequence[tuple[JSON, Parameters]]) -> list[JSON]:
        """Return each value filled with its parameters."""
        return [rebuilt(value, partial(plain, parameters=known)) for value, known in items]


class GoEngine:
    """Go's text/template with sprig; all texts of one call travel as one batch."""

    go = True

    def __init__(self, template: TemplateMany, options: Sequence[str] = ()) -> None:
        self._template, self._options = template, tuple(options)

    async def fill(self, items: Sequence[tuple[JSON, Parameters]]) -> list[JSON]:
        """Return each value filled with its parameters. Raises UserError for the first text that cannot be."""
        texts = [
            Text(text, known, self._options) for value, known in items for text in strings(value) if templated(text)
        ]
        results = iter(await self._template(texts) if texts else [])
        return [rebuilt(value, lambda text: _taken(results) if templated(text) else text) for value, _ in items]


def engine_of(applications: ApplicationSet, template: TemplateMany) -> Engine:
    """Return the engine that an ApplicationSet asks for."""
    return GoEngine(template, applications.go_template_options) if applications.go_template else PlainEngine()


def plain(text: str, parameters: Parameters) -> str:
    """Fill one text as the plain engine does."""

    def value(match: re.Match[str]) -> str:
        found = parameters.get(match[1].strip())
        return found if isinstance(found, str) else match[0]

    return _PLACEHOLDER.sub(value, text) if "{{" in text else text


def templated(text: str) -> bool:
    """Say whether a text has a placeholder at all; most have none, and need no engine."""
    return "{{" in text


def strings(value: JSON) -> Iterator[str]:
    """Return the strings of a value and the keys of its mappings, in the order in which `rebuilt` asks for them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from strings(key)
            yield from strings(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from strings(item)


def rebuilt(value: JSON, change: Callable[[str], str]) -> JSON:
    """Return a copy of a value with every string and every key changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        result: dict[Any, JSON] = {}
        for key, item in value.items():
            name = rebuilt(key, change)
            result[name] = rebuilt(item, change)
        return result
    if isinstance(value, (list, tuple)):
        return [rebuilt(item, change) for item in value]
    return value


def _taken(results: Iterator[str | UserError]) -> str:
    result = next(results)
    if isinstance(result, UserError):
        raise result
    return result
