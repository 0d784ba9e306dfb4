"""The speed of the frame (issue 4 §5): every workload as a ratio to a floor measured in the same run.

`python -m bench.frame [--only NAME] [--apps N]` prints a table and writes bench/results/frame.json.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import time
from pathlib import Path

from bench.rows import Row, table, write

RESULTS = Path(__file__).parent / "results" / "frame.json"
APPS = 1000
WORKLOADS = {
    "start": "frame_start",
    "engine": "frame_engine",
    "sync": "frame_sync",
    "serve": "frame_serve",
}


def measure(name: str, apps: int) -> list[Row]:
    """Measure one group of workloads."""
    module = importlib.import_module(f"bench.{WORKLOADS[name]}")
    if name == "engine":
        return [Row(**{k: v for k, v in row.items() if k != "ok"}) for row in module.run()]
    return list(asyncio.run(module.measure(apps)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=WORKLOADS, action="append", help="only these workloads; may be repeated")
    parser.add_argument("--apps", type=int, default=APPS, help="how many applications; the goals are meant for 1,000")
    given = parser.parse_args()
    rows: list[Row] = []
    for name in given.only or WORKLOADS:
        began = time.monotonic()
        print(f"measuring {name} ...", flush=True)
        rows += measure(name, given.apps)
        print(f"  took {time.monotonic() - began:.0f} s", flush=True)
    print(table(rows))
    write(rows, RESULTS)


if __name__ == "__main__":
    main()
