"""How a tree of files travels to the helper: text as it is, anything else as base64."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping

from plat.api import JSON


def tree(files: Mapping[str, bytes]) -> JSON:
    """Return the files as JSON; paths are relative to the root of the tree."""
    text: dict[str, str] = {}
    binary: dict[str, str] = {}
    for path, content in files.items():
        try:
            text[path] = content.decode()
        except UnicodeDecodeError:
            binary[path] = b64encode(content).decode()
    return {"text": text, "binary": binary}
