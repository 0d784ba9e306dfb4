"""Where the demo plays: a folder with the stack, its repositories and its clusters, all taken away afterwards."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from plat.api import PlatError

AUTHOR = ("-c", "user.name=ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false")


class Stage:
    """A folder to play in. Nothing outside it is touched."""

    def __init__(self, folder: Path, stack: Path, *, context: str = "") -> None:
        self.folder, self.context = folder, context
        self.root = folder / "shop"
        self._seed = stack
        self.environ: Mapping[str, str] = {
            **os.environ,
            "XDG_DATA_HOME": str(folder / "data"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        }

    def set_up(self) -> None:
        """Lay out the stack and make a bare repository with one commit of each folder of `repos/`."""
        shutil.copytree(self._seed, self.root, ignore=shutil.ignore_patterns("repos", ".plat"))
        if self.context:
            self._use_context()
        for seed in sorted((self._seed / "repos").iterdir()):
            checkout = self.checkout(seed.name)
            shutil.copytree(seed, checkout)
            self._git("init", "--quiet", "--initial-branch=main", str(checkout))
            bare = self.root / "repos" / seed.name
            bare.parent.mkdir(exist_ok=True)
            self._git("init", "--quiet", "--bare", "--initial-branch=main", str(bare))
            self._git("remote", "add", "origin", str(bare), cwd=checkout)
            self.commit(seed.name, "Begin")

    def checkout(self, repository: str) -> Path:
        """Return the folder where somebody works on a repository."""
        return self.folder / "work" / repository

    def commit(self, repository: str, message: str) -> None:
        """Commit everything in a checkout and push it."""
        folder = self.checkout(repository)
        self._git("add", "--all", cwd=folder)
        self._git(*AUTHOR, "commit", "--quiet", "-m", message, cwd=folder)
        self._git("push", "--quiet", "origin", "HEAD:main", cwd=folder)

    def plat(self, *arguments: str, check: Sequence[int] = (0,)) -> int:
        """Run a plat command in the stack, its output going to the terminal; returns its exit code."""
        done = subprocess.run(self._argv(arguments), cwd=self.root, env=dict(self.environ), check=False)
        if done.returncode not in check:
            raise PlatError(f"`plat {' '.join(arguments)}` ended with {done.returncode} in the demo")
        return done.returncode

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a plat command that goes on; its output goes to the terminal too."""
        return subprocess.Popen(self._argv(arguments), cwd=self.root, env=dict(self.environ))

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """End a command as Ctrl-C would."""
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kubectl(self, cluster: str, *arguments: str, stdin: bytes = b"", show: bool = True) -> str:
        """Run kubectl against one of the clusters; returns what it printed."""
        argv = [str(self.programs["kubectl"]), *self._reach(cluster), *arguments]
        done = subprocess.run(argv, input=stdin, capture_output=True, check=False)
        if done.returncode:
            raise PlatError(f"kubectl {' '.join(arguments)}: {done.stderr.decode().strip()}")
        if show:
            sys.stdout.write("".join(f"    {line}\n" for line in done.stdout.decode().splitlines()))
        return done.stdout.decode()

    programs: Mapping[str, Path] = {}

    def output(self, *arguments: str) -> bytes:
        """Run a plat command and return what it printed."""
        done = subprocess.run(
            self._argv(arguments), cwd=self.root, env=dict(self.environ), stdout=subprocess.PIPE, check=True
        )
        return done.stdout

    def wait(self, what: str, arguments: Sequence[str], wanted: str, *, cluster: str, seconds: float = 30) -> float:
        """Wait until kubectl prints what is wanted; returns how long that took."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if self.kubectl(cluster, *arguments, show=False).strip() == wanted:
                return time.monotonic() - began
            time.sleep(0.05)
        raise PlatError(f"the demo waited {seconds:g} s for {what} in vain")

    def _reach(self, cluster: str) -> list[str]:
        if self.context:
            return [f"--context={self.context}"]
        kubeconfig = self.folder / "data" / "plat" / "clusters" / "local" / cluster / "kubeconfig"
        return [f"--kubeconfig={kubeconfig}"]

    def _use_context(self) -> None:
        """Let both names of the stack's clusters mean the one cluster that was given."""
        file = self.root / "plat.yaml"
        use = f"use: kubeconfig, context: {json.dumps(self.context)}"
        file.write_text(file.read_text().replace("use: local", use))

    @staticmethod
    def _argv(arguments: Sequence[str]) -> list[str]:
        return [sys.executable, "-m", "plat", *arguments]

    @staticmethod
    def _git(*arguments: str, cwd: Path | None = None) -> None:
        done = subprocess.run(["git", *arguments], cwd=cwd, capture_output=True, check=False)
        if done.returncode:
            raise PlatError(f"git {arguments[0]}: {done.stderr.decode().strip()}")
