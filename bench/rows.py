"""What a workload comes to: one row of the table, and the files that keep them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measured ratio. `detail` says what it was made of; it is printed, and not part of the file."""

    workload: str
    value: float
    goal: float
    unit: str
    detail: str = ""

    @property
    def ok(self) -> bool:
        return self.value <= self.goal


def table(rows: Iterable[Row]) -> str:
    lines = [("workload", "value", "goal", "unit", "", "made of")]
    lines += [(r.workload, f"{r.value:.2f}", f"{r.goal:g}", r.unit, "ok" if r.ok else "MISSED", r.detail) for r in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def write(rows: Sequence[Row], path: Path, *, whole: bool) -> None:
    """Write rows as a list of {"workload", "value", "goal", "unit", "ok"}; not the `whole`: other workloads stay."""
    known = [] if whole or not path.exists() else json.loads(path.read_text(encoding="utf-8"))
    mine = {row.workload for row in rows}
    kept = [row for row in known if row["workload"] not in mine]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([*kept, *map(_plain, rows)], indent=1) + "\n", encoding="utf-8")


def _plain(row: Row) -> dict[str, object]:
    fields = asdict(row)
    del fields["detail"]
    return {**fields, "value": round(row.value, 3), "ok": row.ok}
