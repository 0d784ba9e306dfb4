"""Which commit a revision means (spec/cluster §2.1): exact SHA, then exact ref, then the highest version."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from plat.api import UserError
from plat.git.semver import highest, parse_constraint

SHA: Final = re.compile(r"[0-9a-f]{40}", re.IGNORECASE)
SHORT_SHA: Final = re.compile(r"[0-9a-f]{7,39}", re.IGNORECASE)
_HEADS: Final = "refs/heads/"
_TAGS: Final = "refs/tags/"


@dataclass(frozen=True)
class Refs:
    """The branches and tags of a repository; a tag stands for the commit that it names. `default` is a branch."""

    heads: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    default: str = ""
    head: str = ""

    def all(self) -> dict[str, str]:
        """Return commits by full name of the ref."""
        heads = {_HEADS + name: commit for name, commit in self.heads.items()}
        return heads | {_TAGS + name: commit for name, commit in self.tags.items()}


@dataclass(frozen=True)
class Resolved:
    """The commit of a revision, and the full name of the ref that says so: empty for a SHA, else what to watch."""

    commit: str
    ref: str = ""


def resolve(refs: Refs, revision: str, *, tag_prefix: str = "") -> Resolved | None:
    """Return what a branch, tag, full ref, version range or empty revision means, or None.

    A branch comes before a tag of the same name. With `tag_prefix` only tags with it are versions, compared without it.
    """
    if revision in ("", "HEAD"):
        return Resolved(refs.head, _HEADS + refs.default if refs.default else "HEAD") if refs.head else None
    exact = _exact(refs, revision)
    if exact is not None:
        return exact
    constraint = parse_constraint(revision)
    if constraint is None:
        return None
    tag = highest(constraint, ((tag, tag.removeprefix(tag_prefix)) for tag in refs.tags if tag.startswith(tag_prefix)))
    return Resolved(refs.tags[tag], _TAGS + tag) if tag else None


def unknown(refs: Refs, revision: str, url: str) -> UserError:
    """Return the error for a revision that means nothing, with the nearest branches and tags."""
    if revision in ("", "HEAD"):
        return UserError(f"{url} has no default branch", remedy="push a first commit, or name a branch")
    names = [refs.default, *sorted(refs.heads), *sorted(refs.tags, reverse=True)]
    near = difflib.get_close_matches(revision, names, n=3, cutoff=0.5) or list(dict.fromkeys(filter(None, names)))[:5]
    remedy = f"nearest are {', '.join(dict.fromkeys(near))}" if near else "it has no branches and no tags yet"
    return UserError(f"{url} has no revision {revision!r}", remedy=remedy)


def moved(before: Refs, after: Refs) -> dict[str, tuple[str, str]]:
    """Return (old, new) of every ref that differs, by full name and `HEAD`; an empty commit means: no such ref."""
    old, new = before.all() | {"HEAD": before.head}, after.all() | {"HEAD": after.head}
    pairs = {name: (old.get(name, ""), new.get(name, "")) for name in old.keys() | new.keys()}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def parse_remote(text: str) -> Refs:
    """Parse what `git ls-remote --symref` prints."""
    heads: dict[str, str] = {}
    tags: dict[str, str] = {}
    default = head = ""
    for line in text.splitlines():
        value, _, name = line.partition("\t")
        if value.startswith("ref: ") and name == "HEAD":
            default = value.removeprefix("ref: ").removeprefix(_HEADS)
        elif name == "HEAD":
            head = value
        elif name.startswith(_HEADS):
            heads[name.removeprefix(_HEADS)] = value
        elif name.startswith(_TAGS):
            # the peeled line of an annotated tag follows the tag's own
            tags[name.removeprefix(_TAGS).removesuffix("^{}")] = value
    return Refs(heads, tags, default, head)


def parse_local(text: str) -> Refs:
    """Parse what `git for-each-ref` prints as id, id of the peeled tag, tab, name."""
    lines = []
    for line in text.splitlines():
        ids, _, name = line.partition("\t")
        lines.append(f"{ids.split()[-1]}\t{name}")
    return parse_remote("\n".join(lines))


def _exact(refs: Refs, revision: str) -> Resolved | None:
    for prefix, known in ((_HEADS, refs.heads), (_TAGS, refs.tags)):
        for given in (prefix, prefix.removeprefix("refs/"), ""):
            name = revision.removeprefix(given) if revision.startswith(given) else ""
            if name in known:
                return Resolved(known[name], prefix + name)
    return None
