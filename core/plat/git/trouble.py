"""What git's messages mean: whose fault it was, and what to do. Texts are masked before anybody sees them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from plat.api import PlatError, UnavailableError, UserError

_LOGIN: Final = "check its credentials: git's own credential helper, the SSH agent, or a repository Secret"
_USERS: Final[tuple[tuple[str, str], ...]] = (
    (r"unable to update url base from redirection|(HTTP|error:) 30\d", "use the address that the server redirects to"),
    (
        r"transport '.*' not allowed|protocol .* not (allowed|supported)|remote helper",
        "use https://, ssh:// or file://",
    ),
    (r"dubious ownership", "git config --global --add safe.directory PATH, if you trust that directory"),
    (r"Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED", "add the server's key to known_hosts"),
    (r"certificate|\bSSL\b|\bTLS\b", "check the server's certificate, and http.sslCAInfo of git"),
    (r"could not read (Username|Password)|Authentication failed|terminal prompts disabled", _LOGIN),
    (r"Permission denied|access denied|(error:|HTTP) 40[13]|not authorized", _LOGIN),
    (r"not found|does not (exist|appear to be a git repository)|not a git repository|error: 404", "check the address"),
    (r"No such (file|directory)", "check the address"),
    (r"No space left on device|Disk quota exceeded", "free some disk space"),
)
"""What somebody has to change: pattern and remedy."""
_PASSING: Final = (
    r"Could not resolve host|Connection (refused|reset|timed out)|Failed to connect|Network is unreachable"
    r"|No route to host|Operation timed out|(error:|HTTP) (429|5\d\d)|early EOF|unexpected disconnect|hung up"
    r"|RPC failed|timed? ?out"
)
"""What may pass by itself."""


def masked(text: str, secrets: Iterable[str]) -> str:
    """Return text without the given secrets and without the user part of any address."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return re.sub(r"(?<=://)[^/@\s'\"]*:[^/@\s'\"]*@", "***@", text)


def explained(errors: str, *, what: str) -> PlatError:
    """Return the error that git's own (masked) messages mean; what nobody knows may pass by itself."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal:", "error:", "remote:", "ssh:", "!"))] or lines
    text = "; ".join(dict.fromkeys(line.removeprefix("fatal: ") for line in telling[:4])) or "no message"
    message = f"{what}: {text}"
    if re.search(_PASSING, errors, re.IGNORECASE) and "Authentication failed" not in errors:
        return UnavailableError(message, code="network")
    for pattern, remedy in _USERS:
        if re.search(pattern, errors, re.IGNORECASE):
            return UserError(message, remedy=remedy)
    return UnavailableError(message, code="git")
