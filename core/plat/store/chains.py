"""How rows of the ledger are chained, and how a chain is checked. Pure: it knows neither SQL nor what a row means."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from plat.store.encoding import dump, load

_SEQ: Final = 1  # where the columns of a row are: epoch, seq, what happened (6), previous, hash
_SAID: Final = slice(2, 8)


@dataclass(frozen=True)
class Head:
    """The last link of one chain."""

    epoch: int
    seq: int
    hash: str


@dataclass(frozen=True)
class Verified:
    """Whether a ledger is as it was written. `first_bad` is the place (epoch, seq) of the first row that is not."""

    ok: bool
    rows: int
    first_bad: tuple[int, int] | None = None
    why: str = ""


def genesis(stack: str, epoch: int, after: str) -> str:
    """Return what the first row of an epoch has as `previous`; `after` is the canonical text of the heads before it."""
    return _digest([stack, epoch, after])


def link(stack: str, epoch: int, seq: int, said: Sequence[str], previous: str) -> str:  # noqa: PLR0913, PLR0917, RUF100  # all that is hashed
    """Return the hash of a row."""
    return _digest([stack, epoch, seq, *said, previous])


def _digest(parts: Sequence[str | int]) -> str:
    return hashlib.sha256(dump(parts)).hexdigest()


@dataclass
class _Check:
    """What has been seen so far of the chains of one stack."""

    stack: str
    ends: dict[int, tuple[int, str]]
    """For each epoch the number and hash of its last row so far."""
    promised: dict[tuple[int, int], str] = field(default_factory=dict)
    """Rows that a later chain, or an anchor, says were there."""

    def fault(self, row: Sequence[Any]) -> str:
        """Say what is wrong with the next row, or nothing."""
        epoch, seq, previous, digest = row[0], row[_SEQ], row[-2], row[-1]
        if epoch not in self.ends:
            return "its chain was never opened"
        last, end = self.ends[epoch]
        if seq != last + 1:
            return f"row {last + 1} of its chain is missing or out of order"
        if previous != end:
            return "it does not follow the row before it"
        if digest != link(self.stack, epoch, seq, row[_SAID], previous):
            return "it is not what was written"
        if self.promised.get((epoch, seq), digest) != digest:
            return "a later chain or an anchor knows another row here"
        self.ends[epoch] = (seq, digest)
        return ""


def check_chains(
    stack: str, epochs: Iterable[tuple[int, str]], rows: Iterable[Sequence[Any]], *, anchors: Sequence[Head] = ()
) -> Verified:
    """Check the chains of a stack: `epochs` as (number, text of heads before it), `rows` in the order of writing."""
    opened = list(epochs)
    check = _Check(stack, {epoch: (0, genesis(stack, epoch, after)) for epoch, after in opened})
    for head in [*(Head(*each) for _, after in opened for each in load(after)), *anchors]:
        check.promised[head.epoch, head.seq] = head.hash
    count = 0
    for row in rows:
        why = check.fault(row)
        if why:
            return Verified(False, count, (row[0], row[_SEQ]), why)
        count += 1
    lost = _lost(check, [epoch for epoch, _ in opened])
    return Verified(not lost, count, lost, "rows are missing from here on" if lost else "")


def _lost(check: _Check, epochs: Sequence[int]) -> tuple[int, int] | None:
    """Return the first place where a row must be, by what is left, and is not."""
    ends = {epoch: end for epoch, (end, _) in check.ends.items()}
    wanted = [*check.promised, *((epoch, 1) for epoch in range(1, max(epochs, default=0) + 1))]
    return min(((epoch, ends.get(epoch, 0) + 1) for epoch, seq in wanted if seq > ends.get(epoch, 0)), default=None)
