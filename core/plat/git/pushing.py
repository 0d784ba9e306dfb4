"""What `git push --porcelain` answered: done, lost a race, or refused. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from plat.git.trouble import explained

_RACE: Final = re.compile(
    r"non-fast-forward|fetch first|stale info|cannot lock ref|failed to update ref|incorrect old value"
    r"|reference already exists|needs force|atomic push failed"
)
_PROTECTED: Final = re.compile(r"protected|GH006|GH013|not allowed to push|permission|unauthorized", re.IGNORECASE)


@dataclass(frozen=True)
class Verdict:
    """The fate of one ref. Neither done nor refused: somebody else was faster."""

    done: bool = False
    refused: bool = False
    code: str = ""
    text: str = ""


def judge(output: str, errors: str) -> Verdict:
    """Read the one line about our ref. Raises what the messages mean where there is no such line."""
    line = next((line for line in output.splitlines() if line[:2] in ("!\t", " \t", "+\t", "=\t", "*\t", "-\t")), "")
    if not line:
        raise explained(errors, what="git push")
    if not line.startswith("!"):
        return Verdict(done=True)
    reason = line.split("\t")[-1].strip()
    remote = [text.removeprefix("remote:").strip() for text in errors.splitlines() if text.startswith("remote:")]
    said = "; ".join([reason, *filter(None, remote)][:6])
    if "already exists" in reason and "reference already exists" not in reason:
        return Verdict(refused=True, code="exists", text=said)
    if _RACE.search(reason):
        return Verdict(text=said)
    return Verdict(refused=True, code="protected" if _PROTECTED.search(said) else "rejected", text=said)
