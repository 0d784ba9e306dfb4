"""Credentials that somebody gave for one repository, and how git gets to see them: never in arguments or addresses."""

from __future__ import annotations

import base64
import re
import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

from plat.api import UserError
from plat.git.addresses import Address

_ANSWER: Final = (
    '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$PLAT_GIT_USERNAME" "$PLAT_GIT_PASSWORD"; }; f'
)
"""A credential helper; git asks it only for the one host that it is configured for."""


@dataclass(frozen=True, kw_only=True)
class Login:
    """How to log in to one repository. Empty fields are left to git's own configuration and the SSH agent."""

    username: str = ""
    password: str = field(default="", repr=False)
    bearer: str = field(default="", repr=False)
    ssh_private_key: str = field(default="", repr=False)
    known_hosts: str = ""
    """Lines of a known_hosts file, in place of the user's own."""
    insecure: bool = False
    """Do not check the server's certificate or SSH host key."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every spelling that must never be shown."""
        both = base64.b64encode(f"{self.username}:{self.password}".encode()).decode() if self.password else ""
        texts = [self.password, quote(self.password, safe=""), both, self.bearer, self.ssh_private_key.strip()]
        return tuple(sorted({text for text in texts if text}, key=len, reverse=True))


@dataclass(frozen=True)
class Offer:
    """What one run of git is given: settings and variables of its environment."""

    settings: Sequence[tuple[str, str]] = field(default=(), repr=False)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


@contextmanager
def offering(login: Login | None, address: Address) -> Iterator[Offer]:
    """Make a login usable for one address while the block runs; a private key is in a file of mode 0600 until then.

    Credentials are bound to the host that they were given for; a bearer token, which git would send along, forbids
    redirects. Raises UserError for text that could smuggle in a second field.
    """
    if login is None or address.scheme == "file":
        yield Offer()
        return
    if any(re.search(r"[\x00\r\n]", text) for text in (login.username, login.password, login.bearer)):
        raise UserError(f"the credentials for {address.origin} hold a line break", remedy="store them without one")
    if address.scheme != "ssh":
        yield _over_http(login, address)
        return
    with tempfile.TemporaryDirectory(prefix="plat-git-") as folder:
        yield _over_ssh(login, Path(folder))


def _over_http(login: Login, address: Address) -> Offer:
    settings: list[tuple[str, str]] = []
    environ: dict[str, str] = {}
    if login.insecure:
        settings.append((f"http.{address.origin}/.sslVerify", "false"))
    if login.bearer:
        settings.append((f"http.{address.origin}/.extraHeader", f"Authorization: Bearer {login.bearer}"))
        settings.append(("http.followRedirects", "false"))
    elif login.password:
        settings += [("credential.helper", ""), (f"credential.{address.origin}.helper", _ANSWER)]
        # GIT_ASKPASS is emptied so that a wrong password is an error, not a question to the user's own helper.
        environ = {"PLAT_GIT_USERNAME": login.username or "git", "PLAT_GIT_PASSWORD": login.password, "GIT_ASKPASS": ""}
    return Offer(settings, environ, login.secrets)


def _over_ssh(login: Login, folder: Path) -> Offer:
    command = ["ssh", "-o", "BatchMode=yes"]
    if login.ssh_private_key:
        key = _private_file(folder / "key", login.ssh_private_key.strip() + "\n")
        command += ["-i", str(key), "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none"]
    if login.known_hosts:
        hosts = _private_file(folder / "known_hosts", login.known_hosts.strip() + "\n")
        command += ["-o", f"UserKnownHostsFile={hosts}", "-o", "StrictHostKeyChecking=yes"]
    elif login.insecure:
        command += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    changed = len(command) > len(("ssh", "-o", "BatchMode=yes"))
    return Offer((), {"GIT_SSH_COMMAND": shlex.join(command)} if changed else {}, login.secrets)


def _private_file(path: Path, text: str) -> Path:
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(text, encoding="utf-8")
    return path
