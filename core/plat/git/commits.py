"""Commits as people see them: id, message, author, time, trailers. Reads git's own text of a commit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final

from plat.api import UserError

_PERSON: Final = re.compile(r"(?P<who>.*) (?P<seconds>-?\d+) (?P<zone>[+-]\d{4})")
_TRAILER: Final = re.compile(r"(?P<key>[A-Za-z0-9][A-Za-z0-9-]*):[ \t]*(?P<value>.*)")


@dataclass(frozen=True, kw_only=True)
class Commit:
    """One commit. `author` is `Name <address>`."""

    id: str
    message: str
    author: str = ""
    at: datetime | None = None
    tree: str = ""
    parents: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.partition("\n")[0]

    @property
    def trailers(self) -> Mapping[str, str]:
        """The `Key: value` lines of the last paragraph; of equal keys the last wins."""
        lines = _last_paragraph(self.message)
        found = [_TRAILER.fullmatch(line) for line in lines]
        return {match["key"]: match["value"].strip() for match in found if match} if all(found) else {}


def parse_commit(oid: str, data: bytes) -> Commit:
    """Parse the text of a commit object."""
    head, _, message = data.decode("utf-8", "replace").partition("\n\n")
    fields = [line.partition(" ")[::2] for line in head.splitlines() if not line.startswith(" ")]
    known = dict(fields)
    person = _PERSON.fullmatch(known.get("author", ""))
    return Commit(
        id=oid,
        message=message.rstrip("\n"),
        author=person["who"] if person else "",
        at=_time(person) if person else None,
        tree=known.get("tree", ""),
        parents=tuple(value for key, value in fields if key == "parent"),
    )


def with_trailers(message: str, trailers: Mapping[str, str]) -> str:
    """Return a message with trailers at its end, in the paragraph of trailers that it may have already.

    Raises UserError for a message without text, or a trailer that would not be read back as it was written.
    """
    text = message.strip()
    if not text:
        raise UserError("a commit needs a message")
    lines = [f"{key}: {value.strip()}" for key, value in trailers.items()]
    for line in lines:
        if not _TRAILER.fullmatch(line):
            raise UserError(f"{line!r} cannot be a trailer", remedy="use one line; keys are letters, digits and dashes")
    if not lines:
        return f"{text}\n"
    has_some = "\n\n" in text and all(_TRAILER.fullmatch(line) for line in _last_paragraph(text))
    return text + ("\n" if has_some else "\n\n") + "\n".join(lines) + "\n"


def _last_paragraph(message: str) -> list[str]:
    head, _, last = message.rstrip("\n").rpartition("\n\n")
    return last.splitlines() if head else []


def _time(person: re.Match[str]) -> datetime | None:
    sign = -1 if person["zone"].startswith("-") else 1
    offset = sign * timedelta(hours=int(person["zone"][1:3]), minutes=int(person["zone"][3:5]))
    try:
        return datetime.fromtimestamp(int(person["seconds"]), timezone(offset))
    except (ValueError, OverflowError, OSError):
        return None
