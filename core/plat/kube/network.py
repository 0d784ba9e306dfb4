"""The network side of a connection: sockets that notice a dead peer, and which proxy to take, as kubectl would."""

from __future__ import annotations

import socket
from contextlib import suppress
from ipaddress import ip_address, ip_network
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from plat.api import UserError

_KEEP_ALIVE: Final = (("TCP_KEEPIDLE", 20), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4))
"""Seconds of silence, between probes, and probes: a watch whose peer is gone is noticed within 40 seconds."""


def check_address(server: str, name: str) -> None:
    """Raise UserError if this is not the address of an API server."""
    try:
        parts = urlsplit(server)
        fine = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        fine = False
    if not fine:
        raise UserError(f"{server!r} is not the address of an API server", where=f"cluster {name}")


def open_socket(info: tuple[Any, ...]) -> socket.socket:
    """Return a socket that probes a silent peer, for what `getaddrinfo` gave."""
    family, kind, protocol, *_ = info
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, seconds in _KEEP_ALIVE:
        if hasattr(socket, option):
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), seconds)
    return made


def encoding(server: str) -> dict[str, str]:
    """Ask a server on this machine not to compress: it would cost both sides more than it saves."""
    return {"Accept-Encoding": "identity"} if _is_loopback(urlsplit(server).hostname or "") else {}


def system_proxy(server: str) -> str:
    """Return the proxy of HTTPS_PROXY and NO_PROXY as Go reads them: never for loopback, networks are understood."""
    parts = urlsplit(server)
    host = parts.hostname or ""
    if _is_loopback(host) or proxy_bypass(host) or _in_networks(host, getproxies().get("no", "")):
        return ""
    return getproxies().get(parts.scheme, "")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _in_networks(host: str, listed: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    for entry in listed.split(","):
        with suppress(ValueError):
            if "/" in entry and address in ip_network(entry.strip(), strict=False):
                return True
    return False
