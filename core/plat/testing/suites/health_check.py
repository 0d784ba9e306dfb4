"""What is true of every health check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from plat.api import Health, HealthCheck, HealthStatus, Manifest, PlatError, editable, ref_of
from plat.testing.damage import damaged
from plat.testing.suites.checks import outcome, pure, silent
from plat.testing.suites.plugin import PluginSuite


class HealthCheckSuite(PluginSuite):
    """Inherit it with `plugin` and `examples`."""

    examples: ClassVar[Sequence[tuple[Manifest, HealthStatus | None]]]
    """Live objects, each with the health that it has; None: no opinion. At least one."""

    typed: ClassVar[bool] = False
    """True: the API server has a schema of the kind, so values have their types; only what is absent is tried."""

    hook: ClassVar[str] = "plat_health_checks"
    base: ClassVar[type] = HealthCheck
    kinds: ClassVar[str] = r"([a-z0-9.*?-]+/)?[A-Za-z0-9*?]+"
    tables: ClassVar[Mapping[str, str]] = {"example": "examples"}

    def test_there_are_examples(self) -> None:
        """Without objects the suite shows nothing. Set `examples`."""
        assert self.examples

    def test_it_judges(self, example: tuple[Manifest, HealthStatus | None]) -> None:
        """The worst health of all objects is an application's. Return Health, or None for no opinion."""
        manifest, expected = example
        health = self._judge(manifest)
        assert (health.status if health is not None else None) == expected

    def test_it_claims_its_examples(self, example: tuple[Manifest, HealthStatus | None]) -> None:
        """The core asks for objects of its `kind`: "group/Kind", globs allowed. Correct the kind, or the example."""
        ref = ref_of(example[0])
        own = f"{ref.group}/{ref.kind}" if ref.group else ref.kind
        assert fnmatchcase(own, self.plugin.kind)

    def test_what_is_not_well_says_why(self, example: tuple[Manifest, HealthStatus | None]) -> None:
        """`plat status` prints it beside the object. Give `because` for all but Healthy."""
        health = self._judge(example[0])
        if health is not None and health.status is not HealthStatus.HEALTHY:
            assert health.because.strip(), f"{health.status} without a reason"

    def test_damage_is_survived(self, example: tuple[Manifest, HealthStatus | None]) -> None:
        """A controller may have written half a status, or none. Read by `at(manifest, "status.x", default)`."""
        check = self.made(self.configurations[0]).check
        for done, changed in damaged({"status": editable(example[0]).get("status")}):
            if self.typed and not done.startswith("without"):
                continue
            manifest = {**{k: v for k, v in example[0].items() if k != "status"}, **changed}
            try:
                answer = outcome(check, manifest)
            except Exception as error:
                raise AssertionError(f"an object {done} raised {type(error).__name__}: {error}") from error
            assert answer is None or isinstance(answer, (Health, PlatError)), f"an object {done} gave {answer!r}"

    def _judge(self, manifest: Manifest) -> Health | None:
        check: Any = self.made(self.configurations[0]).check
        health: Health | None = pure(check, manifest)
        assert health is None or isinstance(health, Health)
        silent(self.secrets, [health], "the reason")
        return health
