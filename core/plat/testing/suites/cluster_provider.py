"""What is true of every cluster provider."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from plat.api import (
    JSON,
    ClusterProvider,
    Connection,
    PlatError,
    ProviderContext,
    UnavailableError,
    UnsupportedError,
    UserError,
)
from plat.testing.contexts import provider_context
from plat.testing.suites.checks import plain, silent
from plat.testing.suites.plugin import PluginSuite, ask
from plat.testing.surroundings import FakeLog


class ClusterProviderSuite(PluginSuite):
    """Inherit it with `plugin`; overwrite `provided` to give it programs or answers, and set what it can do."""

    connects: ClassVar[bool] = False
    """True: `connect` answers in the world of `provided`, without `create`."""
    creates: ClassVar[bool] = False
    """True: `create` and `delete` really work in the world of `provided`."""

    hook: ClassVar[str] = "plat_clusters"
    base: ClassVar[type] = ClusterProvider
    context: ClassVar[type] = ProviderContext

    def provided(self, plugin: ClusterProvider, work: Path, **given: Any) -> ProviderContext:
        """Return the context to call it with. `work` is empty at first, and the same for all calls of one test."""
        return provider_context(work, plugin=plugin, **given)

    def test_what_is_not_there_is_an_error_of_plats(self, configuration: Mapping[str, JSON], tmp_path: Path) -> None:
        """UnavailableError: not there yet, plat asks again. UserError: somebody has to change the configuration."""
        if self.connects:
            pytest.skip("the suite says that it connects")
        answer = self._outcome("connect", configuration, tmp_path)
        assert isinstance(answer, (UnavailableError, UserError)), f"it answered {answer!r}"
        silent(self.secrets, [answer], "the error")

    def test_it_connects(self, configuration: Mapping[str, JSON], tmp_path: Path) -> None:
        """A kubeconfig's content, with the context that is named. Build it with clusters, users and contexts."""
        if not self.connects:
            pytest.skip("the suite does not say `connects = True`")
        self._require_connection(self._call("connect", configuration, tmp_path))

    def test_the_names_are_a_tuple(self, configuration: Mapping[str, JSON], tmp_path: Path) -> None:
        """`plat cluster list` prints them; nothing was created yet here, unless the world has some."""
        names = self._call("names", configuration, tmp_path)
        assert isinstance(names, tuple)
        assert all(isinstance(name, str) and name for name in names)

    def test_deleting_what_is_gone_is_fine(self, configuration: Mapping[str, JSON], tmp_path: Path) -> None:
        """A delete that was interrupted is done again. Return where there is nothing, or be unable to delete at all."""
        answer = self._outcome("delete", configuration, tmp_path)
        assert answer is None or isinstance(answer, UnsupportedError), f"it answered {answer!r}"

    def test_a_whole_life(self, configuration: Mapping[str, JSON], tmp_path: Path) -> None:
        """Created twice, connected, listed, deleted twice: each act leaves what it finds done already."""
        if not self.creates:
            pytest.skip("the suite does not say `creates = True`")
        for _ in range(2):
            assert self._call("create", configuration, tmp_path) is None
        self._require_connection(self._call("connect", configuration, tmp_path))
        assert self._call("names", configuration, tmp_path)
        for _ in range(2):
            assert self._call("delete", configuration, tmp_path) is None
        assert not self._call("names", configuration, tmp_path)

    def _require_connection(self, connection: Connection) -> None:
        assert isinstance(connection, Connection)
        config = connection.kubeconfig
        plain(dict(config), "the kubeconfig")
        contexts = {item["name"]: item["context"] for item in config["contexts"]}
        chosen = contexts[connection.context or config["current-context"]]
        assert chosen["cluster"] in {item["name"] for item in config["clusters"]}
        assert chosen["user"] in {item["name"] for item in config["users"]}
        silent(self.secrets, [repr(connection)], "the text of the connection")

    def _call(self, method: str, configuration: Mapping[str, JSON], work: Path) -> Any:
        plugin, log = self.made(configuration), FakeLog()
        ctx = self.provided(plugin, work, log=log, progress=log.progress)
        answer = self.run(ask(plugin, method, ctx))
        silent(self.secrets, log.lines, "a log line")
        return answer

    def _outcome(self, method: str, configuration: Mapping[str, JSON], work: Path) -> Any:
        try:
            return self._call(method, configuration, work)
        except PlatError as error:
            return error
