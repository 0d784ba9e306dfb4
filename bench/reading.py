"""The floor of a run that finds nothing changed, as a program of its own: read the trees, open the watches, end.

`python -m bench.reading KUBECONFIG REPOSITORY`
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import aiohttp
import orjson
from bench.bare import PATHS, Manifest, session


def trees(repository: str) -> int:
    """Read all trees, as object ids by path; returns how many files there are."""
    listed = subprocess.run(["git", "-C", repository, "ls-tree", "-r", "-z", "HEAD"], check=True, capture_output=True)
    return len(dict(line.split(b"\t", 1)[::-1] for line in listed.stdout.split(b"\0") if line))


async def watch(opened: aiohttp.ClientSession, path: str) -> int:
    """Open one watch that begins with what there is; returns how many objects came until it was complete."""
    query = {
        "watch": "true",
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
    }
    known: dict[str, bytes] = {}
    async with opened.get(path, params=query) as reply:
        left = b""
        async for chunk in reply.content.iter_any():
            *lines, left = (left + chunk).split(b"\n")
            for line in lines:
                event = orjson.loads(line)
                if event["type"] == "BOOKMARK":
                    return len(known)
                known[event["object"]["metadata"]["uid"]] = line
    raise RuntimeError("the watch ended early")


async def main(kubeconfig: Manifest, repository: str) -> None:
    files = trees(repository)
    async with session(kubeconfig) as opened:
        counts = await asyncio.gather(*(watch(opened, path.format("")) for path in PATHS.values()))
    print(files, sum(counts))


if __name__ == "__main__":
    asyncio.run(main(orjson.loads(Path(sys.argv[1]).read_bytes()), sys.argv[2]))
