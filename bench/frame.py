"""The speed of the frame (issue 4 §5): every workload as a ratio to a floor measured in the same run.

`python -m bench.frame [--only NAME] [--apps N]` prints a table and writes bench/results/frame.json.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
from pathlib import Path

from bench import frame_engine, frame_start, frame_sync
from bench.rows import Row, table, write

RESULTS = Path(__file__).parent / "results" / "frame.json"
APPS = 1000
WORKLOADS = ("start", "engine", "sync", "serve")


def measure(names: list[str], apps: int) -> Iterator[Row]:
    """Measure workloads; `sync` and `serve` share a control plane."""
    if "start" in names:
        yield from frame_start.measure()
    if "engine" in names:
        for row in frame_engine.run():
            yield Row(**{name: value for name, value in row.items() if name != "ok"})
    if parts := frozenset(names) & {"sync", "serve"}:
        yield from asyncio.run(frame_sync.measure(apps, parts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=WORKLOADS, action="append", help="only these workloads; may be repeated")
    parser.add_argument("--apps", type=int, default=APPS, help="how many applications; the goals are meant for 1,000")
    given = parser.parse_args()
    rows = []
    for row in measure(given.only or list(WORKLOADS), given.apps):
        print(f"{row.workload}: {row.value:.2f} {row.unit}", flush=True)
        rows.append(row)
    print(table(rows))
    write(rows, RESULTS, whole=not given.only)


if __name__ == "__main__":
    main()
