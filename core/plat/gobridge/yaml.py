"""YAML as Kubernetes reads it (`sigs.k8s.io/yaml`): every manifest of plat goes through here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from plat.api import JSON, UserError
from plat.gobridge.bridge import Bridge
from plat.gobridge.operations import Operation
from plat.gobridge.outcomes import each

LARGEST: Final = 32 << 20
"""The largest text in bytes; Argo CD allows 10 MB for all manifests of an application."""


@dataclass(frozen=True)
class Document:
    """One document: the line where it starts, counted from 1, and its content."""

    line: int
    value: JSON


async def documents(bridge: Bridge, text: bytes, *, where: str = "") -> list[Document]:
    """Read all documents of a text; the items of `*List` objects are documents of their own, empty ones are left out.

    Raises UserError with `where:line` on bad YAML and on duplicate keys.
    """
    (found,) = await many(bridge, [(where, text)])
    if isinstance(found, UserError):
        raise found
    return found


async def many(
    bridge: Bridge, texts: Sequence[tuple[str, bytes]], *, strict: bool = True, expand: bool = True
) -> list[list[Document] | UserError]:
    """Read many files, given as (place, text), in one message. A bad one gives its error and does not hurt the others.

    Not `strict`: the last of duplicate keys wins, as for rendered charts. Not `expand`: lists stay as they are.
    """
    decoded = [_decode(where, text) for where, text in texts]
    good = [{"where": item[0], "text": item[1]} for item in decoded if not isinstance(item, UserError)]
    request = {"texts": good, "loose": not strict, "expand": expand}
    answers = iter(each(await bridge.call(Operation.YAML_DOCUMENTS, request), _documents) if good else [])
    return [item if isinstance(item, UserError) else next(answers) for item in decoded]


async def dump(bridge: Bridge, value: JSON) -> bytes:
    """Write a value as YAML, keys sorted, as Kubernetes' tools do."""
    (text,) = await bridge.call(Operation.YAML_DUMP, {"values": [value]})
    return str(text).encode()


def _decode(where: str, text: bytes) -> tuple[str, str] | UserError:
    if len(text) > LARGEST:
        return UserError(f"{len(text)} bytes are more than the limit of {LARGEST}", where=where)
    try:
        return where, text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        return UserError("not UTF-8 text", where=f"{where}:{line}" if where else f"line {line}")


def _documents(found: JSON) -> list[Document]:
    return [Document(item["line"], item["value"]) for item in found]
