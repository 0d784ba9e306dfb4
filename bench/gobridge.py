"""The speed of gobridge: value, goal and ratio of each workload, measured in one run (`python bench/gobridge.py`)."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import yaml as pyyaml

from plat.gobridge import Bridge, expressions, fields, helm, kustomize, lua, yaml

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web", "tier": "front"}},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "nginx:1", "env": [{"name": "A", "value": "1"}]}]},
        },
    },
}
CERTIFICATE = {
    "apiVersion": "cert-manager.io/v1",
    "kind": "Certificate",
    "status": {"conditions": [{"type": "Ready", "status": "True", "message": "up to date"}]},
}
CHART = {
    "c/Chart.yaml": b"apiVersion: v2\nname: c\nversion: 0.1.0\n",
    "c/values.yaml": b"a: 1\n",
    "c/templates/x.yaml": b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\n",
}
TREE = {
    "base/kustomization.yaml": b"resources: [web.yaml]\nconfigMapGenerator: [{name: cm, literals: [a=b]}]\n",
    "base/web.yaml": pyyaml.safe_dump(DEPLOYMENT).encode(),
    "over/kustomization.yaml": b"resources: [../base]\nnamePrefix: p-\nimages: [{name: nginx, newTag: '2'}]\n",
}


async def seconds(work: Callable[[], Awaitable[object]], times: int = 5) -> float:
    """Return the median time of some runs."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        await work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def line(what: str, value: float, unit: str, goal: float, *, less: bool = False) -> None:
    """Print one workload; a ratio of 1 or more meets the goal."""
    ratio = goal / value if less else value / goal
    print(f"{what:<44}{value:>12,.2f} {unit:<6} goal {goal:>10,.2f}  ratio {ratio:5.2f}")


async def start() -> None:
    """Measure the first answer of a new process."""
    started = time.perf_counter()
    async with Bridge(size=1) as bridge:
        await yaml.documents(bridge, b"a: 1")
        line("start to first answer", (time.perf_counter() - started) * 1000, "ms", 300, less=True)


async def main() -> None:
    """Measure all workloads."""
    await start()
    async with Bridge(size=1) as bridge:
        single = await seconds(lambda: expressions.expr(bridge, [("a + 1", {"a": 1})]), 300)
        line("one expr, round trip p50", single * 1000, "ms", 0.3, less=True)
        many = [("a + 1 > b.c", {"a": i, "b": {"c": 3}}) for i in range(1000)]
        line("expr, 1,000 in a batch", 1000 / await seconds(lambda: expressions.expr(bridge, many)), "/s", 100_000)
        text = TREE["base/web.yaml"]
        ours = await seconds(lambda: yaml.many(bridge, [("f", text)] * 4000))
        started = time.perf_counter()
        for _ in range(4000):
            pyyaml.load(text, Loader=pyyaml.CSafeLoader)
        line("4,000 YAML documents, times PyYAML's C loader", (time.perf_counter() - started) / ours, "x", 4)
        pairs = [(DEPLOYMENT, DEPLOYMENT | {"status": {"replicas": 3}})] * 4000
        line("projections", 4000 / await seconds(lambda: fields.project(bridge, "none", pairs)), "/s", 8000)
        checks = [("", CERTIFICATE)] * 10_000
        line("Lua health checks", 10_000 / await seconds(lambda: lua.health(bridge, checks)), "/s", 20_000)
        overlay = await seconds(lambda: kustomize.build_tree(bridge, TREE, "over", overrides={}), 100)
        line("kustomize overlay (the command: about 106 ms)", overlay * 1000, "ms", 21, less=True)
        chart = await seconds(lambda: helm.template(bridge, CHART, "c", options={}), 100)
        line("Helm chart (the command: about 85 ms)", chart * 1000, "ms", 8.5, less=True)
        for _ in range(25):
            await asyncio.gather(*(helm.template(bridge, CHART, "c", options={}) for _ in range(100)))
            await asyncio.gather(*(kustomize.build_tree(bridge, TREE, "over", overrides={}) for _ in range(100)))
        line("resident memory after 5,000 requests", resident(bridge.pids[0]), "MB", 160, less=True)


def resident(pid: int) -> float:
    """Return a process's resident memory in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


asyncio.run(main())
