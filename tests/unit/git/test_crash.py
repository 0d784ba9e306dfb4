from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from plat.git import Repositories

FETCHER = """
import asyncio, sys
from pathlib import Path
from plat.git import Repositories

async def main():
    async with Repositories(Path(sys.argv[1])) as repositories:
        print("ready", flush=True)
        tree = await repositories.tree(sys.argv[2])
        await tree.export()
        print(tree.commit, flush=True)

asyncio.run(main())
"""


def start(cache: Path, url: str, environ: Any) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", FETCHER, str(cache), url]
    environ = environ | {"PYTHONPATH": ":".join(sys.path)}
    process = subprocess.Popen(arguments, env=environ, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.fixture
def large(make_origin: Any) -> Any:
    origin = make_origin("large")
    origin.commit({f"d{number % 20}/f{number}": str(number) * 50 for number in range(600)})
    return origin


async def test_after_a_kill_at_any_moment_the_next_run_goes_on(tmp_path: Path, environ: Any, large: Any) -> None:
    cache = tmp_path / "c"
    for delay in (0.0, 0.01, 0.02, 0.04, 0.08):
        with start(cache, large.url, environ) as process:
            time.sleep(delay)  # noqa: ASYNC251  # nothing else runs here
            process.kill()
    async with Repositories(cache, environ=environ) as repositories:
        tree = await repositories.tree(large.url)
        folder = await tree.export()
    assert len([place for place in folder.rglob("*") if place.is_file()]) == 600


def test_processes_that_share_a_cache_do_not_disturb_each_other(tmp_path: Path, environ: Any, large: Any) -> None:
    running = [start(tmp_path / "c", large.url, environ) for _ in range(3)]
    answers = [process.communicate(timeout=60)[0].strip() for process in running]
    assert answers == [large.git("rev-parse", "HEAD")] * 3
