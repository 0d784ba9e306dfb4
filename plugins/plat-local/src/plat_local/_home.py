"""Where one local cluster keeps its files, and the record it keeps of itself. No processes, no network."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from plat.api import UserError

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?")
_PORTS: Final = range(20_000, 32_000)
"""Below what Linux gives to outgoing connections (32768 and up), so that a stopped cluster finds its ports again."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Loopback ports of one cluster."""

    etcd: int
    peer: int
    api: int


@dataclass(frozen=True, kw_only=True)
class Record:
    """What is known of a cluster between two commands. `ready` says that it was complete once."""

    ports: Ports
    ready: bool = False


@dataclass(frozen=True)
class Home:
    """The folder of one cluster."""

    root: Path

    @classmethod
    def of(cls, work: Path, name: str) -> Home:
        """Return a cluster's home; UserError for a name that is no DNS name, as it becomes a folder and a context."""
        if _NAME.fullmatch(name) is None:
            raise UserError(
                f"{name!r} is no name for a cluster",
                remedy="use small letters, digits, '-' and '.', as in a DNS name of at most 63 characters",
            )
        return cls(Path(os.path.abspath(work)) / name)  # noqa: PTH100  # a symlinked folder keeps its name

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self.root.name

    @property
    def data(self) -> Path:
        """Where etcd keeps everything."""
        return self.root / "etcd"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig; a secret."""
        return self.root / "kubeconfig"

    @property
    def lock(self) -> Path:
        """Held by who creates or deletes it; beside the folder, because deleting takes the folder away."""
        return self.root.parent / ".locks" / self.name

    def key(self, name: str) -> Path:
        """Return the file of a certificate or key."""
        return self.root / "pki" / name

    def log(self, program: str) -> Path:
        """Return a program's log."""
        return self.root / "logs" / f"{program}.log"

    def pid(self, program: str) -> Path:
        """Return the file that says which process is ours."""
        return self.root / "run" / program

    def config(self, program: str) -> Path:
        """Return a program's configuration: a kubeconfig, or a file of its own."""
        return self.root / "config" / program

    def read(self) -> Record | None:
        """Return the record, or None for a cluster that was never begun."""
        try:
            kept = json.loads(self._record.read_text(encoding="utf-8"))
            return Record(ports=Ports(**kept["ports"]), ready=bool(kept["ready"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write(self, record: Record) -> None:
        """Keep the record, whole or not at all."""
        write_secret(self._record, json.dumps(asdict(record)))

    @property
    def _record(self) -> Path:
        return self.root / "cluster.json"


def write_secret(path: Path, content: str | bytes) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    fresh.replace(path)


def homes(work: Path) -> Iterator[Home]:
    """Return the homes of all clusters that were begun, by name."""
    for record in sorted(work.glob("*/cluster.json")):
        yield Home(record.parent)


def choose_ports(taken: Collection[int], *, start: int) -> Ports:
    """Return three free ports, none of which another cluster has in its record.

    `start` spreads clusters over the range, so that two that are begun at the same moment do not meet.
    """
    found: list[int] = []
    for step in range(len(_PORTS)):
        port = _PORTS[(start + step) % len(_PORTS)]
        if port not in taken and _is_free(port):
            found.append(port)
        if len(found) == 3:  # noqa: PLR2004  # one for each field of Ports
            return Ports(etcd=found[0], peer=found[1], api=found[2])
    raise UserError(
        f"no three free ports on 127.0.0.1 between {_PORTS.start} and {_PORTS.stop}",
        remedy="end programs that listen there, or delete local clusters",
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
