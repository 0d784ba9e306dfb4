"""A way to a cluster that can be opened while somebody waits before it."""

from __future__ import annotations

import copy
import json
import socket
import threading
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from tests.e2e.world import World, write


class Door:
    """A port of this machine that refuses connections until it is opened, then passes them on to a server."""

    def __init__(self, server: str) -> None:
        address = urlsplit(server)
        self._to = (address.hostname or "", address.port or 443)
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))  # bound and not listening: a connection is refused at once
        self._ends: list[socket.socket] = [self._socket]
        self.server = f"https://127.0.0.1:{self._socket.getsockname()[1]}"

    def open(self) -> None:
        """Pass connections on from now on."""
        self._socket.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """End all connections."""
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                inside, _ = self._socket.accept()
                outside = socket.create_connection(self._to)
                self._ends += [inside, outside]
                for pair in ((inside, outside), (outside, inside)):
                    threading.Thread(target=_pass_on, args=pair, daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def behind(door: Door, plane: Any, world: World) -> str:
    """Return the path of a kubeconfig whose server is behind the door."""
    config = copy.deepcopy(dict(plane.kubeconfig))
    config["clusters"][0]["cluster"]["server"] = door.server
    write(world.folder, {"behind.json": json.dumps(config)})
    return str(world.folder / "behind.json")
