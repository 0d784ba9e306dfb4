"""A stack as a user has it: a directory with plat.yaml, git repositories, a cluster, and the command `plat`."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.kube import Kube
from tests.e2e.objects import text

from plat.cli.main import main

GIT = "https://git.example/"
IN_CLUSTER = "https://kubernetes.default.svc"
AUTHOR = ("-c", "user.name=ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false")
FINALIZER = "resources-finalizer.argocd.argoproj.io"
Files = Mapping[str, Any]
"""Text by path; a list is YAML documents, another value one document, None takes a file away."""


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        """Everything that it printed."""
        return self.out + self.err

    @property
    def json(self) -> Any:
        """What it printed, read."""
        return json.loads(self.out)

    def __str__(self) -> str:
        return f"exit code {self.code}\n--- stdout\n{self.out}--- stderr\n{self.err}"


class Repository:
    """A bare repository and somebody's checkout of it."""

    def __init__(self, bare: Path, checkout: Path) -> None:
        self.bare, self.checkout = bare, checkout
        _git("init", "--quiet", "--bare", "--initial-branch=main", str(bare))
        _git("init", "--quiet", "--initial-branch=main", str(checkout))
        _git("remote", "add", "origin", str(bare), cwd=checkout)

    @property
    def url(self) -> str:
        """Its address as manifests name it."""
        return GIT + self.bare.name

    def commit(self, files: Files, message: str = "Change") -> str:
        """Write files, commit and push; returns the commit."""
        write(self.checkout, files)
        _git("add", "--all", cwd=self.checkout)
        _git(*AUTHOR, "commit", "--quiet", "--allow-empty", "-m", message, cwd=self.checkout)
        _git("push", "--quiet", "--force", "origin", "HEAD:main", cwd=self.checkout)
        return _git("rev-parse", "HEAD", cwd=self.checkout).strip()


class World:
    """Everything that one test works with. Nothing is shared with another test but the cluster."""

    def __init__(self, folder: Path, name: str, kube: Kube, environ: Mapping[str, str]) -> None:
        self.folder, self.name, self.kube = folder, name, kube
        self.root = folder / "stack"
        self.environ = dict(environ)
        self.clusters: dict[str, Any] = {}
        self._repositories: dict[str, Repository] = {}

    # -- what there is

    def stack(self, files: Files | None = None, **more: Any) -> None:
        """Write plat.yaml, and other files of the stack."""
        file = {
            "stack": self.name,
            "clusters": self.clusters,
            "manifests": ["gitops/"],
            "sources": {"insteadOf": {GIT: "file://repos/"}},
            **more,
        }
        write(self.root, {"plat.yaml": file, "gitops/.keep": "", **(files or {})})

    def repository(self, name: str = "app", files: Files | None = None) -> Repository:
        """Return a repository, made when it is first named; with files, they are committed."""
        if name not in self._repositories:
            (self.root / "repos").mkdir(parents=True, exist_ok=True)
            self._repositories[name] = Repository(self.root / "repos" / name, self.folder / "work" / name)
        if files is not None:
            self._repositories[name].commit(files)
        return self._repositories[name]

    def application(
        self,
        name: str = "",
        path: str = "app",
        *,
        repository: str = "app",
        automated: Mapping[str, bool] | None = None,
        options: Sequence[str] = (),
        finalizer: bool = False,
        **spec: Any,
    ) -> dict[str, Any]:
        """Return an Application, automated with pruning and self-heal unless told otherwise (`automated={}`: bare)."""
        policy: dict[str, Any] = {"automated": {"prune": True, "selfHeal": True} if automated is None else automated}
        if options:
            policy["syncOptions"] = list(options)
        metadata: dict[str, Any] = {"name": self.named(name), "namespace": "argocd"}
        if finalizer:
            metadata["finalizers"] = [FINALIZER]
        body = {
            "project": "default",
            "source": {"repoURL": GIT + repository, "path": path, "targetRevision": "HEAD"},
            "destination": {"server": IN_CLUSTER, "namespace": self.name},
            "syncPolicy": {**policy, "retry": {"limit": 0}},
            **spec,
        }
        return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": metadata, "spec": body}

    def named(self, name: str) -> str:
        """Return the name of an application: the cluster is shared, and names are what tracks objects."""
        return f"{self.name}-{name}" if name else self.name

    def declare(self, *applications: Any) -> None:
        """Write applications, or whatever else, into the stack as one file; what was there before is gone."""
        write(self.root, {"gitops/all.yaml": list(applications)})

    def begin(self, files: Files, *applications: Any) -> None:
        """Write a stack with one repository and its applications; without any, the usual one over `app/`."""
        self.stack()
        self.repository(files=files)
        self.declare(*(applications or [self.application()]))

    # -- what somebody does

    def plat(self, *arguments: str) -> Ran:
        """Run a command in this process, which is quick."""
        out, err, code = io.StringIO(), io.StringIO(), 0
        with _environment(self.environ), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main(["-C", str(self.root), *arguments])
            except SystemExit as exit_:
                code = exit_.code if isinstance(exit_.code, int) else 0
        return Ran(code, out.getvalue(), err.getvalue())

    def up(self, *arguments: str, code: int = 0, timeout: str = "30s") -> Ran:
        """Run `plat up` and assert how it ends."""
        ran = self.plat("up", f"--timeout={timeout}", *arguments)
        assert ran.code == code, ran
        assert "Traceback" not in ran.all, ran
        return ran

    def start(self, *arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a command as a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "plat", "-C", str(self.root), *arguments],
            env={**self.environ, **(environ or {})},
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, environ: Mapping[str, str] | None = None, seconds: float = 60) -> Ran:
        """Run a command as a process of its own."""
        process = self.start(*arguments, environ=environ)
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"plat {' '.join(arguments)} hangs\n{out}\n{err}") from None
        return Ran(process.returncode, out, err)

    # -- what came of it

    def states(self) -> dict[str, dict[str, str]]:
        """Return what `plat status` says, by the application's name without the prefix that `named` gives."""
        found = self.plat("status", "-o", "json").json["applications"]
        return {row["application"].removeprefix(self.name).removeprefix("-"): row for row in found}


def write(root: Path, files: Files) -> None:
    """Write files below a folder."""
    for name, content in files.items():
        path = root / name
        if content is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        plain = content if isinstance(content, str) else text(*(content if isinstance(content, list) else [content]))
        path.write_text(plain, encoding="utf-8")


def _git(*arguments: str, cwd: Path | None = None) -> str:
    done = subprocess.run(["git", *arguments], cwd=cwd, capture_output=True, check=False, text=True)
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr}"
    return done.stdout


@contextlib.contextmanager
def _environment(environ: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
