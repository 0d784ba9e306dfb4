"""What is true of every helper program."""

from __future__ import annotations

import re
from typing import ClassVar, Final

from plat.api import Archive, GoBuild, Tool
from plat.testing.suites.checks import pure
from plat.testing.suites.plugin import PluginSuite

PLATFORMS: Final = ("linux-amd64", "linux-arm64", "darwin-arm64")


class ToolSuite(PluginSuite):
    """Inherit it with `plugin`. Nothing is fetched, built or started: a tool is data."""

    plugin: ClassVar[type[Tool]]
    hook: ClassVar[str] = "plat_tools"
    base: ClassVar[type] = Tool

    def test_it_names_a_program(self) -> None:
        """The core looks for it on PATH. A bare name: no folder, no space."""
        assert re.fullmatch(r"[A-Za-z0-9._-]+", self.plugin.program)

    def test_it_names_a_version(self) -> None:
        """That is what is fetched or built, and what `plat doctor` shows. Pin one, such as `v1.35.4`."""
        assert re.search(r"\d", self.plugin.version)
        assert not re.search(r"latest|\s", self.plugin.version)

    def test_it_asks_for_a_version_by_arguments(self) -> None:
        """The program is run with them and must print its version and end. A sequence of words, not one text."""
        assert not isinstance(self.plugin.version_argv, str)
        assert all(isinstance(word, str) for word in self.plugin.version_argv)

    def test_its_archives_are_pinned(self) -> None:
        """What is fetched is run. An https address of this version, and the SHA-256 of the file."""
        for platform in PLATFORMS:
            archive = pure(self.plugin().archive, platform)
            assert archive is None or isinstance(archive, Archive)
            if archive is not None:
                assert archive.url.startswith("https://")
                assert self.plugin.version.lstrip("v") in archive.url
                assert re.fullmatch(r"[0-9a-f]{64}", archive.sha256), "sha256 is 64 hexadecimal digits"

    def test_its_build_is_pinned(self) -> None:
        """Go modules by name: a folder of yours with go.mod, go.sum and a tools.go that imports the package."""
        build = pure(self.plugin().build)
        assert build is None or isinstance(build, GoBuild)
        if build is not None:
            missing = [name for name in ("go.mod", "go.sum", "tools.go") if not (build.module / name).is_file()]
            assert not missing, f"{build.module} lacks {', '.join(missing)}"
            assert build.package in (build.module / "tools.go").read_text(encoding="utf-8")

    def test_an_unknown_platform_has_no_archive(self) -> None:
        """Platforms may be added. Return None for those that you do not know."""
        assert pure(self.plugin().archive, "plan9-mips") is None
