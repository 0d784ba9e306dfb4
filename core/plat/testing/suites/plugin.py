"""What is true of every plug-in class, whatever its hook."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import fields
from datetime import timedelta
from importlib.metadata import version
from typing import Any, ClassVar, Protocol, TypeVar

import pytest
from pydantic import ValidationError

from plat.api import JSON, Context, Plugin, UserError, checked
from plat.host import Caller, Loaded, installed
from plat.host.discovery import CORE, implementations, load
from plat.testing.suites.checks import silent

T = TypeVar("T")


class Metafunc(Protocol):
    """The part of pytest's object that is used here."""

    fixturenames: list[str]

    def parametrize(self, argnames: str, argvalues: Sequence[Any], *, ids: Sequence[str]) -> None:
        """Call a test once for each value."""


class PluginSuite:
    """Inherit the suite of your hook, not this one. Set `plugin`, and examples of everything that it understands."""

    plugin: ClassVar[type[Plugin]]
    """The class to test."""
    configurations: ClassVar[Sequence[Mapping[str, JSON]]] = ({},)
    """Configurations that are right, as they stand in a manifest."""
    refused: ClassVar[Sequence[tuple[Mapping[str, JSON], str]]] = ()
    """Configurations that are wrong, each with words that its error must have."""
    secrets: ClassVar[Sequence[str]] = ()
    """Secrets that stand in your examples: they must not show in any text."""
    entry_point: ClassVar[bool] = True
    """False: the class is not registered by an installed distribution, so nobody looks for it."""

    hook: ClassVar[str]
    base: ClassVar[type[Plugin]]
    context: ClassVar[type[Context] | None] = None
    kinds: ClassVar[str] = r"[a-z][a-z0-9]*([.-][a-z0-9]+)*"
    tables: ClassVar[Mapping[str, str]] = {}

    def pytest_generate_tests(self, metafunc: Metafunc) -> None:
        """Call a test once for each row of the table that its argument names."""
        tables = {"configuration": "configurations", **self.tables}
        for argument, table in tables.items():
            if argument in metafunc.fixturenames:
                rows = list(getattr(self, table))
                metafunc.parametrize(argument, rows, ids=[str(number) for number in range(len(rows))])

    def test_it_derives_from_the_class_of_its_hook(self) -> None:
        """The core calls methods of that class. Derive `plugin` from it."""
        assert issubclass(self.plugin, self.base)

    def test_it_has_every_method_that_its_hook_requires(self) -> None:
        """A class that lacks one is refused when plat starts. Write the methods named here."""
        missing: frozenset[str] = getattr(self.plugin, "__abstractmethods__", frozenset())
        assert not missing, f"write {', '.join(sorted(missing))}"

    def test_its_kind_is_well_formed(self) -> None:
        """Manifests name it by `kind`, a class attribute. Write it as the hook's documentation says."""
        kind = getattr(self.plugin, "kind", None)
        assert isinstance(kind, str), "set `kind = ...` in the class"
        assert re.fullmatch(self.kinds, kind), f"{kind!r} must match {self.kinds}"

    def test_an_installed_distribution_registers_it(self) -> None:
        """Plat finds it by an entry point of group `plat`. Name the module with the hook there, and install again."""
        if not self.entry_point:
            pytest.skip("the suite says that nobody registers it")
        assert self.plugin in registered(self.hook, self.plugin.__module__), (
            f"no entry point of group `plat` leads to a module whose {self.hook}() returns {self.plugin.__name__}"
        )

    def test_what_it_needs_is_in_its_context(self) -> None:
        """`needs` names fields of the context; a name that is not there can never be given. Remove or correct it."""
        if self.context is not None:
            unknown = set(self.plugin.needs) - {field.name for field in fields(self.context)}
            assert not unknown, f"{self.context.__name__} has no {', '.join(sorted(unknown))}"

    def test_a_configuration_comes_round(self, configuration: Mapping[str, JSON]) -> None:
        """It is read, written and read again without loss. Give each field a type that pydantic reads as it writes."""
        plugin = self.made(configuration)
        written = plugin.model_dump(by_alias=True, mode="json")
        assert self.made(json.loads(json.dumps(written))) == plugin

    def test_a_plugin_keeps_nothing_between_calls(self, configuration: Mapping[str, JSON]) -> None:
        """It is frozen: the core keeps one for many calls. Remove `frozen=False`, and attributes that you set."""
        plugin = self.made(configuration)
        with pytest.raises((ValidationError, TypeError, AttributeError)):
            plugin.something_new = 1
        for name in type(plugin).model_fields:
            with pytest.raises(ValidationError):
                setattr(plugin, name, getattr(plugin, name))

    def test_an_unknown_field_is_refused_with_the_nearest_name(self, configuration: Mapping[str, JSON]) -> None:
        """A typing error must not be read as a default. Keep `extra="forbid"`, which every plug-in has at first."""
        known = [field.alias or name for name, field in self.plugin.model_fields.items()]
        wrong = f"{known[0]}x" if known else "somethingx"
        with pytest.raises(UserError) as caught:
            self.made({**configuration, wrong: 1})
        assert caught.value.where.endswith(wrong)
        assert not known or known[0] in caught.value.remedy

    def test_its_fields_are_named_as_in_manifests(self) -> None:
        """Manifests are camelCase. Leave `alias_generator` as it is, or give `Field(alias=...)`."""
        names = [field.alias or name for name, field in self.plugin.model_fields.items()]
        assert not [name for name in names if "_" in name or name[:1].isupper()]

    def test_a_wrong_configuration_says_why(self) -> None:
        """Raise ValueError in a validator, or let pydantic refuse; the words are what a person reads."""
        for configuration, words in self.refused:
            with pytest.raises(UserError) as caught:
                self.made(configuration)
            assert words in str(caught.value)
            silent(self.secrets, [caught.value], "the error")

    def test_its_schema_can_be_made(self) -> None:
        """`plat schema KIND` prints it, and editors use it. A type without a schema needs `WithJsonSchema`."""
        schema = self.plugin.model_json_schema(by_alias=True)
        assert schema.get("additionalProperties") is False
        json.dumps(schema)

    def test_its_deadlines_are_durations(self, configuration: Mapping[str, JSON]) -> None:
        """`deadline(method)` returns a timedelta above zero, or None for the core's own."""
        plugin = self.made(configuration)
        own = Plugin.deadline if "deadline" in self.plugin.model_fields else type(plugin).deadline
        for name in (name for name in vars(self.base) if not name.startswith("_")):
            limit = own(plugin, name)
            assert limit is None or (isinstance(limit, timedelta) and limit > timedelta(0)), name

    def test_it_does_not_show_secrets(self, configuration: Mapping[str, JSON]) -> None:
        """Its text stands in logs. Exclude fields that hold secrets by `Field(repr=False)`."""
        plugin = self.made(configuration)
        silent(self.secrets, [repr(plugin), str(plugin)], "the text of the plug-in")

    def made(self, configuration: Mapping[str, JSON]) -> Any:
        """Return the plug-in with a configuration, as the core makes it."""
        return checked(self.plugin, dict(configuration))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end. Overwrite it to use another loop."""
        return asyncio.run(work)


async def ask(plugin: Plugin, method: str, ctx: Context) -> Any:
    """Call a method as the core does: a `def` in a thread, within the deadline, with blame for what it raises."""
    caller = Caller(lambda cls: f"{cls.__module__}.{cls.__name__}")
    try:
        return await caller.call(plugin, method, ctx)
    finally:
        caller.close()


def registered(hook: str, module: str) -> list[Any]:
    """Return what the installed plug-ins of the package that `module` is in register under a hook."""
    return [item for loaded in loaded_beside(module) for item in implementations(loaded, hook)]


def loaded_beside(module: str) -> list[Loaded]:
    """Return the installed plug-ins whose entry points lead into the package that `module` is in."""
    package = module.partition(".")[0]
    rows = [row for row in installed() if row.entry_point.module.partition(".")[0] == package]
    return [load(row, core=version(CORE)) for row in rows]
