"""What is true of every renderer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar

from plat.api import JSON, Manifest, PlatError, RenderContext, Rendered, Renderer, UserError, ref_of
from plat.gobridge import Bridge
from plat.host import PluginError
from plat.testing.contexts import render_context
from plat.testing.libraries import FakeRender
from plat.testing.programs import FakeExec
from plat.testing.suites.checks import plain, pure, silent
from plat.testing.suites.plugin import PluginSuite, ask
from plat.testing.surroundings import FakeLog
from plat.testing.trees import FakeTree, Files
from plat.testing.web import FakeHttp


@dataclass(frozen=True)
class RenderExample:
    """A tree, and what is made of it."""

    files: Files
    path: str = "."
    _: KW_ONLY
    configuration: Mapping[str, JSON] = field(default_factory=dict)
    objects: Sequence[str] | None = None
    """What must come out, as text: `ConfigMap shop/web`, `apps/Deployment web`. None: anything."""
    refs: Mapping[str, Files] = field(default_factory=dict)
    http: Mapping[str, Any] = field(default_factory=dict)
    exec: Mapping[str, Any] = field(default_factory=dict)


class RendererSuite(PluginSuite):
    """Inherit it with `plugin` and `examples`."""

    examples: ClassVar[Sequence[RenderExample]]
    """Trees that it renders; at least one."""
    broken: ClassVar[Sequence[tuple[RenderExample, str]]] = ()
    """Trees that cannot be rendered, each with words that the error must have."""

    hook: ClassVar[str] = "plat_renderers"
    base: ClassVar[type] = Renderer
    context: ClassVar[type] = RenderContext
    tables: ClassVar[Mapping[str, str]] = {"example": "examples"}

    def test_there_are_examples(self) -> None:
        """Without trees the suite shows nothing. Set `examples`."""
        assert self.examples

    def test_it_renders(self, example: RenderExample) -> None:
        """The objects are complete: apiVersion, kind and a name. Drop documents that are no Kubernetes objects."""
        rendered = self._rendered(example)
        for manifest in rendered.objects:
            _require_object(manifest)
        if example.objects is not None:
            assert [str(ref_of(manifest)) for manifest in rendered.objects] == list(example.objects)

    def test_the_same_tree_gives_the_same_objects(self, example: RenderExample) -> None:
        """The core caches by content. No clock, no randomness, no order of a set; sort what has no order."""
        turned = RenderExample(**{**vars(example), "files": dict(reversed(list(example.files.items())))})
        assert self._rendered(example) == self._rendered(example) == self._rendered(turned)

    def test_everything_is_read_through_the_tree(self, example: RenderExample) -> None:
        """What is read there decides when it is rendered again. Never open a file of `path` by yourself."""
        tree = FakeTree(example.files)
        rendered = self._rendered(example, tree)
        assert tree.reads or not rendered.objects, "objects came out, yet nothing was read from ctx.tree"

    def test_a_missing_path_is_a_users_error(self, example: RenderExample) -> None:
        """`path` is written by people. Let `ctx.tree` raise, or raise UserError, or render nothing."""
        gone = RenderExample(**{**vars(example), "path": "no/such/folder"})
        answer = self._outcome(gone)
        assert isinstance(answer, (Rendered, UserError)), f"it answered {answer!r}"

    def test_rubbish_is_refused_or_survived(self, example: RenderExample) -> None:
        """Files are written by people. Raise UserError naming the file for what cannot be read."""
        for path in example.files:
            spoilt = {**example.files, path: b"\x00\xff: [{ rubbish"}
            answer = self._outcome(RenderExample(**{**vars(example), "files": spoilt}))
            assert not isinstance(answer, PluginError), f"rubbish in {path} raised {answer}"

    def test_a_wrong_tree_says_why(self) -> None:
        """Somebody has to mend the tree. Raise UserError with the file in `where` and a remedy."""
        for example, words in self.broken:
            answer = self._outcome(example)
            assert isinstance(answer, UserError), f"it answered {answer!r}"
            assert words in str(answer)
            silent(self.secrets, [answer], "the error")

    def test_it_does_not_tell_secrets(self, example: RenderExample) -> None:
        """Logs and warnings are read by many. Say which field is meant, never its value."""
        log = FakeLog()
        rendered = self._rendered(example, log=log)
        silent(self.secrets, [*log.lines, *rendered.warnings], "a log line or warning")

    def test_recognising_is_pure(self) -> None:
        """`recognises` is asked for every folder without a block of its own: names in, yes or no out."""
        assert pure(self.plugin.recognises, frozenset()) is False, "an empty folder is nobody's"  # type: ignore[attr-defined]  # a Renderer
        for example in self.examples:
            names = {path.rpartition("/")[2] for path in example.files}
            assert isinstance(pure(self.plugin.recognises, names), bool)  # type: ignore[attr-defined]  # as above

    def _rendered(self, example: RenderExample, tree: FakeTree | None = None, **given: Any) -> Rendered:
        rendered: Rendered = self.run(self._render(example, tree, **given))
        assert isinstance(rendered, Rendered)
        plain(list(rendered.objects), "what was rendered")
        assert all(isinstance(warning, str) for warning in rendered.warnings)
        return rendered

    def _outcome(self, example: RenderExample) -> Rendered | PlatError:
        try:
            return self._rendered(example)
        except PlatError as error:
            return error

    async def _render(self, example: RenderExample, tree: FakeTree | None = None, **given: Any) -> Any:
        plugin = self.made(example.configuration)
        async with Bridge(size=1) as bridge:
            ctx = render_context(
                tree or FakeTree(example.files),
                example.path,
                plugin=plugin,
                render=FakeRender(bridge),
                http=FakeHttp(example.http),
                exec=FakeExec(example.exec),
                refs={name: FakeTree(files) for name, files in example.refs.items()},
                **given,
            )
            return await ask(plugin, "render", ctx)


def _require_object(manifest: Manifest) -> None:
    metadata = manifest.get("metadata") or {}
    assert manifest.get("apiVersion"), f"without apiVersion: {manifest}"
    assert manifest.get("kind"), f"without kind: {manifest}"
    assert metadata.get("name") or metadata.get("generateName"), f"without a name: {manifest}"
