"""What is true of every dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, ClassVar

from plat.api import CoreModel, Dialect, Manifest, PlatError, Reading, UserError, Verb, WriteBack, editable, ref_of
from plat.testing.damage import damaged
from plat.testing.suites.checks import outcome, plain, pure, silent
from plat.testing.suites.plugin import PluginSuite
from plat.testing.world import FakeLookup


class DialectSuite(PluginSuite):
    """Inherit it with `plugin` and `manifests`; the other tables make it stricter."""

    manifests: ClassVar[Sequence[Manifest]]
    """Manifests that it reads; at least one."""
    others: ClassVar[Sequence[Manifest]] = ()
    """The stack's other manifests, which it may look up."""
    broken: ClassVar[Sequence[tuple[Manifest, str]]] = ()
    """Manifests that cannot be meant, each with the dotted path that the error must name."""
    states: ClassVar[Sequence[Any]] = ()
    """States of the core that it writes back."""

    hook: ClassVar[str] = "plat_dialects"
    base: ClassVar[type] = Dialect
    kinds: ClassVar[str] = r"([a-z0-9.-]+/)?[A-Z][A-Za-z0-9]*|[\w.-]+\.\w+"
    tables: ClassVar[Mapping[str, str]] = {"manifest": "manifests"}

    def test_there_are_examples(self) -> None:
        """Without manifests the suite shows nothing. Set `manifests`."""
        assert self.manifests

    def test_it_claims_its_examples(self, manifest: Manifest) -> None:
        """The core hands it what has its `kind`: "group/Kind". Correct the kind, or the example."""
        ref = ref_of(manifest)
        own = f"{ref.group}/{ref.kind}" if ref.group else ref.kind
        by_file_name = "." in self.plugin.kind.rpartition("/")[2]
        assert by_file_name or own == self.plugin.kind

    def test_reading_is_pure(self, manifest: Manifest) -> None:
        """`read` runs in the loop, many times. Answer from the manifest and `others` alone, and change neither."""
        reading = self._read(manifest)
        assert isinstance(reading, Reading)
        assert all(isinstance(item, CoreModel) for item in reading.objects)
        assert all(item.name for item in reading.objects), "an object without a name"
        plain(reading.state, "Reading.state")

    def test_a_wrong_manifest_names_the_field(self) -> None:
        """People look for the place. Raise UserError with `where`, a dotted path of the manifest."""
        for manifest, where in self.broken:
            answer = outcome(self._reader(), manifest)
            assert isinstance(answer, UserError), f"it answered {answer!r}"
            assert answer.where == where
            silent(self.secrets, [answer], "the error")

    def test_damage_is_refused_or_survived(self, manifest: Manifest) -> None:
        """Manifests are written by people. Parse once, by `checked(Model, manifest)`, before you use anything."""
        reader = self._reader()
        for done, changed in damaged(editable(manifest)):
            try:
                answer = outcome(reader, changed)
            except Exception as error:
                raise AssertionError(f"a manifest {done} raised {type(error).__name__}: {error}") from error
            assert isinstance(answer, (Reading, UserError)), f"a manifest {done} gave {answer!r}"
            if isinstance(answer, PlatError):
                silent(self.secrets, [answer], f"the error for a manifest {done}")

    def test_notes_say_what_to_do(self, manifest: Manifest) -> None:
        """A note has a path and a message that a person understands, and no secret."""
        notes = self._read(manifest).notes
        assert all(note.path and note.message for note in notes)
        silent(self.secrets, notes, "a note")

    def test_writing_is_pure(self) -> None:
        """`write` says what to send; the core sends what differs. The same state gives the same text."""
        for manifest, state in product(self.manifests, self.states):
            self._written(pure(self._dialect().write, manifest, state))

    def test_what_was_written_is_restored(self) -> None:
        """After a restart the core reads its state back. Let `restore` understand all that `write` writes."""
        dialect = self._dialect()
        if type(dialect).restore is Dialect.restore:
            return
        for manifest, state in product(self.manifests, self.states):
            once = applied(manifest, dialect.write(manifest, state))
            again = applied(once, dialect.write(once, pure(dialect.restore, once)))
            assert again.get("status") == once.get("status"), "a restart would write the status anew"

    def test_restoring_survives_damage(self) -> None:
        """Others write the status, too. Take what can be read, and return None where nothing can."""
        dialect = self._dialect()
        for manifest, state in product(self.manifests[:1], self.states):
            once = applied(manifest, dialect.write(manifest, state))
            for done, changed in damaged({"status": once.get("status")}):
                try:
                    outcome(dialect.restore, {**once, **changed})
                except Exception as error:
                    raise AssertionError(f"{done}: {type(error).__name__}: {error}") from error

    def test_a_verb_that_is_acknowledged_is_gone(self, manifest: Manifest) -> None:
        """Else it is carried out for ever. Let `acknowledge` take away what `read` saw."""
        for verb in self._read(manifest).verbs:
            answer = pure(self._dialect().acknowledge, manifest, verb)
            self._written(answer)
            assert verb not in self._read(applied(manifest, answer)).verbs

    def test_an_unknown_verb_writes_nothing(self, manifest: Manifest) -> None:
        """Verbs may be added to plat. Ignore those that you do not know."""
        assert pure(self._dialect().acknowledge, manifest, Verb(name="something-new")) == WriteBack()

    def _dialect(self) -> Any:
        return self.made(self.configurations[0])

    def _reader(self) -> Any:
        dialect, others = self._dialect(), FakeLookup(self.others)
        return lambda manifest: dialect.read(manifest, others)

    def _read(self, manifest: Manifest) -> Reading:
        reading: Reading = pure(self._reader(), manifest)
        return reading

    def _written(self, answer: WriteBack) -> None:
        assert isinstance(answer, WriteBack)
        plain([answer.status, answer.annotations, answer.fields], "WriteBack")
        silent(self.secrets, [answer], "what is written back")


def applied(manifest: Manifest, answer: WriteBack) -> dict[str, Any]:
    """Return a manifest after what a dialect says was written on it."""
    changed = editable(manifest)
    _put(changed.setdefault("metadata", {}).setdefault("annotations", {}), answer.annotations)
    if answer.status:
        _put(changed.setdefault("status", {}), answer.status)
    _put(changed, answer.fields)
    return changed


def _put(target: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        if value is None:
            target.pop(key, None)
        else:
            target[key] = value
