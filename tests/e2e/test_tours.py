"""The console blocks of the README and the tutorial are run as they stand, and print what they say they print."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.e2e.kube import Kube, until
from tests.e2e.test_examples import lay_out
from tests.e2e.world import World, write

ROOT = Path(__file__).resolve().parents[2]
NAMESPACES = ("catalog", "checkout", "payments", "search", "shop-dev", "shop-staging", "shop-prod")
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BEFORE = ("make ", "export ", "plat cluster ", "python examples/", "rm -rf ")
"""Commands that set the stage: the test does that in its own way."""
CHANGING = (
    (r"\b[0-9a-f]{7}\b", "REVISION"),
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\dZ?", "TIME"),
    (r"\d+\.\d s", "N s"),
    (r"cluster \S+,", "cluster X,"),
    (r" +", " "),
)

PASSING = re.compile(r"\.\.\.  .*(waiting for|Progressing)")
"""What is only told if it takes long enough to be seen: a fast machine goes through it between two looks."""


@dataclass(frozen=True)
class Step:
    """One command of a page, and the lines that it is said to print."""

    command: str
    lines: tuple[str, ...]


class Tour:
    """Runs the commands of one page in a shell, in the stack that the page is about."""

    def __init__(self, world: World, planes: Mapping[str, Any]) -> None:
        self.root = self.cwd = world.root
        self.kubes = [Kube(plane.kubeconfig, "default") for plane in planes.values()]
        lay_out().lay_out(ROOT / "stacks/shop", self.root)
        file = yaml.safe_load((self.root / "plat.yaml").read_text())
        for name, use in file["clusters"].items():
            use.update(use="kubeconfig", kubeconfig=str(planes[name].kubeconfig_path))
        write(self.root, {"plat.yaml": file})
        programs = world.folder / "bin"
        programs.mkdir()
        (programs / "kubectl").symlink_to(planes["nonprod"].kubectl)
        (programs / "plat").write_text(f'#!/bin/sh\nexec {sys.executable} -m plat "$@"\n')
        (programs / "plat").chmod(0o755)
        people = {
            f"GIT_{who}_{what}": "you@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        self.environ = {
            **world.environ,
            **people,
            "KUBECONFIG": str(planes["nonprod"].kubeconfig_path),
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        }
        self._server: subprocess.Popen[bytes] | None = None

    def play(self, page: str) -> None:
        for step in steps((ROOT / page).read_text()):
            if step.command.startswith(BEFORE) or step.command == "cd ~/shop":
                continue
            if step.command.startswith("cd "):
                self.cwd = (self.cwd / step.command.removeprefix("cd ")).resolve()
            elif step.command == "plat serve":
                self._serve()
            else:
                self._run(step)

    def close(self) -> None:
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)
            self._server.wait(30)
            self._server = None
        for kube in self.kubes:
            for name in NAMESPACES:
                kube.delete("Namespace", name)
        until(self._gone, seconds=60, what="namespaces to go")

    def _gone(self) -> bool:
        return not any(kube.names("Namespace") & {*NAMESPACES} for kube in self.kubes)

    def _run(self, step: Step) -> None:
        if self._server is not None and step.command.startswith(("plat drift", "plat up")):
            time.sleep(1)  # the server sees the edit, heals it and writes that down
        if self._server is not None and step.command.startswith("plat up"):
            self._end_server()
        command = re.sub(r"--kubeconfig \S+ ", "", step.command)
        done = subprocess.run(
            command, shell=True, cwd=self.cwd, env=self.environ, capture_output=True, text=True, check=False
        )
        printed = [plain(line) for line in (done.stdout + done.stderr).splitlines()]
        missing = [line for line in step.lines if plain(line) not in printed]
        assert (step.command, missing) == (step.command, []), done.stdout + done.stderr

    def _serve(self) -> None:
        self._server = subprocess.Popen(["plat", "serve"], cwd=self.cwd, env=self.environ, stdout=subprocess.DEVNULL)
        time.sleep(5)

    def _end_server(self) -> None:
        assert self._server is not None
        self._server.send_signal(signal.SIGINT)
        assert self._server.wait(30) == 0
        self._server = None


def steps(page: str) -> Iterator[Step]:
    """Return the commands of all console blocks; a block without one shows what a command goes on to print."""
    for block in BLOCK.findall(page):
        for part in re.split(r"^\$ ", block.replace("\\\n", ""), flags=re.MULTILINE)[1:]:
            command, *lines = part.rstrip().splitlines()
            shown = tuple(line for line in lines if line.strip() not in ("", "...") and not PASSING.match(line))
            yield Step(re.sub(r" +", " ", command), shown)


def plain(line: str) -> str:
    for pattern, text in CHANGING:
        line = re.sub(pattern, text, line)
    return line.strip()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", ["README.md", "docs/tutorial/first-stack.md"])
def test_a_page_prints_what_it_says(
    page: str, make_world: Callable[..., World], control_plane: Any, second_control_plane: Any
) -> None:
    tour = Tour(make_world(namespace=False), {"nonprod": control_plane, "prod": second_control_plane})
    try:
        tour.play(page)
    finally:
        tour.close()
