"""What is true of every generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from plat.api import JSON, Generator, GeneratorContext, PlatError, UserError
from plat.gobridge import Bridge
from plat.host import PluginError
from plat.testing.contexts import generator_context
from plat.testing.libraries import FakeEval, FakeRender
from plat.testing.suites.checks import plain, silent
from plat.testing.suites.plugin import PluginSuite, ask
from plat.testing.surroundings import FakeLog
from plat.testing.trees import Files
from plat.testing.web import FakeHttp
from plat.testing.world import FakeCluster, FakeGit


@dataclass(frozen=True, kw_only=True)
class GeneratorExample:
    """What a generator is given, and which sets it makes of it."""

    configuration: Mapping[str, JSON] = field(default_factory=dict)
    repositories: Mapping[str | tuple[str, str], Files] = field(default_factory=dict)
    clusters: Sequence[FakeCluster] = ()
    http: Mapping[str, Any] = field(default_factory=dict)
    go_template: bool = False
    expected: Sequence[Mapping[str, JSON]] | None = None
    """The sets in order. None: any."""


class GeneratorSuite(PluginSuite):
    """Inherit it with `plugin` and `examples`."""

    examples: ClassVar[Sequence[GeneratorExample]]
    """Worlds that it makes sets of; at least one."""
    broken: ClassVar[Sequence[tuple[GeneratorExample, str]]] = ()
    """Worlds of which no sets can be made, each with words that the error must have."""

    hook: ClassVar[str] = "plat_generators"
    base: ClassVar[type] = Generator
    context: ClassVar[type] = GeneratorContext
    kinds: ClassVar[str] = r"[a-z][A-Za-z0-9]*([.-][A-Za-z0-9]+)*"
    tables: ClassVar[Mapping[str, str]] = {"example": "examples"}

    def test_there_are_examples(self) -> None:
        """Without examples the suite shows nothing. Set `examples`."""
        assert self.examples

    def test_it_generates(self, example: GeneratorExample) -> None:
        """Each set is a mapping of names to plain values, which templates then use."""
        sets = self._sets(example)
        assert all(isinstance(name, str) for item in sets for name in item)
        if example.expected is not None:
            assert list(sets) == list(example.expected)

    def test_the_same_world_gives_the_same_sets(self, example: GeneratorExample) -> None:
        """In a stable order: sort what has none, else applications come and go. No clock, no randomness."""
        turned = {key: dict(reversed(list(files.items()))) for key, files in example.repositories.items()}
        other = GeneratorExample(**{**vars(example), "repositories": turned})
        assert self._sets(example) == self._sets(example) == self._sets(other)

    def test_it_asks_again_after_a_while(self) -> None:
        """`every` is how long an answer of another system may be old."""
        every = self.plugin.every  # type: ignore[attr-defined]  # a Generator
        assert isinstance(every, timedelta)
        assert every > timedelta(0)

    def test_a_missing_repository_is_an_error_of_plats(self, example: GeneratorExample) -> None:
        """What is not there raises UserError by itself: let it pass. No sets would delete applications."""
        if example.repositories:
            answer = self._outcome(GeneratorExample(**{**vars(example), "repositories": {}}))
            assert isinstance(answer, PlatError), f"it answered {answer!r}"
            assert not isinstance(answer, PluginError)

    def test_rubbish_is_refused_or_survived(self, example: GeneratorExample) -> None:
        """Files are written by people. Raise UserError naming the file for what cannot be read."""
        for key, files in example.repositories.items():
            for path in files:
                spoilt = {**example.repositories, key: {**files, path: b"\x00\xff: [{ rubbish"}}
                answer = self._outcome(GeneratorExample(**{**vars(example), "repositories": spoilt}))
                assert not isinstance(answer, PluginError), f"rubbish in {path} raised {answer}"

    def test_a_wrong_world_says_why(self) -> None:
        """Somebody has to mend it. Raise UserError with `where` and a remedy."""
        for example, words in self.broken:
            answer = self._outcome(example)
            assert isinstance(answer, UserError), f"it answered {answer!r}"
            assert words in str(answer)
            silent(self.secrets, [answer], "the error")

    def test_it_does_not_tell_secrets(self, example: GeneratorExample) -> None:
        """Logs are read by many. Say which field is meant, never its value."""
        log = FakeLog()
        self._sets(example, log=log)
        silent(self.secrets, log.lines, "a log line")

    def _sets(self, example: GeneratorExample, **given: Any) -> Sequence[Mapping[str, JSON]]:
        sets: Sequence[Mapping[str, JSON]] = self.run(self._generate(example, **given))
        assert isinstance(sets, Sequence)
        plain(list(sets), "what was generated")
        return sets

    def _outcome(self, example: GeneratorExample) -> Sequence[Mapping[str, JSON]] | PlatError:
        try:
            return self._sets(example)
        except PlatError as error:
            return error

    async def _generate(self, example: GeneratorExample, **given: Any) -> Any:
        plugin = self.made(example.configuration)
        async with Bridge(size=1) as bridge:
            ctx = generator_context(
                plugin=plugin,
                git=FakeGit(example.repositories),
                http=FakeHttp(example.http),
                render=FakeRender(bridge),
                eval=FakeEval(bridge),
                clusters=tuple(example.clusters),
                go_template=example.go_template,
                **given,
            )
            return await ask(plugin, "generate", ctx)
