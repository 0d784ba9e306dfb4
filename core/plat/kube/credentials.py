"""Who we are towards one API server, and how that is renewed. Never prints what it holds.

Programs (`exec`) are run by us: importing kubernetes-asyncio takes over a second, which every command of a team on
EKS or GKE would pay. It is used for the `auth-provider` entries of old kubeconfigs only, and imported only then.
"""

from __future__ import annotations

import asyncio
import copy
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

import orjson

from plat.api import JSON, UnavailableError, UserError

_EARLY: Final = timedelta(minutes=1)
"""A token is renewed this long before it ends."""
_REREAD: Final = timedelta(minutes=1)
"""How often a token file is read again; kubelets rotate them well before they end."""
_EXEC_DEADLINE: Final = 60.0
_APIS: Final = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")


@dataclass(frozen=True)
class Identity:
    """An `Authorization` header, a client certificate with its key (PEM), both or none."""

    authorization: str = field(default="", repr=False)
    certificate: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)


class Credentials(Protocol):
    """Gives the identity to use now."""

    async def identity(self, *, fresh: bool = False) -> Identity:
        """Return it; `fresh` after the server refused the last one."""
        ...


class StaticCredentials:
    """An identity that never changes."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    async def identity(self, *, fresh: bool = False) -> Identity:
        """Return it."""
        del fresh
        return self._identity


class FileToken:
    """A bearer token in a file that somebody else renews."""

    def __init__(self, path: Path, *, base: Identity = Identity()) -> None:  # frozen, so safe to share
        self._path, self._base = path, base
        self._identity = base
        self._until = datetime.min.replace(tzinfo=UTC)

    async def identity(self, *, fresh: bool = False) -> Identity:
        """Return the token of the file; UserError if it cannot be read."""
        now = _now()
        if fresh or now >= self._until:
            try:
                token = self._path.read_text().strip()  # a few bytes, once a minute
            except OSError as error:
                raise UserError(f"cannot read the token file {self._path}: {error.strerror}") from None
            self._identity = Identity(f"Bearer {token}", self._base.certificate, self._base.key)
            self._until = now + _REREAD
        return self._identity


class ExecCredentials:
    """What a program of the operator's kubeconfig prints (Kubernetes' client-go credential plug-ins)."""

    def __init__(self, config: Mapping[str, Any], *, cluster: Mapping[str, JSON], base: Identity) -> None:
        if not config.get("command") or config.get("apiVersion") not in _APIS:
            raise UserError(
                "exec needs a command, and client.authentication.k8s.io/v1 or v1beta1 as apiVersion",
                where="kubeconfig users.exec",
            )
        self._config, self._cluster, self._base = config, cluster, base
        self._lock = asyncio.Lock()
        self._identity: Identity | None = None
        self._until: datetime | None = None

    async def identity(self, *, fresh: bool = False) -> Identity:
        """Return what the program said last, running it if that is missing, old or refused."""
        seen = self._identity
        async with self._lock:
            if self._identity is None or (self._until and _now() >= self._until) or (fresh and self._identity is seen):
                self._identity, self._until = self._read(await self._run())
            return self._identity

    async def _run(self) -> bytes:
        argv = [str(self._config["command"]), *map(str, self._config.get("args") or ())]
        environment = {str(e["name"]): str(e["value"]) for e in self._config.get("env") or ()}
        info = {"apiVersion": self._config["apiVersion"], "kind": "ExecCredential", "spec": self._spec()}
        environment["KUBERNETES_EXEC_INFO"] = orjson.dumps(info).decode()
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                env={**os.environ, **environment},
                stdin=None if self._interactive() else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            hint = str(self._config.get("installHint") or "").strip()
            raise UserError(f"cannot run {argv[0]}: {error.strerror}", remedy=hint) from None
        return await self._output(argv[0], process)

    async def _output(self, program: str, process: asyncio.subprocess.Process) -> bytes:
        try:
            output, errors = await asyncio.wait_for(process.communicate(), _EXEC_DEADLINE)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise UnavailableError(f"{program} gave no credentials within {_EXEC_DEADLINE:.0f} s") from None
        if process.returncode:
            said = errors.decode("utf-8", "replace").strip()
            raise UserError(f"{program} gave no credentials (exit {process.returncode}): {said}")
        return output

    def _interactive(self) -> bool:
        return self._config.get("interactiveMode") != "Never" and sys.stdin is not None and sys.stdin.isatty()

    def _spec(self) -> Mapping[str, JSON]:
        spec: dict[str, JSON] = {"interactive": self._interactive()}
        if self._config.get("provideClusterInfo"):
            spec["cluster"] = self._cluster
        return spec

    def _read(self, output: bytes) -> tuple[Identity, datetime | None]:
        program = self._config["command"]
        try:
            status = orjson.loads(output)["status"]
            ends = status.get("expirationTimestamp")
            until = datetime.fromisoformat(ends) - _EARLY if ends else None
            token = status.get("token") or ""
            certificate = str(status.get("clientCertificateData") or "").encode()
            key = str(status.get("clientKeyData") or "").encode()
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
            raise UserError(f"{program} did not print an ExecCredential") from None
        if not token and not (certificate and key):
            raise UserError(f"{program} printed neither a token nor a certificate with its key")
        authorization = f"Bearer {token}" if token else self._base.authorization
        return Identity(authorization, certificate or self._base.certificate, key or self._base.key), until


class LegacyProvider:
    """An `auth-provider` (oidc, gcp) of an old kubeconfig, which kubernetes-asyncio understands."""

    def __init__(self, config: Mapping[str, JSON], context: str) -> None:
        self._config, self._context = copy.deepcopy(dict(config)), context
        self._identity = Identity()
        self._until = datetime.min.replace(tzinfo=UTC)

    async def identity(self, *, fresh: bool = False) -> Identity:
        """Ask kubernetes-asyncio once a minute; it renews the token when it is old."""
        if fresh or _now() >= self._until:
            self._identity = Identity(authorization=await self._token())
            self._until = _now() + _REREAD
        return self._identity

    async def _token(self) -> str:
        from kubernetes_asyncio.config.kube_config import KubeConfigLoader  # noqa: PLC0415  # takes over a second

        loader = KubeConfigLoader(self._config, active_context=self._context)
        try:
            await loader._load_authentication()  # noqa: SLF001  # its public doors all write certificates to files
        except Exception as error:
            raise UserError(f"the auth-provider of context {self._context} failed: {type(error).__name__}") from error
        return str(getattr(loader, "token", ""))


def _now() -> datetime:
    return datetime.now(UTC)
