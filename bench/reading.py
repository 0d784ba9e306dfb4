"""The floor of a run that finds nothing changed, as a program of its own: read the trees, open the watches, end.

`python -m bench.reading KUBECONFIG REPOSITORY FOLDER` does it by plat's own git and Kubernetes parts, so that a run is
measured against the reading and not against the language that it is written in. With `bare` in place of FOLDER it does
it by git and aiohttp alone, which the table mentions.
"""

# ruff: noqa: PLC0415  # either way imports only what it needs: that is part of what is measured
from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import orjson

KINDS = (("", "ConfigMap"), ("apps", "Deployment"), ("", "Namespace"), ("", "Service"), ("", "ServiceAccount"))


async def by_plat(kubeconfig: dict[str, object], repository: str, folder: Path) -> None:
    from plat.api import Kind
    from plat.git import Repositories
    from plat.kube import Client, Watches, tracking_by

    async with Repositories(folder / "git") as repositories:
        await repositories.fetch(f"file://{repository}")
        tree = await repositories.tree(f"file://{repository}")
        files = sum(len(tree.names(path)) for path in tree.directories("apps/*/*"))
        async with Client.from_kubeconfig(kubeconfig, name="bench", cache=folder / "openapi") as client:
            await asyncio.gather(client.version(), client.resources())
            async with Watches(client, extract=tracking_by("argocd.argoproj.io/tracking-id")) as watches:
                await watches.synced(*(Kind(group=group, kind=kind) for group, kind in KINDS))
                print(files, len(watches))


async def bare(kubeconfig: dict[str, object], repository: str) -> None:
    from bench.bare import PATHS, session, watch

    listed = subprocess.run(["git", "-C", repository, "ls-tree", "-r", "-z", "HEAD"], check=True, capture_output=True)  # noqa: ASYNC221  # alone
    files = dict(line.split(b"\t", 1)[::-1] for line in listed.stdout.split(b"\0") if line)
    async with session(kubeconfig) as opened:
        counts = await asyncio.gather(*(watch(opened, path.format("")) for path in PATHS.values()))
    print(len(files), sum(counts))


def main() -> None:
    kubeconfig, repository, folder = orjson.loads(Path(sys.argv[1]).read_bytes()), sys.argv[2], sys.argv[3]
    asyncio.run(bare(kubeconfig, repository) if folder == "bare" else by_plat(kubeconfig, repository, Path(folder)))


if __name__ == "__main__":
    main()
